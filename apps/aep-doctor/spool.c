/* SPDX-License-Identifier: Apache-2.0 */
/* Steps: the spool folder, and the clock that its records bear. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "aep/amount.h"
#include "doctor.h"

#include "base/clock.h"
#include "spool/roll_count.h"
#include "spool/status.h"

#define SYNC_SLOW_US 250000
#define CLOCK_BEGIN_US (INT64_C(1735689600) * 1000000) /* 2025: an earlier clock was never set */
#define CLOCK_SLACK_US (60 * INT64_C(1000000))

/* ---- the folder ----------------------------------------------------------------------------- */

static int open_spool(struct aep__doctor *doctor, aep_error *err)
{
    int code = aep_publisher_open(&doctor->publisher, doctor->config, err);
    const char *folder = code == AEP_OK ? aep_publisher_spool_dir(doctor->publisher) : "";
    return *folder ? aep__spool_open(&doctor->spool, folder, NULL, err) : code;
}

static void judge_kind(struct aep__doctor *doctor)
{
    const struct aep__spool *spool = &doctor->spool;
    const char *fs_name = "";
    struct stat st = {0};
    aep__os_fs(spool->dir_fd, &fs_name);
    fstat(spool->dir_fd, &st);
    enum aep__grade grade = spool->fs == AEP__FS_LOCAL ? AEP__GRADE_FINE : AEP__GRADE_WARNING;
    aep__verdict(&doctor->verdicts, grade, "%s (user %lu, mode %03o, file system %s)", spool->path,
                 (unsigned long)st.st_uid, (unsigned)st.st_mode & 07777, fs_name);
    if (spool->fs == AEP__FS_VOLATILE)
        aep__verdict_remedy(&doctor->verdicts,
                            "unsent events are lost with the machine or container: set "
                            "AEP_SPOOL_DIR to a folder on a persistent disk or volume");
    else if (spool->fs == AEP__FS_REMOTE)
        aep__verdict_remedy(&doctor->verdicts, "a spool is not safe on a remote file system: set "
                                               "AEP_SPOOL_DIR to a folder on a local disk");
}

static void judge_space(struct aep__doctor *doctor, const aep_health *health)
{
    struct statvfs disk;
    if (fstatvfs(doctor->spool.dir_fd, &disk) < 0)
        return;
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    uint64_t wanted =
        health->max_bytes > health->used_bytes ? health->max_bytes - health->used_bytes : 0;
    enum aep__grade grade = free_bytes >= wanted                           ? AEP__GRADE_FINE
                            : free_bytes < 2 * doctor->spool.segment_bytes ? AEP__GRADE_FAILED
                                                                           : AEP__GRADE_WARNING;
    aep__verdict(&doctor->verdicts, grade,
                 "%s free on the disk; the spool holds %s and may grow to %s",
                 aep__amount_bytes(free_bytes).text, aep__amount_bytes(health->used_bytes).text,
                 aep__amount_bytes(health->max_bytes).text);
    if (grade != AEP__GRADE_FINE)
        aep__verdict_remedy(&doctor->verdicts, "free some space, or lower spool.max_bytes to what "
                                               "the disk can hold");
}

static void judge_use(struct aep__doctor *doctor, const aep_health *health)
{
    if (health->used_bytes < health->max_bytes / 10 * 8)
        return;
    aep__verdict(&doctor->verdicts, AEP__GRADE_WARNING, "the spool is %d %% full",
                 (int)(100 * (double)health->used_bytes / (double)health->max_bytes));
    aep__verdict_remedy(&doctor->verdicts, doctor->spool.local
                                               ? "the oldest events are removed first; raise "
                                                 "spool.max_bytes to keep more"
                                               : "a full spool refuses events: get Kafka to accept "
                                                 "them, or raise spool.max_bytes");
}

/* A new file that has no name, or none any more. */
static int open_nameless(const struct aep__spool *spool)
{
    const int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW;
    char name[32];
    int fd = openat(spool->dir_fd, ".", O_TMPFILE | flags, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return fd;
    snprintf(name, sizeof name, AEP__SPOOL_TEMP "doctor.%d", (int)getpid());
    fd = openat(spool->dir_fd, name, O_CREAT | O_EXCL | flags, 0600);
    unlinkat(spool->dir_fd, name, 0);
    return fd;
}

/* The microseconds until 4 KiB are on the disk, or -1 with errno. */
static int64_t try_write(const struct aep__spool *spool)
{
    char data[4096] = "";
    int64_t begin_us = aep__clock_mono_us();
    int fd = open_nameless(spool);
    if (fd < 0)
        return -1;
    bool written = write(fd, data, sizeof data) == (ssize_t)sizeof data && fdatasync(fd) == 0;
    int saved = errno;
    close(fd);
    errno = saved;
    return written ? aep__clock_mono_us() - begin_us : -1;
}

static void judge_write(struct aep__doctor *doctor)
{
    int64_t took_us = try_write(&doctor->spool);
    if (took_us < 0) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "cannot write there: %m");
        aep__verdict_remedy(&doctor->verdicts, "check the disk, or set AEP_SPOOL_DIR to another "
                                               "folder");
        return;
    }
    aep__verdict(&doctor->verdicts, took_us < SYNC_SLOW_US ? AEP__GRADE_FINE : AEP__GRADE_WARNING,
                 "writable; 4 KiB reach the disk in %s",
                 aep__amount_ms((double)took_us / 1000).text);
    if (took_us >= SYNC_SLOW_US)
        aep__verdict_remedy(&doctor->verdicts, "the disk is slow: with spool.sync=always each "
                                               "publish waits that long");
}

static void judge_open(struct aep__doctor *doctor)
{
    struct aep__roll_counts roll;
    if (aep__roll_count(&doctor->spool, &roll) < 0) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED,
                     "cannot read %s/" AEP__ROLL_FOLDER ": %m", doctor->spool.path);
        aep__verdict_remedy(&doctor->verdicts, "move it away: executions cannot be started there");
        return;
    }
    if (roll.elsewhere) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_UNKNOWN,
                     "%llu open executions belong to processes of another pid namespace",
                     (unsigned long long)roll.elsewhere);
        aep__verdict_remedy(&doctor->verdicts,
                            "run a relay there, or share the pid namespace: nobody here can tell "
                            "whether they live");
    }
    if (roll.damaged) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_WARNING,
                     "%llu open executions cannot be read from the roll",
                     (unsigned long long)roll.damaged);
        aep__verdict_remedy(&doctor->verdicts,
                            "check the disk; end them with `aep publish failed`");
    }
}

void aep__doctor_spool(struct aep__doctor *doctor)
{
    aep_health health = AEP_HEALTH_INIT;
    aep_error err;
    int code = open_spool(doctor, &err);
    if (code != AEP_OK) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "%s", err.text);
        aep__verdict_remedy(&doctor->verdicts,
                            "mend that folder, or set AEP_SPOOL_DIR to another one on a local "
                            "disk that belongs to this user");
        return;
    }
    if (doctor->spool.dir_fd < 0) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_SKIPPED, "none: events.enabled=false");
        return;
    }
    judge_kind(doctor);
    if (aep_publisher_health(doctor->publisher, &health, &err) == AEP_OK) {
        judge_space(doctor, &health);
        judge_use(doctor, &health);
    } else {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "%s", err.text);
        aep__verdict_remedy(&doctor->verdicts, "move the folder away; a new one will be created");
    }
    judge_open(doctor);
    judge_write(doctor);
}

/* ---- the clock ------------------------------------------------------------------------------ */

static bool boot_known(void)
{
    uint8_t boot[16], zero[16] = {0};
    aep__os_boot_id(boot);
    return memcmp(boot, zero, sizeof boot) != 0;
}

/* Whether the relay has written at a time in the future. */
static bool was_set_back(const struct aep__doctor *doctor, int64_t now_us)
{
    struct aep__status status;
    return doctor->spool.dir_fd >= 0 && aep__status_read(&doctor->spool, &status, NULL) == AEP_OK &&
           status.written_us > now_us + CLOCK_SLACK_US;
}

void aep__doctor_clock(struct aep__doctor *doctor)
{
    char text[AEP__TIME_SIZE];
    int64_t now_us = aep__clock_wall_us();
    aep__clock_format(now_us, text);
    if (now_us < CLOCK_BEGIN_US) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "the clock says %s", text);
        aep__verdict_remedy(&doctor->verdicts, "set the clock: events carry its time");
    } else if (was_set_back(doctor, now_us)) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_WARNING,
                     "%s; it was set back since the relay last wrote", text);
        aep__verdict_remedy(&doctor->verdicts, "check that the clock is right (timedatectl)");
    } else {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE, "%s", text);
    }
    if (boot_known())
        return;
    aep__verdict(&doctor->verdicts, AEP__GRADE_WARNING, "the kernel's boot id cannot be read");
    aep__verdict_remedy(&doctor->verdicts,
                        "make /proc/sys/kernel/random/boot_id readable: without it aep does not "
                        "notice that the machine restarted");
}

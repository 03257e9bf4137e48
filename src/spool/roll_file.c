/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/roll_file.h"

#include "base/crc32c.h"
#include "base/endian.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FIRST_UNITS 8 /* that a new file has blocks for */
#define ENTRUSTED_PREFIX "for."
#define HOLD_BYTE 0        /* locked by the owner */
#define STAMP_LAG_US 20000 /* files are stamped with a clock that may lag behind by 10 ms */

static const char file_magic[8] = "aepopen1";

int aep__roll_folder(const struct aep__spool *spool, bool make)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
    struct stat st;
    int fd = aep__os_above(openat(spool->dir_fd, AEP__ROLL_FOLDER, flags));
    if (fd < 0 && errno == ENOENT && make) {
        if (mkdirat(spool->dir_fd, AEP__ROLL_FOLDER, 0700) < 0 && errno != EEXIST)
            return -1;
        fchmodat(spool->dir_fd, AEP__ROLL_FOLDER, 0700, 0); /* whatever the umask */
        fd = aep__os_above(openat(spool->dir_fd, AEP__ROLL_FOLDER, flags));
    }
    if (fd < 0 || (fstat(fd, &st) == 0 && st.st_uid == geteuid()))
        return fd;
    close(fd);
    errno = EPERM;
    return -1;
}

static int close_folder(int folder, int result)
{
    int saved = errno;
    if (folder >= 0)
        close(folder);
    errno = saved;
    return result;
}

static int open_in(int folder, const char *name, int flags)
{
    struct stat st;
    int fd = aep__os_above(
        openat(folder, name, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid()))
        return fd;
    close(fd);
    errno = EPERM;
    return -1;
}

int aep__roll_open(const struct aep__spool *spool, const char *name)
{
    int folder = aep__roll_folder(spool, false);
    return close_folder(folder, folder < 0 ? -1 : open_in(folder, name, 0));
}

int aep__roll_remove(const struct aep__spool *spool, const char *name)
{
    int folder = aep__roll_folder(spool, false);
    return close_folder(folder, folder < 0 ? -1 : unlinkat(folder, name, 0));
}

/* magic | crc32c of the rest | kind | boot | pid_ns | time_ns | begun | pid | name */
static void encode_process(char unit[AEP__ROLL_UNIT_BYTES], const struct aep__os_process *process,
                           enum aep__roll_kind kind)
{
    memset(unit, 0, AEP__ROLL_UNIT_BYTES);
    memcpy(unit, file_magic, sizeof file_magic);
    aep__put32(unit + 12, (uint32_t)kind);
    memcpy(unit + 16, process->boot, sizeof process->boot);
    aep__put64(unit + 32, process->pid_ns);
    aep__put64(unit + 40, process->time_ns);
    aep__put64(unit + 48, process->begun);
    aep__put64(unit + 56, (uint64_t)process->pid);
    memcpy(unit + 64, process->name, sizeof process->name);
    aep__put32(unit + 8, aep__crc32c(0, unit + 12, AEP__ROLL_UNIT_BYTES - 12));
}

int aep__roll_read_process(int fd, struct aep__os_process *ret, enum aep__roll_kind *ret_kind)
{
    char unit[AEP__ROLL_UNIT_BYTES];
    ssize_t got = pread(fd, unit, sizeof unit, 0);
    if (got < 0)
        return -1;
    if (got < (ssize_t)sizeof unit || memcmp(unit, file_magic, sizeof file_magic) != 0 ||
        aep__get32(unit + 8) != aep__crc32c(0, unit + 12, AEP__ROLL_UNIT_BYTES - 12))
        return 0;
    *ret = (struct aep__os_process){
        .pid_ns = aep__get64(unit + 32),
        .time_ns = aep__get64(unit + 40),
        .begun = aep__get64(unit + 48),
        .pid = (int64_t)aep__get64(unit + 56),
    };
    memcpy(ret->boot, unit + 16, sizeof ret->boot);
    memcpy(ret->name, unit + 64, sizeof ret->name - 1);
    *ret_kind = aep__get32(unit + 12) == AEP__ROLL_ENTRUSTED ? AEP__ROLL_ENTRUSTED : AEP__ROLL_OWN;
    return 1;
}

/* A version 7 id's last eight bytes: its random part. */
void aep__roll_entrusted_name(const uint8_t execution[16], char name[AEP__ROLL_NAME_SIZE])
{
    uint64_t random;
    memcpy(&random, execution + 8, sizeof random);
    snprintf(name, AEP__ROLL_NAME_SIZE, ENTRUSTED_PREFIX "%016" PRIx64, be64toh(random));
}

bool aep__roll_is_entrusted(const char *name)
{
    return strncmp(name, ENTRUSTED_PREFIX, sizeof ENTRUSTED_PREFIX - 1) == 0;
}

int aep__roll_make(const struct aep__spool *spool, const struct aep__os_process *process,
                   enum aep__roll_kind kind, const uint8_t execution[16],
                   char name[AEP__ROLL_NAME_SIZE])
{
    char unit[AEP__ROLL_UNIT_BYTES];
    uint64_t random;
    int folder = aep__roll_folder(spool, true);
    if (folder < 0 || aep__os_random(&random, sizeof random) < 0)
        return close_folder(folder, -1);
    if (execution)
        aep__roll_entrusted_name(execution, name);
    else
        snprintf(name, AEP__ROLL_NAME_SIZE, "%" PRId64 ".%016" PRIx64, process->pid, random);
    int fd = open_in(folder, name, O_CREAT | O_EXCL);
    if (fd < 0)
        return close_folder(folder, -1);
    fchmod(fd, 0600);
    aep__roll_hold(fd);
    encode_process(unit, process, kind);
    int result = aep__os_extend(fd, 0, (off_t)FIRST_UNITS * AEP__ROLL_UNIT_BYTES);
    if (result == 0 && pwrite(fd, unit, sizeof unit, 0) != (ssize_t)sizeof unit)
        result = -1;
    if (result < 0) {
        int saved = errno;
        unlinkat(folder, name, 0);
        close(fd);
        errno = saved;
        fd = -1;
    }
    return close_folder(folder, fd);
}

bool aep__roll_hold(int fd)
{
    return aep__os_lock(fd, HOLD_BYTE, 1) == 0;
}

bool aep__roll_held(int fd)
{
    return aep__os_locked(fd, HOLD_BYTE, 1);
}

int aep__roll_each(const struct aep__spool *spool, aep__roll_fn fn, void *user)
{
    int folder = aep__roll_folder(spool, false);
    DIR *dir = folder < 0 ? NULL : fdopendir(folder);
    if (!dir)
        return close_folder(folder, errno == ENOENT ? 0 : -1);
    bool more = true;
    for (struct dirent *entry; more && (entry = readdir(dir));)
        if (entry->d_name[0] != '.' && strlen(entry->d_name) < AEP__ROLL_NAME_SIZE)
            more = fn(user, entry->d_name);
    closedir(dir);
    return 0;
}

struct syncing {
    const struct aep__spool *spool;
    int64_t since_us;
    int error;
    bool any;
};

/* Written at the same moment as the sync before counts as written after it. */
static bool sync_one(void *user, const char *name)
{
    struct syncing *syncing = user;
    struct stat st;
    int fd = aep__roll_open(syncing->spool, name);
    if (fd < 0)
        return true;
    if (fstat(fd, &st) == 0 &&
        (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000 >= syncing->since_us) {
        syncing->any = true;
        if (fdatasync(fd) < 0 && !syncing->error)
            syncing->error = errno;
    }
    close(fd);
    return true;
}

int aep__roll_sync(const struct aep__spool *spool, int64_t *since_us)
{
    struct syncing syncing = {.spool = spool};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    int64_t now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    if (*since_us <= now_us) /* else the clock was set back */
        syncing.since_us = *since_us;
    aep__roll_each(spool, sync_one, &syncing);
    int folder = syncing.any ? aep__roll_folder(spool, false) : -1;
    if (folder >= 0 && fsync(folder) < 0 && !syncing.error)
        syncing.error = errno;
    close_folder(folder, 0);
    errno = syncing.error;
    if (syncing.error)
        return -1;
    *since_us = now_us - STAMP_LAG_US;
    return 0;
}

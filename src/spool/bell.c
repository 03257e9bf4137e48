/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/bell.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BELL_NAME "bell"
#define LOCK_NAME "relay.lock"
#define VAIN_STARTS 3 /* in a row, that cost the next one no wait */

int aep__bell_open(const struct aep__spool *spool)
{
    int fd = aep__spool_openat(spool, BELL_NAME, O_RDWR, S_IFIFO);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    if (mkfifoat(spool->dir_fd, BELL_NAME, 0600) < 0 && errno != EEXIST)
        return -1;
    fchmodat(spool->dir_fd, BELL_NAME, 0600, 0); /* whatever the umask */
    return aep__spool_openat(spool, BELL_NAME, O_RDWR, S_IFIFO);
}

int aep__bell_error(const struct aep__spool *spool, aep_error *err)
{
    if (errno == EPERM || errno == ELOOP || errno == EISDIR)
        return aep__error(err, AEP_ESPOOL, "spool.dir",
                          "%s/" BELL_NAME " is not a FIFO of this user: remove it, and a new one "
                          "is made",
                          spool->path);
    return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot open the FIFO %s/" BELL_NAME,
                            spool->path);
}

void aep__bell_ring(int fd)
{
    /* A full FIFO has rung already. */
    if (fd >= 0 && write(fd, "", 1) < 0)
        return;
}

void aep__bell_drain(int fd)
{
    char bytes[4096];
    while (read(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes)
        ;
}

/* ---- the lock ---- */

static void forget_try(int fd)
{
    futimens(fd, (struct timespec[2]){{0, 0}, {0, 0}});
}

static uint8_t read_vain(int fd)
{
    uint8_t count;
    return pread(fd, &count, 1, 0) == 1 ? count : 0;
}

static void write_vain(int fd, uint8_t count)
{
    if (pwrite(fd, &count, 1, 0) < 0)
        return; /* a full disk: the next start comes at once, as if there had been none in vain */
}

static void set_vain(int fd, uint8_t count)
{
    if (read_vain(fd) != count)
        write_vain(fd, count);
}

int aep__lock_open(const struct aep__spool *spool)
{
    int fd = aep__spool_openat(spool, LOCK_NAME, O_RDWR, S_IFREG);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    fd = aep__spool_openat(spool, LOCK_NAME, O_RDWR | O_CREAT, S_IFREG);
    if (fd < 0)
        return -1;
    fchmod(fd, 0600);
    write_vain(fd, 0); /* now, while the disk has a block for it */
    forget_try(fd);
    return fd;
}

bool aep__lock_held(int fd)
{
    return aep__os_locked(fd, 0, 1);
}

bool aep__lock_take(int fd)
{
    return aep__os_lock(fd, 0, 1) == 0;
}

void aep__lock_release(int fd)
{
    aep__os_unlock(fd, 0, 1);
}

static bool time_has_come(int fd, unsigned interval_ms)
{
    struct timespec now;
    struct stat st;
    clock_gettime(CLOCK_REALTIME, &now);
    if (fstat(fd, &st) < 0)
        return false;
    int64_t since_ms = (int64_t)(now.tv_sec - st.st_mtim.tv_sec) * 1000 +
                       (now.tv_nsec - st.st_mtim.tv_nsec) / 1000000;
    return since_ms < 0 || since_ms >= interval_ms; /* before: the clock was set back */
}

bool aep__lock_tried(int fd, unsigned interval_ms)
{
    return !time_has_come(fd, interval_ms);
}

bool aep__lock_in_vain(int fd)
{
    return !aep__lock_held(fd) && aep__lock_tried(fd, UINT_MAX);
}

/* The lock on a second byte, held for an instant, makes looking and touching one step: a process
 * that does not get it was not the first. Whether a relay has come up meanwhile is looked at under that
 * lock: otherwise the time of this try would stay, and delay the start of the next relay. */
static bool take_turn(int fd, unsigned interval_ms, bool beside_another)
{
    bool turn = aep__os_lock(fd, 1, 1) == 0;
    if (turn) {
        turn = time_has_come(fd, interval_ms) && (beside_another || !aep__lock_held(fd)) &&
               futimens(fd, NULL) == 0;
        aep__os_unlock(fd, 1, 1);
    }
    return turn;
}

bool aep__lock_may_start(int fd, unsigned interval_ms)
{
    return take_turn(fd, interval_ms, false);
}

bool aep__lock_may_contend(int fd, unsigned interval_ms)
{
    return take_turn(fd, interval_ms, true);
}

/* Writing the count also makes the time of the try now. */
void aep__lock_started(int fd)
{
    uint8_t vain = read_vain(fd);
    if (vain < VAIN_STARTS) {
        set_vain(fd, (uint8_t)(vain + 1));
        forget_try(fd);
    }
}

void aep__lock_failed(int fd)
{
    futimens(fd, NULL);
}

void aep__lock_proved(int fd)
{
    set_vain(fd, 0);
    forget_try(fd);
}

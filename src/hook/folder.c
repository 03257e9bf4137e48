/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/folder.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/hash.h"
#include "base/os.h"
#include "hook/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define KEPT_S (7 * 86400) /* after a session's end */
#define KEPT_FILES 8       /* in one of the folders, before those that ended are removed */

/* ---- names ---- */

static void hash_name(const char *kind, enum aep__hook_agent_id agent, const void *data, size_t len,
                      char name[40])
{
    uint8_t hash[16];
    struct aep__buf whole = {0};
    aep__buf_byte(&whole, (char)agent);
    aep__buf_text(&whole, kind);
    aep__buf_add(&whole, data, len);
    aep__digest128(whole.failed ? "" : whole.data, whole.failed ? 0 : whole.len, hash);
    aep__buf_done(&whole);
    for (int i = 0; i < 16; i++)
        snprintf(name + 2 * i, 3, "%02x", hash[i]);
    snprintf(name + 32, 2, "%s", kind);
}

static int open_folder(int spool_fd, const char name[40], bool make)
{
    char path[16];
    snprintf(path, sizeof path, AEP__HOOK_FOLDER "/%.2s", name);
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
    int fd = aep__os_above(openat(spool_fd, path, flags));
    if (fd >= 0 || errno != ENOENT || !make)
        return fd;
    if ((mkdirat(spool_fd, AEP__HOOK_FOLDER, 0700) < 0 && errno != EEXIST) ||
        (mkdirat(spool_fd, path, 0700) < 0 && errno != EEXIST))
        return -1;
    return aep__os_above(openat(spool_fd, path, flags));
}

static int open_file(int dir_fd, const char *name, int flags)
{
    struct stat st;
    int fd = aep__os_above(openat(dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid())
        return fd;
    close(fd);
    errno = EPERM;
    return -1;
}

/* ---- the lock ---- */

static void on_alarm(int signal)
{
    (void)signal;
}

/* Waits in the kernel, in a queue, and not in turns of our own: two hundred may come at once. The alarm
 * repeats, since the first may come before the call that it is to end. An agent may have blocked it. */
static int lock_within(int fd, int ms)
{
    if (aep__os_lock(fd, 0, 1) == 0)
        return 0;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    struct sigaction action = {.sa_handler = on_alarm}, before;
    struct itimerval timer = {{0, 1000}, {0, ms * 1000}}, none = {{0, 0}, {0, 0}};
    int64_t until_us = aep__clock_mono_us() + (int64_t)ms * 1000;
    sigset_t alarm, blocked;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    sigaction(SIGALRM, &action, &before);
    pthread_sigmask(SIG_UNBLOCK, &alarm, &blocked);
    setitimer(ITIMER_REAL, &timer, NULL);
    int result;
    do
        result = fcntl(fd, F_OFD_SETLKW, &lock);
    while (result < 0 && errno == EINTR && aep__clock_mono_us() < until_us);
    int saved = errno == EINTR ? ETIMEDOUT : errno;
    setitimer(ITIMER_REAL, &none, NULL);
    pthread_sigmask(SIG_SETMASK, &blocked, NULL);
    sigaction(SIGALRM, &before, NULL);
    errno = saved;
    return result;
}

/* ---- a session's file ---- */

static bool is_same(int fd, int dir_fd, const char *name)
{
    struct stat ours, theirs;
    return fstat(fd, &ours) == 0 && fstatat(dir_fd, name, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

/* Somebody who tidies may have removed it before we had the lock. */
int aep__hook_file_open(struct aep__hook_file *file, int spool_fd, enum aep__hook_agent_id agent,
                        const char *id, size_t len)
{
    *file = (struct aep__hook_file){.fd = -1, .dir_fd = -1};
    hash_name("s", agent, id, len, file->name);
    file->dir_fd = open_folder(spool_fd, file->name, true);
    for (int tries = 0; file->dir_fd >= 0 && tries < 4; tries++) {
        file->fd = open_file(file->dir_fd, file->name, O_RDWR | O_CREAT);
        if (file->fd < 0 || lock_within(file->fd, AEP__HOOK_LOCK_MS) < 0)
            return -1;
        if (is_same(file->fd, file->dir_fd, file->name))
            return 0;
        close(file->fd);
        file->fd = -1;
        errno = ESTALE;
    }
    return -1;
}

void aep__hook_file_close(struct aep__hook_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (file->dir_fd >= 0)
        close(file->dir_fd);
    file->fd = file->dir_fd = -1;
}

struct slot {
    char magic[4];
    uint32_t crc; /* of what follows */
    uint64_t number;
    struct aep__hook_state state;
};

#define SLOT_BYTES ((sizeof(struct slot) + 4095) / 4096 * 4096)
static const char slot_magic[4] = "aeph";

static uint32_t sum(const struct slot *slot)
{
    return aep__crc32c(0, &slot->number, sizeof *slot - offsetof(struct slot, number));
}

static bool read_slot(int fd, int which, struct slot *ret)
{
    return pread(fd, ret, sizeof *ret, (off_t)which * (off_t)SLOT_BYTES) == (ssize_t)sizeof *ret &&
           memcmp(ret->magic, slot_magic, sizeof slot_magic) == 0 && ret->crc == sum(ret) &&
           aep__hook_state_sound(&ret->state);
}

static bool read_newest(int fd, struct slot *ret)
{
    struct slot other;
    bool one = read_slot(fd, 0, ret), two = read_slot(fd, 1, &other);
    if (two && (!one || other.number > ret->number))
        *ret = other;
    return one || two;
}

bool aep__hook_file_read(struct aep__hook_file *file, struct aep__hook_state *ret)
{
    struct slot slot;
    bool found = read_newest(file->fd, &slot);
    file->made = !found;
    file->number = found ? slot.number : 0;
    if (found)
        *ret = slot.state;
    return found;
}

int aep__hook_file_write(struct aep__hook_file *file, const struct aep__hook_state *state)
{
    struct slot slot = {.number = file->number + 1, .state = *state};
    memcpy(slot.magic, slot_magic, sizeof slot_magic);
    slot.crc = sum(&slot);
    off_t at = (off_t)(slot.number % 2) * (off_t)SLOT_BYTES;
    ssize_t written = pwrite(file->fd, &slot, sizeof slot, at);
    if (written != (ssize_t)sizeof slot) {
        errno = written < 0 ? errno : ENOSPC;
        return -1;
    }
    file->number++;
    return 0;
}

void aep__hook_file_remove(const struct aep__hook_file *file)
{
    unlinkat(file->dir_fd, file->name, 0);
}

/* ---- tidying ---- */

struct old {
    char name[40];
    int64_t changed_s;
};

/* Whether it may go: nothing in it is open, or nobody is left who could go on. */
static bool is_over(int dir_fd, const char *name, const struct aep__os_process *self)
{
    struct slot slot;
    int fd = open_file(dir_fd, name, O_RDWR);
    bool over = fd >= 0 && aep__os_lock(fd, 0, 1) == 0;
    if (over && read_newest(fd, &slot) && aep__hook_level_open(&slot.state.session)) {
        enum aep__os_life life = aep__os_process_life(&slot.state.process, self);
        over = life == AEP__OS_GONE || life == AEP__OS_REBOOTED;
    }
    if (over)
        unlinkat(dir_fd, name, 0);
    if (fd >= 0)
        close(fd);
    return over;
}

static int by_age(const void *one, const void *other)
{
    int64_t a = ((const struct old *)one)->changed_s, b = ((const struct old *)other)->changed_s;
    return (a > b) - (a < b);
}

static size_t list_folder(int dir_fd, struct old *all, size_t max)
{
    size_t count = 0;
    struct stat st;
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *entry; folder && count < max && (entry = readdir(folder));) {
        if (strlen(entry->d_name) != 33 ||
            fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        memcpy(all[count].name, entry->d_name, 34);
        all[count++].changed_s = st.st_mtim.tv_sec;
    }
    if (folder)
        closedir(folder);
    else if (fd >= 0)
        close(fd);
    return count;
}

void aep__hook_file_tidy(const struct aep__hook_file *file, const struct aep__os_process *self)
{
    struct old all[16 * KEPT_FILES];
    size_t count = list_folder(file->dir_fd, all, sizeof all / sizeof *all), left = count;
    int64_t now_s = aep__clock_wall_us() / 1000000;
    qsort(all, count, sizeof *all, by_age);
    for (size_t i = 0; i < count; i++) {
        bool old = all[i].changed_s < now_s - KEPT_S;
        if (strcmp(all[i].name, file->name) != 0 && (old || left > KEPT_FILES))
            left -= is_over(file->dir_fd, all[i].name, self);
    }
}

/* ---- /clear ---- */

static void process_name(enum aep__hook_agent_id agent, const struct aep__os_process *process,
                         char name[40])
{
    char text[160];
    int len = snprintf(text, sizeof text, "%lld %llu %llu ", (long long)process->pid,
                       (unsigned long long)process->begun, (unsigned long long)process->pid_ns);
    memcpy(text + len, process->boot, sizeof process->boot);
    hash_name("p", agent, text, (size_t)len + sizeof process->boot, name);
}

void aep__hook_cleared_write(int spool_fd, enum aep__hook_agent_id agent,
                             const struct aep__os_process *process, const uint8_t execution[16])
{
    char name[40];
    process_name(agent, process, name);
    int dir_fd = open_folder(spool_fd, name, true);
    int fd = dir_fd < 0 ? -1 : open_file(dir_fd, name, O_WRONLY | O_CREAT);
    if (fd >= 0) {
        ssize_t written = pwrite(fd, execution, 16, 0);
        (void)written;
        close(fd);
    }
    if (dir_fd >= 0)
        close(dir_fd);
}

bool aep__hook_cleared_take(int spool_fd, enum aep__hook_agent_id agent,
                            const struct aep__os_process *process, uint8_t execution[16])
{
    char name[40];
    process_name(agent, process, name);
    int dir_fd = open_folder(spool_fd, name, false);
    int fd = dir_fd < 0 ? -1 : open_file(dir_fd, name, O_RDONLY);
    bool found = fd >= 0 && pread(fd, execution, 16, 0) == 16;
    if (found)
        unlinkat(dir_fd, name, 0);
    if (fd >= 0)
        close(fd);
    if (dir_fd >= 0)
        close(dir_fd);
    return found;
}

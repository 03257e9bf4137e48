/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/log.h"

#include "base/clock.h"
#include "base/folder.h"
#include "base/log.h"
#include "base/os.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT_BYTES 256
#define FILE_BYTES ((AEP__HOOK_AGENTS + 1) * SLOT_BYTES)

/* A record in the file. */
struct slot {
    _Atomic uint64_t count, errors;
    _Atomic int64_t seen_us, error_us;
    char event[48], error[160];
    char rest[SLOT_BYTES - 240];
};
_Static_assert(sizeof(struct slot) == SLOT_BYTES, "a record has its place");

int aep__hook_log_fallback(void)
{
    char path[PATH_MAX];
    const char *state = secure_getenv("XDG_STATE_HOME"), *home = secure_getenv("HOME");
    int len = state && *state == '/' ? snprintf(path, sizeof path, "%s/aep", state)
              : home && *home == '/' ? snprintf(path, sizeof path, "%s/.local/state/aep", home)
                                     : -1;
    if (len < 0 || (size_t)len >= sizeof path) {
        errno = ENOENT;
        return -1;
    }
    if (aep__folder_make(path) < 0)
        return -1;
    return aep__os_above(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* -1 with errno */
static int open_seen(int dir_fd, int flags)
{
    static const char name[] = AEP__HOOK_FOLDER "/" AEP__HOOK_SEEN;
    struct stat st;
    flags |= O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = aep__os_above(openat(dir_fd, name, flags, 0600));
    if (fd < 0 && errno == ENOENT && (flags & O_CREAT) &&
        mkdirat(dir_fd, AEP__HOOK_FOLDER, 0700) == 0)
        fd = aep__os_above(openat(dir_fd, name, flags, 0600));
    if (fd < 0)
        return -1;
    bool sound = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid();
    if (sound && (flags & O_CREAT) && st.st_size < FILE_BYTES)
        sound = ftruncate(fd, FILE_BYTES) == 0 && aep__os_reserve(fd, 0, FILE_BYTES) == 0;
    if (sound)
        return fd;
    close(fd);
    errno = EPERM;
    return -1;
}

static struct slot *map_slots(int dir_fd)
{
    int fd = dir_fd < 0 ? -1 : open_seen(dir_fd, O_RDWR | O_CREAT);
    if (fd < 0)
        return NULL;
    void *slots = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return slots == MAP_FAILED ? NULL : slots;
}

static void put_text(char *to, size_t size, const char *text)
{
    char plain[SLOT_BYTES] = "";
    size_t len = strlen(text);
    len = aep__utf8_cut(text, len, size - 1);
    memcpy(plain, text, len);
    len = aep__utf8_plain(plain, len);
    memset(plain + len, 0, sizeof plain - len);
    memcpy(to, plain, size);
}

void aep__hook_log_count(int dir_fd, enum aep__hook_agent_id id, const char *event)
{
    struct slot *slots = map_slots(dir_fd);
    if (!slots)
        return;
    put_text(slots[id].event, sizeof slots[id].event, event);
    atomic_fetch_add(&slots[id].count, 1);
    atomic_store(&slots[id].seen_us, aep__clock_wall_us());
    munmap(slots, FILE_BYTES);
}

static void count_error(int dir_fd, enum aep__hook_agent_id id, const char *text)
{
    struct slot *slots = map_slots(dir_fd);
    if (!slots)
        return;
    put_text(slots[id].error, sizeof slots[id].error, text);
    atomic_fetch_add(&slots[id].errors, 1);
    atomic_store(&slots[id].error_us, aep__clock_wall_us());
    munmap(slots, FILE_BYTES);
}

void aep__hook_log_error(int dir_fd, enum aep__hook_agent_id id, const char *format, ...)
{
    char text[512];
    struct aep__log log;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (dir_fd < 0)
        return;
    count_error(dir_fd, id, text);
    aep__log_init(&log, dir_fd, AEP__HOOK_LOG, false);
    aep__log_write(&log, AEP_LOG_WARNING, "%s: %s",
                   id < AEP__HOOK_AGENTS ? aep__hook_agents[id].name : "hook", text);
    aep__log_done(&log);
}

void aep__hook_log_read(int dir_fd, enum aep__hook_agent_id id, struct aep__hook_seen *ret)
{
    struct slot slot;
    int fd = dir_fd < 0 ? -1 : open_seen(dir_fd, O_RDONLY);
    *ret = (struct aep__hook_seen){0};
    if (fd < 0)
        return;
    if (pread(fd, &slot, sizeof slot, (off_t)id * SLOT_BYTES) == (ssize_t)sizeof slot) {
        ret->count = slot.count;
        ret->errors = slot.errors;
        ret->seen_us = slot.seen_us;
        ret->error_us = slot.error_us;
        memcpy(ret->event, slot.event, sizeof ret->event - 1);
        memcpy(ret->error, slot.error, sizeof ret->error - 1);
    }
    close(fd);
}

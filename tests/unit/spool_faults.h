/* SPDX-License-Identifier: Apache-2.0 */
/* System calls under a test's control: a program that includes this once has its own write(2) and
 * so on in libc's place. A hook, if set, is called first; it returns whether it has handled the
 * call. Any thread may call, even while a hook is set or removed. A hook is not called from within
 * itself. */
#ifndef AEP_TESTS_SPOOL_FAULTS_H
#define AEP_TESTS_SPOOL_FAULTS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum fault_call {
    CALL_WRITE,
    CALL_PREAD,
    CALL_PWRITE,
    CALL_STATX,
    CALL_FALLOCATE,
    CALL_FSYNC,
    CALL_FDATASYNC,
    CALL_LINK,
    CALL_UNLINK,
    CALL_COUNT,
};

struct fault_args {
    enum fault_call call;
    int fd;           /* or the folder's */
    const char *name; /* of link: the new one; of unlink */
    const void *data; /* of write, pwrite */
    size_t len;
    off_t offset; /* of pwrite, fallocate */
    int mode;     /* of fallocate */
};

/* Returns true if it has handled the call, whose result is *ret (-1: errno is set). */
typedef bool (*fault_fn)(const struct fault_args *args, ssize_t *ret);

static _Atomic(fault_fn) fault_hooks[CALL_COUNT];
static _Thread_local bool fault_inside[CALL_COUNT];
static _Atomic int fault_calls; /* that count_call() has seen */

static inline void no_faults(void)
{
    for (int i = 0; i < CALL_COUNT; i++)
        fault_hooks[i] = NULL;
}

static inline bool asked_hook(struct fault_args args, ssize_t *ret)
{
    fault_fn hook = fault_hooks[args.call];
    if (!hook || fault_inside[args.call])
        return false;
    fault_inside[args.call] = true;
    bool done = hook(&args, ret);
    fault_inside[args.call] = false;
    return done;
}

static inline bool fails_with(int number, ssize_t *ret)
{
    errno = number;
    *ret = -1;
    return true;
}

/* Hooks that many tests use. */
static inline bool count_call(const struct fault_args *args, ssize_t *ret)
{
    (void)args, (void)ret;
    fault_calls++;
    return false;
}

static inline bool no_space(const struct fault_args *args, ssize_t *ret)
{
    (void)args;
    return fails_with(ENOSPC, ret);
}

static inline bool io_error(const struct fault_args *args, ssize_t *ret)
{
    (void)args;
    return fails_with(EIO, ret);
}

ssize_t write(int fd, const void *data, size_t len)
{
    ssize_t ret;
    struct fault_args args = {.call = CALL_WRITE, .fd = fd, .data = data, .len = len};
    return asked_hook(args, &ret) ? ret : syscall(SYS_write, fd, data, len);
}

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
    ssize_t ret;
    struct fault_args args = {.call = CALL_PREAD, .fd = fd, .len = len};
    return asked_hook(args, &ret) ? ret : syscall(SYS_pread64, fd, data, len, offset);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    ssize_t ret;
    struct fault_args args = {
        .call = CALL_PWRITE, .fd = fd, .data = data, .len = len, .offset = offset};
    return asked_hook(args, &ret) ? ret : syscall(SYS_pwrite64, fd, data, len, offset);
}

int statx(int fd, const char *restrict path, int flags, unsigned mask, struct statx *restrict stx)
{
    ssize_t ret;
    struct fault_args args = {.call = CALL_STATX, .fd = fd};
    return (int)(asked_hook(args, &ret) ? ret : syscall(SYS_statx, fd, path, flags, mask, stx));
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    ssize_t ret;
    struct fault_args args = {
        .call = CALL_FALLOCATE, .fd = fd, .len = (size_t)len, .offset = offset, .mode = mode};
    return (int)(asked_hook(args, &ret) ? ret : syscall(SYS_fallocate, fd, mode, offset, len));
}

int fsync(int fd)
{
    ssize_t ret;
    struct fault_args args = {.call = CALL_FSYNC, .fd = fd};
    return (int)(asked_hook(args, &ret) ? ret : syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
    ssize_t ret;
    struct fault_args args = {.call = CALL_FDATASYNC, .fd = fd};
    return (int)(asked_hook(args, &ret) ? ret : syscall(SYS_fdatasync, fd));
}

int linkat(int old_dir, const char *old_name, int new_dir, const char *new_name, int flags)
{
    ssize_t ret;
    struct fault_args args = {.call = CALL_LINK, .fd = new_dir, .name = new_name};
    return (int)(asked_hook(args, &ret)
                     ? ret
                     : syscall(SYS_linkat, old_dir, old_name, new_dir, new_name, flags));
}

int unlinkat(int dir, const char *name, int flags)
{
    ssize_t ret;
    struct fault_args args = {.call = CALL_UNLINK, .fd = dir, .name = name};
    return (int)(asked_hook(args, &ret) ? ret : syscall(SYS_unlinkat, dir, name, flags));
}

#endif

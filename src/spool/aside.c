/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/aside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A log that is gone by now was sent. A link, or a file that is not ours, is not a log. */
static bool is_no_log(int error)
{
    return error == ENOENT || error == ELOOP || error == EPERM;
}

/* 1: go on; 0: fn has had enough; -1 errno. */
static int read_log(const struct aep__spool *spool, const char *name, enum aep__fate fate,
                    aep__aside_fn fn, void *user)
{
    struct aep__sidelog log;
    struct aep__sidelog_entry entry;
    struct aep__buf buf = {0};
    int read, result = 1;
    if (aep__sidelog_open(&log, spool, name, false) < 0)
        return is_no_log(errno) ? 1 : -1;
    for (uint64_t at = log.begin;
         result > 0 && (read = aep__sidelog_read(&log, at, &buf, &entry)) != 0; at = entry.next)
        result = read < 0 ? -1 : fn(user, &entry.note, fate);
    int saved = errno;
    aep__buf_done(&buf);
    aep__sidelog_done(&log);
    errno = saved;
    return result;
}

static int read_parked(const struct aep__spool *spool, aep__aside_fn fn, void *user)
{
    const size_t prefix = strlen(AEP__SIDELOG_PARKED_PREFIX);
    int result = 1, fd = openat(spool->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    for (const struct dirent *file; result > 0 && (file = readdir(dir));)
        if (strncmp(file->d_name, AEP__SIDELOG_PARKED_PREFIX, prefix) == 0)
            result = read_log(spool, file->d_name, AEP__FATE_PARKED, fn, user);
    int saved = errno;
    closedir(dir);
    errno = saved;
    return result;
}

int aep__aside_each(const struct aep__spool *spool, aep__aside_fn fn, void *user)
{
    int result = read_log(spool, AEP__SIDELOG_DEAD, AEP__FATE_DEAD, fn, user);
    if (result > 0)
        result = read_parked(spool, fn, user);
    return result < 0 ? -1 : 0;
}

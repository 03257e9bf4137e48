/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/ballast.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BALLAST_NAME "ballast"
#define BALLAST_BYTES (1024 * 1024)
#define VOLUME_PART 16 /* of a small volume it takes one part in so many */

static off_t find_size(const struct aep__spool *spool)
{
    uint64_t volume, room;
    if (aep__os_volume(spool->dir_fd, &volume, &room) < 0 || volume / VOLUME_PART > BALLAST_BYTES)
        return BALLAST_BYTES;
    return (off_t)(volume / VOLUME_PART);
}

/* One that was made larger, on a volume that has shrunk since or by an earlier version, gives the rest
 * back. */
static bool resize(int fd, off_t size)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return false;
    return st.st_size > size    ? ftruncate(fd, size) == 0
           : st.st_size == size ? true
                                : aep__os_extend(fd, 0, size) == 0;
}

void aep__ballast_keep(const struct aep__spool *spool)
{
    int fd = aep__spool_openat(spool, BALLAST_NAME, O_WRONLY | O_CREAT, S_IFREG);
    if (fd < 0)
        return;
    bool there = resize(fd, find_size(spool));
    close(fd);
    if (!there)
        unlinkat(spool->dir_fd, BALLAST_NAME, 0);
}

bool aep__ballast_give(const struct aep__spool *spool)
{
    int saved = errno;
    bool full = saved == ENOSPC || saved == EDQUOT;
    bool given = full && unlinkat(spool->dir_fd, BALLAST_NAME, 0) == 0;
    errno = saved;
    return given;
}

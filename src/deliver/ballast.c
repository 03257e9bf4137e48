/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/ballast.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BALLAST_NAME "ballast"
#define BALLAST_BYTES (1024 * 1024)

void aep__ballast_keep(const struct aep__spool *spool)
{
    struct stat st;
    int fd = aep__spool_openat(spool, BALLAST_NAME, O_WRONLY | O_CREAT, S_IFREG);
    if (fd < 0)
        return;
    bool there = fstat(fd, &st) == 0 &&
                 (st.st_size >= BALLAST_BYTES || aep__os_extend(fd, 0, BALLAST_BYTES) == 0);
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

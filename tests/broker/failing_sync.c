/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that fails, for LD_PRELOAD: while the file that AEP_TEST_FAIL_SYNC names is there,
 * fdatasync(2) of a segment fails with EIO. It removes the file, since Linux reports a failed write
 * once, unless there is something in it: then the disk is broken for good. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_segment(int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path);
    return len > 4 && memcmp(path + len - 4, ".seg", 4) == 0;
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    const char *order = getenv("AEP_TEST_FAIL_SYNC");
    struct stat st;
    if (!order || !is_segment(fd) || stat(order, &st) < 0 || (!st.st_size && unlink(order) < 0))
        return (int)syscall(SYS_fdatasync, fd);
    errno = EIO;
    return -1;
}

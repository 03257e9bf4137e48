/* SPDX-License-Identifier: Apache-2.0 */
#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int close_failed(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* A folder that root makes on the way belongs to whom the one above it belongs. By descriptor: the
 * owner of that may put a link in its place meanwhile. */
static int give_to_owner(const char *part)
{
    struct stat st;
    if (geteuid() != 0)
        return 0;
    int fd = open(part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int result = fd < 0 ? -1 : fstatat(fd, "..", &st, 0);
    if (result == 0)
        result = fchown(fd, st.st_uid, st.st_gid);
    return fd < 0 ? -1 : (result < 0 ? close_failed(fd) : close(fd));
}

int aep__folder_make(const char *path)
{
    char part[PATH_MAX];
    if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (char *slash = part; *slash; *slash = '/') {
        slash = strchrnul(slash + 1, '/');
        bool last = *slash == '\0';
        *slash = '\0';
        if (mkdir(part, 0700) == 0) {
            if (chmod(part, 0700) < 0 || (!last && give_to_owner(part) < 0))
                return -1;
        } else if (errno != EEXIST && errno != EISDIR)
            return -1;
        if (last)
            return 0;
    }
    return 0;
}

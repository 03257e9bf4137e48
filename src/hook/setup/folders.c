/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK ".aep-made"

struct mark {
    char path[PATH_MAX + sizeof MARK + 1];
};

static struct mark mark_of(const char *folder)
{
    struct mark mark;
    snprintf(mark.path, sizeof mark.path, "%s/" MARK, folder);
    return mark;
}

static int make_one(const char *folder)
{
    if (mkdir(folder, 0700) < 0)
        return errno == EEXIST ? 0 : -1;
    int fd = open(mark_of(folder).path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    return close(fd);
}

int aep__folders_make(const char *path)
{
    char part[PATH_MAX];
    if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part - sizeof MARK) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (char *slash = part; *slash; *slash = '/') {
        slash = strchrnul(slash + 1, '/');
        bool last = *slash == '\0';
        *slash = '\0';
        if (make_one(part) < 0) {
            int saved = errno;
            strcat(part, "/");
            aep__folders_remove(part);
            errno = saved;
            return -1;
        }
        if (last)
            return 0;
    }
    return 0;
}

void aep__folders_remove(const char *file)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", file);
    for (char *slash; (slash = strrchr(folder, '/')) && slash > folder;) {
        *slash = '\0';
        if (unlink(mark_of(folder).path) < 0 || rmdir(folder) < 0)
            return;
    }
}

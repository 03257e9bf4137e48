/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/retire.h"

#include "spool/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEMP_SECONDS 3600

int aep__retire_pass(const struct aep__spool *spool, int cursor_fd, struct aep__cursor *cursor,
                     ino_t inode)
{
    char name[AEP__SEGMENT_NAME_SIZE];
    struct stat st;
    struct aep__cursor next = *cursor;
    aep__segment_name(cursor->segment, name);
    if (fstatat(spool->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino != inode) {
        errno = EBUSY;
        return -1;
    }
    next.segment++;
    next.offset = 0;
    if (aep__segment_create(spool, next.segment, 0) < 0 ||
        aep__cursor_store(spool, cursor_fd, &next, false) < 0)
        return -1;
    *cursor = next;
    return 0;
}

int aep__retire_remove(const struct aep__spool *spool, int cursor_fd, uint64_t from, uint64_t below)
{
    char name[AEP__SEGMENT_NAME_SIZE];
    if (aep__spool_sync(spool) < 0 || fdatasync(cursor_fd) < 0)
        return -1;
    for (uint64_t number = from; number < below; number++) {
        aep__segment_name(number, name);
        if (unlinkat(spool->dir_fd, name, 0) < 0 && errno != ENOENT)
            return -1;
    }
    return 0;
}

/* The cursor in the file, not a newer one that is not stored yet: records that are read again after
 * a kill must still be there. */
int aep__retire_give_back(const struct aep__spool *spool, int cursor_fd)
{
    struct aep__cursor cursor;
    if (aep__cursor_load(spool, &cursor, NULL) != AEP_OK) {
        errno = EIO;
        return -1;
    }
    if (fdatasync(cursor_fd) < 0)
        return -1;
    return aep__segment_give_back(spool, cursor.segment, cursor.offset);
}

/* Nobody takes an hour between making a temporary file and linking it. */
static bool stale_temp(const struct aep__spool *spool, const char *name)
{
    struct stat st;
    return strncmp(name, AEP__SPOOL_TEMP, strlen(AEP__SPOOL_TEMP)) == 0 &&
           fstatat(spool->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           st.st_mtime < time(NULL) - TEMP_SECONDS;
}

static bool to_be_swept(const struct aep__spool *spool, const struct aep__cursor *cursor,
                        const char *name)
{
    uint64_t number = aep__segment_number(name);
    return (number > 0 && number < cursor->segment) || stale_temp(spool, name);
}

unsigned aep__retire_sweep(const struct aep__spool *spool, int cursor_fd,
                           const struct aep__cursor *cursor)
{
    unsigned removed = 0;
    bool lasts = false; /* the cursor: usually there is nothing to sweep, and a sync is slow */
    int fd = openat(spool->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!to_be_swept(spool, cursor, entry->d_name))
            continue;
        if (!lasts && fdatasync(cursor_fd) < 0)
            break;
        lasts = true;
        removed += unlinkat(spool->dir_fd, entry->d_name, 0) == 0;
    }
    closedir(dir);
    return removed;
}

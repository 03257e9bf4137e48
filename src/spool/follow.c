/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/follow.h"

#include "base/error.h"

#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

static int watch(const struct aep__spool *spool)
{
    char path[64];
    aep__spool_fd_path(spool, ".", path, sizeof path);
    int fd = aep__os_above(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (fd < 0 ||
        inotify_add_watch(fd, path,
                          IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF) >= 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int aep__follower_open(struct aep__follower *follower, struct aep__spool *spool,
                       aep_position position, aep_error *err)
{
    struct aep__cursor cursor;
    *follower = (struct aep__follower){.spool = spool, .reader.fd = -1, .watch_fd = watch(spool)};
    follower->cursor_fd = aep__cursor_watch(spool);
    int code = aep__cursor_load(spool, &cursor, err);
    if (code == AEP_OK && position.segment == 0)
        position.segment = cursor.segment;
    if (code == AEP_OK)
        code = aep__reader_init(&follower->reader, spool, position.segment, position.offset, false,
                                err);
    if (code == AEP_OK)
        code = aep__fates_init(&follower->fates, spool, err);
    if (code != AEP_OK)
        aep__follower_close(follower);
    return code;
}

static void close_file(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void aep__follower_close(struct aep__follower *follower)
{
    aep__reader_done(&follower->reader);
    aep__fates_done(&follower->fates);
    close_file(&follower->watch_fd);
    close_file(&follower->cursor_fd);
}

void aep__follower_drain(struct aep__follower *follower)
{
    char events[4096];
    while (follower->watch_fd >= 0 && read(follower->watch_fd, events, sizeof events) > 0)
        ;
}

int aep__follower_look(struct aep__follower *follower, aep_error *err)
{
    return aep__fates_refresh(&follower->fates, err);
}

/* The folder's cursor may have moved since it was looked at last. */
static void note_end(struct aep__follower *follower)
{
    struct aep__cursor cursor;
    if (aep__cursor_read(follower->cursor_fd, &cursor))
        aep__fates_reach(&follower->fates, (aep_position){cursor.segment, cursor.offset});
}

/* All that was in segments that are gone is finished: goes on at the cursor's, or behind the one that has
 * been removed. */
static enum aep__follow pass(struct aep__follower *follower, aep_error *err)
{
    struct aep__cursor cursor;
    uint64_t next = follower->reader.segment + 1;
    if (aep__spool_deleted(follower->spool)) {
        note_end(follower);
        return AEP__FOLLOW_GONE;
    }
    if (aep__cursor_load(follower->spool, &cursor, err) != AEP_OK)
        return AEP__FOLLOW_ERROR;
    aep__reader_seek(&follower->reader, cursor.segment > next ? cursor.segment : next, 0);
    return AEP__FOLLOW_PASSED;
}

enum aep__follow aep__follower_next(struct aep__follower *follower, struct aep__entry *ret,
                                    aep_error *err)
{
    switch (aep__reader_next(&follower->reader, ret, err)) {
    case AEP__READ_EVENT:
        return AEP__FOLLOW_EVENT;
    case AEP__READ_WAIT:
        return AEP__FOLLOW_END;
    case AEP__READ_SEALED:
        return AEP__FOLLOW_SEALED;
    case AEP__READ_GONE:
        return pass(follower, err);
    case AEP__READ_ERROR:
        break;
    }
    return AEP__FOLLOW_ERROR;
}

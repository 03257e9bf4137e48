/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/watch.h"

#include "base/error.h"

#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

int aep__watch_open(const struct aep__spool *spool)
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

void aep__watch_drain(int fd)
{
    char events[4096];
    while (read(fd, events, sizeof events) > 0)
        ;
}

int aep__watch_pass(struct aep__reader *reader, struct aep__cursor *ret_cursor, aep_error *err)
{
    uint64_t next = reader->segment + 1;
    if (aep__spool_deleted(reader->spool))
        return aep__error(err, AEP_ESTATE, "spool.dir", "%s has been removed", reader->spool->path);
    int code = aep__cursor_load(reader->spool, ret_cursor, err);
    if (code == AEP_OK)
        aep__reader_seek(reader, ret_cursor->segment > next ? ret_cursor->segment : next, 0);
    return code;
}

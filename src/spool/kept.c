/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/kept.h"

#include "base/os.h"
#include "spool/segment.h"

#include <fcntl.h>
#include <sys/stat.h>

#define KEPT_PERCENT 75

static bool exceeds(uint64_t bytes, uint64_t most)
{
    return bytes > most / 100 * KEPT_PERCENT;
}

/* The disk blocks of a segment, reserved ones included. */
static uint64_t blocks_of(const struct aep__spool *spool, uint64_t number)
{
    char name[AEP__SEGMENT_NAME_SIZE];
    struct stat st;
    aep__segment_name(number, name);
    if (fstatat(spool->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    return (uint64_t)st.st_blocks * 512;
}

/* What the volume could hold of this spool: the blocks that it has, and those that are free. The sum stays
 * when the space of removed records is given back. */
static bool exceeds_volume(const struct aep__spool *spool, aep_position begin, aep_position end)
{
    uint64_t size, room, between = end.segment - begin.segment,
                         most = blocks_of(spool, end.segment);
    uint64_t kept = between * spool->segment_bytes + end.offset - begin.offset;
    if (aep__os_volume(spool->dir_fd, &size, &room) < 0)
        return false;
    if (between > 0)
        most += blocks_of(spool, begin.segment) + (between - 1) * spool->segment_bytes;
    return exceeds(kept, most + room);
}

bool aep__kept_exceeded(const struct aep__spool *spool, uint64_t max_bytes, aep_position begin,
                        aep_position end)
{
    uint64_t used = (end.segment - begin.segment) * spool->segment_bytes + end.offset;
    if (end.segment < begin.segment || (end.segment == begin.segment && end.offset <= begin.offset))
        return false;
    return exceeds(used, max_bytes) || exceeds_volume(spool, begin, end);
}

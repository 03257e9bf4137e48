/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/kept.h"

#include "base/os.h"

#define KEPT_PERCENT 75

bool aep__kept_exceeded(const struct aep__spool *spool, uint64_t max_bytes, uint64_t used_bytes)
{
    uint64_t size, room, most = max_bytes;
    if (aep__os_volume(spool->dir_fd, &size, &room) == 0 && used_bytes + room < most)
        most = used_bytes + room;
    return used_bytes > most / 100 * KEPT_PERCENT;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/boot.h"

#include "base/endian.h"
#include "base/os.h"
#include "spool/bell.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Byte positions that are locked; the file has no such bytes. */
#define SEGMENT_BYTE ((off_t)1 << 62)
#define BOOT_BYTES ((off_t)1 << 61) /* and 60 bits of the id */

static off_t byte_of(const uint8_t boot[16])
{
    return BOOT_BYTES | (off_t)(aep__get64((const char *)boot) & ((UINT64_C(1) << 60) - 1));
}

void aep__boot_vouch(const struct aep__spool *spool, int lock_fd)
{
    aep__os_lock(lock_fd, byte_of(spool->boot), 1);
}

void aep__boot_adopt(struct aep__spool *spool, const uint8_t boot[16])
{
    if (memcmp(boot, spool->boot, sizeof spool->boot) == 0)
        return;
    int fd = aep__lock_open(spool);
    if (fd < 0)
        return;
    if (aep__os_locked(fd, byte_of(boot), 1))
        memcpy(spool->boot, boot, sizeof spool->boot);
    close(fd);
}

void aep__boot_hold_segment(int fd)
{
    aep__os_lock_shared(fd, SEGMENT_BYTE, 1);
}

bool aep__boot_segment_held(int fd)
{
    return aep__os_locked(fd, SEGMENT_BYTE, 1);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/cursor.h"

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "base/error.h"
#include "spool/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CURSOR_NAME "cursor"
#define BLOCK 4096                      /* one slot each, so that no disk write touches both */
#define REBUILT_FACTOR 2048             /* ordinals a microsecond: more than any spool gives */
#define REBUILT_MIN (UINT64_C(1) << 61) /* the wall clock gives this in 2005 */
#define TRIES 1000 /* a slot is written in microseconds: this is for one cut by power loss */

enum {
    AT_MAGIC = 0,
    AT_SEGMENT = 8,
    AT_OFFSET = 16,
    AT_ORDINAL = 24,
    AT_GENERATION = 32,
    AT_BOOT = 40,
    AT_CRC = 56,
    SLOT_SIZE = 60
};

static const char slot_magic[8] = "AEPCURS1";

static void encode_slot(const struct aep__cursor *cursor, char slot[SLOT_SIZE])
{
    memcpy(slot + AT_MAGIC, slot_magic, sizeof slot_magic);
    aep__put64(slot + AT_SEGMENT, cursor->segment);
    aep__put64(slot + AT_OFFSET, cursor->offset);
    aep__put64(slot + AT_ORDINAL, cursor->ordinal);
    aep__put64(slot + AT_GENERATION, cursor->generation);
    memcpy(slot + AT_BOOT, cursor->boot, sizeof cursor->boot);
    aep__put32(slot + AT_CRC, aep__crc32c(0, slot, AT_CRC));
}

static bool decode_slot(const char *slot, struct aep__cursor *ret)
{
    if (memcmp(slot + AT_MAGIC, slot_magic, sizeof slot_magic) != 0 ||
        aep__get32(slot + AT_CRC) != aep__crc32c(0, slot, AT_CRC))
        return false;
    ret->segment = aep__get64(slot + AT_SEGMENT);
    ret->offset = aep__get64(slot + AT_OFFSET);
    ret->ordinal = aep__get64(slot + AT_ORDINAL);
    ret->generation = aep__get64(slot + AT_GENERATION);
    memcpy(ret->boot, slot + AT_BOOT, sizeof ret->boot);
    return ret->segment > 0;
}

/* The lowest segment of this spool (a stray file of another spool has another uuid); 1 if there is
 * none, as in a new spool. */
static uint64_t lowest_segment(const struct aep__spool *spool)
{
    uint64_t lowest = 0;
    int fd = aep__segment_exists(spool, 1)
                 ? -1
                 : openat(spool->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir && fd >= 0)
        close(fd);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        enum aep__segment_state state;
        uint64_t number = aep__segment_number(entry->d_name);
        if (number == 0 || (lowest && number >= lowest))
            continue;
        fd = aep__segment_open(spool, number, false, &state);
        if (fd >= 0 && (state == AEP__SEGMENT_LIVE || state == AEP__SEGMENT_OTHER_BOOT))
            lowest = number;
        if (fd >= 0)
            close(fd);
    }
    if (dir)
        closedir(dir);
    return lowest ? lowest : 1;
}

static struct aep__cursor first_cursor(const struct aep__spool *spool)
{
    struct aep__cursor cursor = {.segment = lowest_segment(spool)};
    memcpy(cursor.boot, spool->boot, sizeof cursor.boot);
    return cursor;
}

/* An ordinal beyond all that were ever given, without a record of them: it grows with the wall
 * clock, faster than events are numbered and than reboots skip (2^32: two seconds). It must grow,
 * because a parked log treats smaller ordinals than its own as parked already. If the clock was not
 * set, the number is still beyond what reboots can reach, and below what a correct clock gives. */
static uint64_t rebuilt_ordinal(void)
{
    uint64_t ordinal = (uint64_t)aep__clock_wall_us() * REBUILT_FACTOR;
    return ordinal >= REBUILT_MIN ? ordinal : ordinal + REBUILT_MIN / 2;
}

/* A spool's first cursor is in both slots. */
static int create_cursor(const struct aep__spool *spool, uint64_t ordinal)
{
    char blocks[2 * BLOCK] = {0};
    struct aep__cursor cursor = first_cursor(spool);
    cursor.ordinal = ordinal;
    for (cursor.generation = 0; cursor.generation < 2; cursor.generation++)
        encode_slot(&cursor, blocks + cursor.generation * BLOCK);
    return aep__spool_create(spool, CURSOR_NAME, blocks, sizeof blocks, 0);
}

/* 0: no slot is valid; 1: only one; 2: both. *ret is the newer valid one. */
static int read_slots(int fd, struct aep__cursor *ret)
{
    char blocks[BLOCK + SLOT_SIZE] = {0};
    struct aep__cursor slots[2];
    if (pread(fd, blocks, sizeof blocks, 0) < 0)
        return 0;
    bool valid[2] = {decode_slot(blocks, &slots[0]), decode_slot(blocks + BLOCK, &slots[1])};
    bool second = valid[1] && (!valid[0] || slots[1].generation > slots[0].generation);
    *ret = slots[second];
    return valid[0] + valid[1];
}

int aep__cursor_watch(const struct aep__spool *spool)
{
    return aep__spool_openat(spool, CURSOR_NAME, O_RDONLY, S_IFREG);
}

bool aep__cursor_read(int fd, struct aep__cursor *ret)
{
    int valid = 0;
    for (int tries = 0; fd >= 0 && tries < TRIES && (valid = read_slots(fd, ret)) < 2; tries++)
        sched_yield();
    return valid > 0;
}

int aep__cursor_load(const struct aep__spool *spool, struct aep__cursor *ret, aep_error *err)
{
    int fd = aep__cursor_watch(spool);
    if (fd < 0 && errno == ENOENT) {
        *ret = first_cursor(spool);
        return AEP_OK;
    }
    if (fd < 0)
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot open %s/" CURSOR_NAME,
                                spool->path);
    bool valid = aep__cursor_read(fd, ret);
    close(fd);
    if (valid)
        return AEP_OK;
    return aep__error(err, AEP_ESPOOL, "spool.dir",
                      "%s/" CURSOR_NAME " is damaged: stop the relay and move it away; then "
                      "everything in the spool is sent again",
                      spool->path);
}

static int open_cursor(const struct aep__spool *spool, uint64_t first_ordinal)
{
    int fd = aep__spool_openat(spool, CURSOR_NAME, O_RDWR, S_IFREG);
    if (fd < 0 && errno == ENOENT && create_cursor(spool, first_ordinal) == 0)
        fd = aep__spool_openat(spool, CURSOR_NAME, O_RDWR, S_IFREG);
    return fd;
}

int aep__cursor_open(const struct aep__spool *spool)
{
    return open_cursor(spool, rebuilt_ordinal());
}

int aep__cursor_begin(const struct aep__spool *spool)
{
    return open_cursor(spool, 0);
}

int aep__cursor_store(const struct aep__spool *spool, int fd, struct aep__cursor *cursor,
                      bool durable)
{
    char slot[SLOT_SIZE];
    struct stat st;
    struct aep__cursor next = *cursor;
    memcpy(next.boot, spool->boot, sizeof next.boot);
    next.generation++;
    encode_slot(&next, slot);
    ssize_t written = pwrite(fd, slot, sizeof slot, (off_t)(next.generation % 2) * BLOCK);
    if (written >= 0 && written < (ssize_t)sizeof slot)
        errno = ENOSPC;
    if (written != (ssize_t)sizeof slot || (durable && fdatasync(fd) < 0) || fstat(fd, &st) < 0)
        return -1;
    if (st.st_nlink == 0) {
        errno = ESTALE; /* nobody sees this file any more */
        return -1;
    }
    *cursor = next;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/missed.h"

#include "base/crc32c.h"
#include "base/endian.h"
#include "spool/sides.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RANGE_BYTES 32
#define CRC_AT 28
#define TEMP AEP__SPOOL_TEMP AEP__MISSED
#define FILE_BYTES_MAX                                                                             \
    ((uint64_t)AEP__MISSED_RANGES * RANGE_BYTES * 2) /* longer ones are not ours */

void aep__missed_init(struct aep__missed *missed, const struct aep__spool *spool)
{
    *missed = (struct aep__missed){.spool = spool};
}

void aep__missed_done(struct aep__missed *missed)
{
    free(missed->ranges);
    aep__buf_done(&missed->unwritten);
    *missed = (struct aep__missed){0};
}

/* ---- the ranges ---- */

static bool is_behind(const struct aep__missed_range *range, aep_position position)
{
    return range->segment != position.segment ? range->segment > position.segment
                                              : range->end > position.offset;
}

size_t aep__missed_from(const struct aep__missed *missed, aep_position position)
{
    size_t low = 0, high = missed->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_behind(&missed->ranges[middle], position))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

enum aep__fate aep__missed_fate(const struct aep__missed *missed, aep_position byte)
{
    size_t i = aep__missed_from(missed, byte);
    bool in = i < missed->count && missed->ranges[i].segment == byte.segment &&
              missed->ranges[i].begin <= byte.offset;
    return in ? missed->ranges[i].fate : AEP__FATE_ACKED;
}

static int compare(const void *one, const void *other)
{
    const struct aep__missed_range *a = one, *b = other;
    if (a->segment != b->segment)
        return a->segment < b->segment ? -1 : 1;
    return a->begin < b->begin ? -1 : a->begin > b->begin;
}

/* Whether one that comes next, or begins later, goes on where this one ends. */
static bool goes_on(const struct aep__missed_range *range, const struct aep__missed_range *next)
{
    return range->segment == next->segment && range->end >= next->begin &&
           range->fate == next->fate;
}

/* Behind all others, wherever it stands in the spool. */
static void push(struct aep__missed *missed, struct aep__missed_range range)
{
    struct aep__missed_range *last = missed->count ? &missed->ranges[missed->count - 1] : NULL;
    if (last && goes_on(last, &range) && range.begin >= last->begin) {
        last->end = range.end > last->end ? range.end : last->end;
        return;
    }
    if (missed->count == missed->max) {
        size_t max = missed->max ? missed->max * 2 : 64;
        struct aep__missed_range *ranges = realloc(missed->ranges, max * sizeof *ranges);
        if (!ranges)
            return;
        missed->ranges = ranges;
        missed->max = max;
    }
    missed->ranges[missed->count++] = range;
}

/* Brings them in order; neighbours become one. */
static void sort(struct aep__missed *missed)
{
    size_t count = missed->count;
    missed->version++;
    if (count > 1)
        qsort(missed->ranges, count, sizeof *missed->ranges, compare);
    missed->count = 0;
    for (size_t i = 0; i < count; i++)
        if (missed->ranges[i].begin < missed->ranges[i].end)
            push(missed, missed->ranges[i]);
}

/* ---- the file ---- */

static void encode(struct aep__buf *out, const struct aep__missed_range *range)
{
    char bytes[RANGE_BYTES];
    aep__put64(bytes, range->segment);
    aep__put64(bytes + 8, range->begin);
    aep__put64(bytes + 16, range->end);
    aep__put32(bytes + 24, (uint32_t)range->fate);
    aep__put32(bytes + CRC_AT, aep__crc32c(0, bytes, CRC_AT));
    aep__buf_add(out, bytes, sizeof bytes);
}

static bool decode(const char *bytes, struct aep__missed_range *ret)
{
    uint32_t fate = aep__get32(bytes + 24);
    *ret = (struct aep__missed_range){aep__get64(bytes), aep__get64(bytes + 8),
                                      aep__get64(bytes + 16), (enum aep__fate)fate};
    return aep__get32(bytes + CRC_AT) == aep__crc32c(0, bytes, CRC_AT) && fate < AEP__FATE_COUNT &&
           ret->begin < ret->end;
}

static int open_missed(const struct aep__spool *spool, int flags)
{
    return aep__spool_openat(spool, AEP__MISSED, flags, S_IFREG);
}

static bool is_same(const struct stat *one, const struct stat *other)
{
    return one->st_ino == other->st_ino && one->st_size == other->st_size &&
           one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

/* 0, or -1 with errno. */
static int read_all(int fd, size_t size, struct aep__buf *out)
{
    if (!aep__buf_reserve(out, size))
        return -1;
    while (out->len < size) {
        ssize_t count = pread(fd, out->data + out->len, size - out->len, (off_t)out->len);
        if (count <= 0)
            return (int)count;
        out->len += (size_t)count;
    }
    return 0;
}

static int read_file(struct aep__missed *missed, int fd, const struct stat *st)
{
    struct aep__buf bytes = {0};
    struct aep__missed_range range;
    size_t size = (uint64_t)st->st_size < FILE_BYTES_MAX ? (size_t)st->st_size : FILE_BYTES_MAX;
    int result = read_all(fd, size, &bytes);
    if (result == 0) {
        missed->count = 0;
        missed->file = *st;
        for (size_t at = 0; at + RANGE_BYTES <= bytes.len; at += RANGE_BYTES)
            if (decode(bytes.data + at, &range))
                push(missed, range);
        sort(missed);
    }
    int saved = errno;
    aep__buf_done(&bytes);
    errno = saved;
    return result;
}

int aep__missed_look(struct aep__missed *missed)
{
    struct stat st;
    bool there = fstatat(missed->spool->dir_fd, AEP__MISSED, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (!there && errno != ENOENT)
        return -1;
    if (!there)
        st = (struct stat){0};
    if (is_same(&st, &missed->file))
        return 0;
    int fd = there ? open_missed(missed->spool, O_RDONLY) : -1;
    if (fd < 0) { /* gone, or not ours */
        missed->version += missed->count > 0;
        missed->count = 0;
        missed->file = st;
        return 0;
    }
    int result = read_file(missed, fd, &st), saved = errno;
    close(fd);
    errno = saved;
    return result;
}

void aep__missed_add(struct aep__missed *missed, struct aep__missed_range range)
{
    push(missed, range);
    encode(&missed->unwritten, &range);
}

/* Whole ranges stand in the file, whatever a kill or a full disk left behind them. */
static int append(struct aep__missed *missed, int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -1;
    off_t end = st.st_size / RANGE_BYTES * RANGE_BYTES;
    const struct aep__buf *bytes = &missed->unwritten;
    ssize_t count = pwrite(fd, bytes->data, bytes->len, end);
    if (count == (ssize_t)bytes->len)
        return 0;
    errno = count < 0 ? errno : ENOSPC;
    return -1;
}

/* The file as it is known in memory, without what stands first if that is too much. */
static int rewrite(struct aep__missed *missed)
{
    const struct aep__spool *spool = missed->spool;
    struct aep__buf bytes = {0};
    size_t most = AEP__MISSED_RANGES / 4 * 3;
    size_t dropped = missed->count > AEP__MISSED_RANGES ? missed->count - most : 0;
    missed->count -= dropped;
    memmove(missed->ranges, missed->ranges + dropped, missed->count * sizeof *missed->ranges);
    for (size_t i = 0; i < missed->count; i++)
        encode(&bytes, &missed->ranges[i]);
    int fd = bytes.failed ? -1
                          : openat(spool->dir_fd, TEMP,
                                   O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = fd >= 0 && write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len &&
                   fsync(fd) == 0 && renameat(spool->dir_fd, TEMP, spool->dir_fd, AEP__MISSED) == 0;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (!written)
        unlinkat(spool->dir_fd, TEMP, 0);
    aep__buf_done(&bytes);
    errno = saved;
    return written ? 0 : -1;
}

static bool is_too_long(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 &&
           (uint64_t)st.st_size / RANGE_BYTES >= (uint64_t)AEP__MISSED_RANGES * 3 / 2;
}

int aep__missed_write(struct aep__missed *missed, bool durable)
{
    bool any = missed->unwritten.len > 0;
    if (!any && !(durable && missed->unsynced))
        return 0;
    if (any)
        sort(missed);
    int fd = open_missed(missed->spool, O_WRONLY | O_CREAT);
    if (fd < 0)
        return -1;
    int result = any ? append(missed, fd) : 0;
    if (any && result == 0) {
        aep__buf_clear(&missed->unwritten);
        missed->unsynced = true;
        if (is_too_long(fd))
            result = rewrite(missed);
    }
    if (durable && result == 0) {
        result = fdatasync(fd);
        missed->unsynced = result < 0;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

/* ---- a relay that begins ---- */

static bool trim(struct aep__missed *missed, aep_position cursor)
{
    size_t count = missed->count, at = aep__missed_from(missed, cursor);
    struct aep__missed_range *range = &missed->ranges[at];
    if (at == count)
        return false;
    missed->count = at;
    if (range->segment == cursor.segment && range->begin < cursor.offset) {
        range->end = cursor.offset;
        missed->count++;
    }
    return true;
}

static bool forget(struct aep__missed *missed, const struct aep__side *side)
{
    size_t at = aep__missed_from(missed, (aep_position){side->segment, side->offset});
    struct aep__missed_range *range = &missed->ranges[at];
    if (at == missed->count || range->segment != side->segment || range->begin >= side->end)
        return false;
    struct aep__missed_range rest = {side->segment, side->end, range->end, range->fate};
    range->end = side->offset; /* perhaps nothing is left of it */
    push(missed, rest);
    sort(missed);
    return true;
}

int aep__missed_resume(struct aep__missed *missed, aep_position cursor)
{
    struct aep__sides sides;
    int result = aep__missed_look(missed);
    if (result < 0 || missed->count == 0)
        return result;
    bool changed = trim(missed, cursor);
    aep__sides_init(&sides, missed->spool);
    result = aep__sides_look(&sides, true);
    for (size_t i = 0; i < sides.count; i++)
        changed |= forget(missed, &sides.list[i]);
    aep__sides_done(&sides);
    return result == 0 && changed ? rewrite(missed) : result;
}

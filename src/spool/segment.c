/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/segment.h"

#include "base/buf.h"
#include "spool/boot.h"
#include "spool/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define NAME_DIGITS 16
#define BLOCK 4096 /* the unit in which space is freed */
#define HEADER_VALUE (AEP__RECORD_HEADER_BYTES - AEP__RECORD_HEAD) /* uuid, boot id */

void aep__segment_name(uint64_t number, char name[AEP__SEGMENT_NAME_SIZE])
{
    snprintf(name, AEP__SEGMENT_NAME_SIZE, "%016" PRIx64 ".seg", number);
}

uint64_t aep__segment_number(const char *name)
{
    uint64_t number = 0;
    for (int i = 0; i < NAME_DIGITS; i++) {
        const char *digits = "0123456789abcdef";
        const char *digit = name[i] ? strchr(digits, name[i]) : NULL;
        if (!digit)
            return 0;
        number = number << 4 | (uint64_t)(digit - digits);
    }
    return strcmp(name + NAME_DIGITS, ".seg") == 0 ? number : 0;
}

bool aep__segment_exists(const struct aep__spool *spool, uint64_t number)
{
    char name[AEP__SEGMENT_NAME_SIZE];
    aep__segment_name(number, name);
    return faccessat(spool->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool encode_header(const struct aep__spool *spool, struct aep__buf *out)
{
    char value[HEADER_VALUE];
    memcpy(value, spool->uuid, 16);
    memcpy(value + 16, spool->boot, 16);
    return aep__record_encode(out, AEP__RECORD_HEADER, (struct aep__slice){0},
                              (struct aep__slice){value, sizeof value}) &&
           !out->failed;
}

static bool encode_seal(struct aep__buf *out)
{
    return aep__record_encode(out, AEP__RECORD_SEAL, (struct aep__slice){0},
                              (struct aep__slice){0}) &&
           !out->failed;
}

/* False: it cannot be read, which says nothing about what is in it. */
static bool read_state(const struct aep__spool *spool, int fd, enum aep__segment_state *ret)
{
    char head[AEP__RECORD_HEADER_BYTES];
    struct aep__record record;
    ssize_t got = pread(fd, head, sizeof head, 0);
    if (got < 0)
        return false;
    if (got != (ssize_t)sizeof head ||
        aep__record_parse(head, sizeof head, sizeof head, &record) != AEP__PARSE_RECORD ||
        record.type != AEP__RECORD_HEADER || record.value.len != HEADER_VALUE)
        *ret = AEP__SEGMENT_HEADLESS;
    else if (memcmp(record.value.data, spool->uuid, 16) != 0)
        *ret = AEP__SEGMENT_FOREIGN;
    else if (memcmp(record.value.data + 16, spool->boot, 16) != 0)
        *ret = aep__boot_segment_held(fd) ? AEP__SEGMENT_LIVE : AEP__SEGMENT_OTHER_BOOT;
    else
        *ret = AEP__SEGMENT_LIVE;
    return true;
}

int aep__segment_open(const struct aep__spool *spool, uint64_t number, bool write,
                      enum aep__segment_state *ret_state)
{
    char name[AEP__SEGMENT_NAME_SIZE];
    aep__segment_name(number, name);
    int fd = aep__spool_openat(spool, name, write ? O_RDWR | O_APPEND : O_RDONLY, S_IFREG);
    if (fd < 0 || !ret_state)
        return fd;
    if (read_state(spool, fd, ret_state)) {
        if (write && *ret_state == AEP__SEGMENT_LIVE)
            aep__boot_hold_segment(fd);
        return fd;
    }
    close(fd);
    errno = EIO;
    return -1;
}

static int open_for_blocks(const struct aep__spool *spool, uint64_t number)
{
    char name[AEP__SEGMENT_NAME_SIZE];
    aep__segment_name(number, name);
    return aep__spool_openat(spool, name, O_WRONLY, S_IFREG);
}

/* Reserves disk blocks, so that a full disk shows when a segment is started rather than in the
 * middle of records; a failure to do so is ignored. If there is no room for all, it
 * reserves half of it: the rest is for the relay's files. */
static void reserve_blocks(const struct aep__spool *spool, uint64_t number)
{
    uint64_t size, room, want = spool->segment_bytes;
    int fd = open_for_blocks(spool, number);
    if (fd < 0)
        return;
    if (aep__os_volume(fd, &size, &room) == 0 && room < want)
        want = room / 2;
    aep__os_reserve(fd, 0, (off_t)want);
    close(fd);
}

bool aep__segment_ours(const struct aep__spool *spool, uint64_t number)
{
    enum aep__segment_state state;
    int fd = aep__segment_open(spool, number, false, &state);
    if (fd >= 0)
        close(fd);
    return fd >= 0 && (state == AEP__SEGMENT_LIVE || state == AEP__SEGMENT_OTHER_BOOT);
}

/* Until the seal is written, records may be appended: after sealed_at, where they count. */
static void seal_made(const struct aep__spool *spool, uint64_t number, uint64_t sealed_at)
{
    int fd = aep__segment_open(spool, number, true, NULL);
    if (fd < 0)
        return;
    aep__segment_seal_early(spool, fd, sealed_at);
    close(fd);
}

static int create(const struct aep__spool *spool, uint64_t number, uint64_t sealed_at, bool reserve)
{
    char name[AEP__SEGMENT_NAME_SIZE];
    struct aep__buf header = {0};
    if (aep__segment_exists(spool, number))
        return 1;
    aep__segment_name(number, name);
    if (sealed_at && sealed_at < spool->segment_bytes)
        sealed_at = spool->segment_bytes;
    errno = ENOMEM;
    /* Not synced: if a power cut takes the header, it had no synced record after it either. */
    int result =
        encode_header(spool, &header)
            ? aep__spool_create_unsynced(spool, name, header.data, header.len, (off_t)sealed_at)
            : -1;
    aep__buf_done(&header);
    if (result >= 0 && sealed_at)
        seal_made(spool, number, sealed_at);
    else if (result == 0 && reserve)
        reserve_blocks(spool, number);
    return result;
}

int aep__segment_create(const struct aep__spool *spool, uint64_t number, uint64_t sealed_at)
{
    return create(spool, number, sealed_at, true);
}

int aep__segment_create_bare(const struct aep__spool *spool, uint64_t number, uint64_t sealed_at)
{
    return create(spool, number, sealed_at, false);
}

int aep__segment_look(int fd, uint64_t *ret_size, bool *ret_named)
{
    struct aep__os_file file;
    return aep__segment_look_at(fd, ret_size, ret_named, &file);
}

int aep__segment_look_at(int fd, uint64_t *ret_size, bool *ret_named, struct aep__os_file *ret_file)
{
    struct statx stx;
    struct stat st;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_SIZE | STATX_NLINK | STATX_INO, &stx) == 0) {
        *ret_size = stx.stx_size;
        *ret_named = stx.stx_nlink > 0;
        *ret_file = (struct aep__os_file){.dev = makedev(stx.stx_dev_major, stx.stx_dev_minor),
                                          .ino = stx.stx_ino};
        return 0;
    }
    if (fstat(fd, &st) < 0) /* a sandbox may know no statx(2) */
        return -1;
    *ret_size = (uint64_t)st.st_size;
    *ret_named = st.st_nlink > 0;
    *ret_file = (struct aep__os_file){.dev = st.st_dev, .ino = st.st_ino};
    return 0;
}

/* ---- seals ---- */

/* Searches len bytes for a seal. True: found, at *ret. False: none, and *ret is how many of the
 * bytes need not be searched again (the rest could be the start of a seal). No checksum over more
 * than a seal's own bytes is needed: the magic occurs only where a record starts. */
static bool find_in(const char *data, size_t len, size_t *ret)
{
    size_t at = 0;
    while ((at = aep__record_find_magic(data, at, len)) < len) {
        struct aep__record record;
        enum aep__parse parse = aep__record_parse(data + at, len - at, AEP__RECORD_HEAD, &record);
        *ret = at;
        if (parse == AEP__PARSE_INCOMPLETE)
            return false;
        if (parse == AEP__PARSE_RECORD && record.type == AEP__RECORD_SEAL)
            return true;
        at++;
    }
    *ret = len;
    return false;
}

int aep__segment_find_seal(const struct aep__spool *spool, int fd, uint64_t end,
                           uint64_t *ret_offset)
{
    char data[4096];
    uint64_t at = spool->segment_bytes;
    size_t len = 0, done;
    while (at + len < end) {
        uint64_t want = end - at - len;
        if (want > sizeof data - len)
            want = sizeof data - len;
        ssize_t got = pread(fd, data + len, want, (off_t)(at + len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return (int)got;
        len += (size_t)got;
        if (find_in(data, len, &done)) {
            *ret_offset = at + done;
            return 1;
        }
        at += done;
        len -= done;
        memmove(data, data + done, len);
    }
    return 0;
}

int aep__segment_seal(const struct aep__spool *spool, int fd)
{
    (void)spool;
    struct aep__buf seal = {0};
    errno = ENOMEM;
    ssize_t written = encode_seal(&seal) ? write(fd, seal.data, seal.len) : -1;
    bool whole = written == (ssize_t)seal.len;
    aep__buf_done(&seal);
    if (!whole && written >= 0)
        errno = ENOSPC;
    return whole ? 0 : -1;
}

int aep__segment_seal_early(const struct aep__spool *spool, int fd, uint64_t at)
{
    uint64_t size;
    bool named;
    if (at < spool->segment_bytes)
        at = spool->segment_bytes;
    /* Appends that land before this count because they end below L; those after it count because no
     * seal precedes them. A seal below L would cut off appends in progress, so the file is extended
     * to L first. Only the last block before that is allocated, if it is missing: the rest may be a
     * hole. */
    if (aep__segment_look(fd, &size, &named) < 0)
        return -1;
    if (size < at && aep__os_extend(fd, (off_t)at - 1, (off_t)at) < 0)
        return -1;
    return aep__segment_seal(spool, fd);
}

/* ---- space ---- */

/* Whole blocks only: the rest would have to be overwritten, and some file systems need room for
 * that. */
static int punch_blocks(int fd, uint64_t from, uint64_t to)
{
    from = (from + BLOCK - 1) / BLOCK * BLOCK;
    return aep__os_punch(fd, (off_t)from, (off_t)(to / BLOCK * BLOCK));
}

static uint64_t allocated_bytes(const struct stat *st)
{
    return (uint64_t)st->st_blocks * 512;
}

/* Others may take what was freed before it is reserved again; then it is theirs. */
static int move_blocks(const struct aep__spool *spool, int fd, uint64_t from, uint64_t to)
{
    struct stat before, after;
    if (fstat(fd, &before) < 0 || punch_blocks(fd, from, to) < 0 || fstat(fd, &after) < 0)
        return -1;
    uint64_t had = allocated_bytes(&before), has = allocated_bytes(&after);
    uint64_t begin = (uint64_t)after.st_size, end = begin + (had > has ? had - has : 0);
    if (end > spool->segment_bytes)
        end = spool->segment_bytes;
    aep__os_reserve(fd, (off_t)begin, (off_t)end);
    return 0;
}

int aep__segment_give_back(const struct aep__spool *spool, uint64_t number, uint64_t offset)
{
    int fd = open_for_blocks(spool, number);
    if (fd < 0)
        return -1;
    if (offset > spool->segment_bytes)
        offset = spool->segment_bytes; /* the search for a seal starts there */
    int result = move_blocks(spool, fd, AEP__SEGMENT_EMPTY_BYTES, offset);
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

void aep__segment_erase(const struct aep__spool *spool, uint64_t number, int fd, uint64_t from,
                        uint64_t to)
{
    struct stat ours, named;
    char name[AEP__SEGMENT_NAME_SIZE];
    aep__segment_name(number, name);
    if (fstat(fd, &ours) == 0 && fstatat(spool->dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
        ours.st_dev == named.st_dev && ours.st_ino == named.st_ino)
        punch_blocks(fd, from, to);
}

/* ---- the run ---- */

uint64_t aep__segment_last(const struct aep__spool *spool, uint64_t first)
{
    uint64_t number = first;
    while (aep__segment_exists(spool, number))
        number++;
    return number - 1;
}

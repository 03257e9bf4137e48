/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/counters.h"

#include "base/endian.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNTERS_NAME "counters"
#define SLOTS 256
#define SLOT_BYTES 256 /* 32 numbers: room for future counters */
#define FILE_BYTES (SLOTS * SLOT_BYTES)
#define IMPOSSIBLE (UINT64_C(1) << 48) /* no process counts so far: the slot was damaged */

_Static_assert(AEP__COUNTER_COUNT * 8 <= SLOT_BYTES, "a slot holds every counter");

const char *const aep__counter_names[AEP__COUNTER_COUNT] = {
#define COUNTER_NAME(name, text) #name,
    AEP_COUNTERS(COUNTER_NAME)
#undef COUNTER_NAME
};

const char *const aep__counter_texts[AEP__COUNTER_COUNT] = {
#define COUNTER_TEXT(name, text) text,
    AEP_COUNTERS(COUNTER_TEXT)
#undef COUNTER_TEXT
};

void aep__counters_init(struct aep__counters *counters, const struct aep__spool *spool)
{
    *counters = (struct aep__counters){.spool = spool, .fd = -1, .slot = -1};
}

static bool any_pending(const struct aep__counters *counters)
{
    for (int i = 0; i < AEP__COUNTER_COUNT; i++)
        if (counters->pending[i])
            return true;
    return false;
}

static void close_slot(struct aep__counters *counters)
{
    if (counters->fd >= 0)
        close(counters->fd);
    counters->fd = counters->slot = -1;
}

void aep__counters_done(struct aep__counters *counters)
{
    if (any_pending(counters)) /* a slot may have become free */
        aep__counters_add(counters, 0, 0);
    if (counters->fd < 0 || aep__os_is(counters->fd, &counters->file))
        close_slot(counters);
}

void aep__counters_forked(struct aep__counters *counters)
{
    close_slot(counters);
    memset(counters->pending, 0, sizeof counters->pending);
}

int aep__counters_open(const struct aep__spool *spool)
{
    static const char blank[FILE_BYTES];
    int fd = aep__spool_openat(spool, COUNTERS_NAME, O_RDWR, S_IFREG);
    if (fd < 0 && errno == ENOENT &&
        aep__spool_create(spool, COUNTERS_NAME, blank, sizeof blank, 0) == 0)
        fd = aep__spool_openat(spool, COUNTERS_NAME, O_RDWR, S_IFREG);
    return fd;
}

static void encode_slot(const uint64_t values[AEP__COUNTER_COUNT], char bytes[SLOT_BYTES])
{
    memset(bytes, 0, SLOT_BYTES);
    for (int i = 0; i < AEP__COUNTER_COUNT; i++)
        aep__put64(bytes + i * 8, values[i]);
}

/* False: one of its numbers is impossible. Then the others are not to be believed either, and all are
 * left out. */
static bool decode_slot(const char bytes[SLOT_BYTES], uint64_t values[AEP__COUNTER_COUNT])
{
    bool whole = true;
    for (int i = 0; i < AEP__COUNTER_COUNT; i++) {
        values[i] = aep__get64(bytes + i * 8);
        whole = whole && values[i] < IMPOSSIBLE;
    }
    if (!whole)
        memset(values, 0, AEP__COUNTER_COUNT * sizeof *values);
    return whole;
}

static bool is_whole(int fd)
{
    char bytes[SLOT_BYTES];
    uint64_t values[AEP__COUNTER_COUNT];
    for (off_t at = 0; at < FILE_BYTES; at += SLOT_BYTES)
        if (pread(fd, bytes, sizeof bytes, at) != SLOT_BYTES || !decode_slot(bytes, values))
            return false;
    return true;
}

bool aep__counters_damaged(const struct aep__spool *spool)
{
    int fd = aep__spool_openat(spool, COUNTERS_NAME, O_RDONLY, S_IFREG);
    if (fd < 0)
        return errno != ENOENT;
    bool whole = is_whole(fd);
    close(fd);
    return !whole;
}

/* Appends the slots that are missing at the file's end, all zero. */
static void fill_up(int fd)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && st.st_size < FILE_BYTES)
        aep__os_extend(fd, st.st_size, FILE_BYTES);
}

int aep__counters_mend(const struct aep__spool *spool)
{
    char bytes[SLOT_BYTES];
    uint64_t values[AEP__COUNTER_COUNT];
    int fd = aep__counters_open(spool);
    if (fd < 0)
        return -1;
    fill_up(fd);
    for (off_t at = 0; at < FILE_BYTES; at += SLOT_BYTES) {
        if (pread(fd, bytes, sizeof bytes, at) != SLOT_BYTES || decode_slot(bytes, values) ||
            aep__os_lock(fd, at, SLOT_BYTES) < 0) /* its holder writes the right numbers */
            continue;
        encode_slot(values, bytes);
        if (pwrite(fd, bytes, sizeof bytes, at) == SLOT_BYTES)
            aep__os_unlock(fd, at, SLOT_BYTES);
    }
    bool whole = is_whole(fd);
    close(fd);
    errno = EIO;
    return whole ? 0 : -1;
}

/* Takes the first free slot and continues from the numbers in it. */
static bool claim_slot(struct aep__counters *counters)
{
    char bytes[SLOT_BYTES];
    if (counters->fd < 0) {
        counters->fd = aep__counters_open(counters->spool);
        if (counters->fd >= 0)
            fill_up(counters->fd);
        aep__os_identify(counters->fd, &counters->file);
    }
    for (int slot = 0; counters->fd >= 0 && slot < SLOTS; slot++) {
        if (aep__os_lock(counters->fd, (off_t)slot * SLOT_BYTES, SLOT_BYTES) < 0)
            continue;
        if (pread(counters->fd, bytes, sizeof bytes, (off_t)slot * SLOT_BYTES) != SLOT_BYTES) {
            aep__os_unlock(counters->fd, (off_t)slot * SLOT_BYTES, SLOT_BYTES);
            return false;
        }
        decode_slot(bytes, counters->values);
        counters->slot = slot;
        return true;
    }
    return false;
}

void aep__counters_add(struct aep__counters *counters, enum aep__counter counter, uint64_t amount)
{
    counters->pending[counter] += amount;
    if (counters->fd >= 0 && !aep__os_is(counters->fd, &counters->file))
        counters->fd = counters->slot = -1; /* the number is another file's: not ours to close */
    if (counters->slot < 0 && !claim_slot(counters))
        return;
    char bytes[SLOT_BYTES];
    uint64_t values[AEP__COUNTER_COUNT];
    for (int i = 0; i < AEP__COUNTER_COUNT; i++)
        values[i] = counters->values[i] + counters->pending[i];
    encode_slot(values, bytes);
    if (pwrite(counters->fd, bytes, sizeof bytes, (off_t)counters->slot * SLOT_BYTES) != SLOT_BYTES)
        return;
    decode_slot(bytes, counters->values);
    memset(counters->pending, 0, sizeof counters->pending);
}

int aep__counters_sum(const struct aep__spool *spool, aep_stats *ret, aep_error *err)
{
    uint64_t sum[AEP__COUNTER_COUNT] = {0}, values[AEP__COUNTER_COUNT];
    char bytes[SLOT_BYTES];
    int fd = aep__spool_openat(spool, COUNTERS_NAME, O_RDONLY, S_IFREG);
    if (fd < 0 && errno != ENOENT)
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot open %s/" COUNTERS_NAME,
                                spool->path);
    for (int slot = 0; fd >= 0 && slot < SLOTS; slot++) {
        if (pread(fd, bytes, sizeof bytes, (off_t)slot * SLOT_BYTES) != SLOT_BYTES)
            break;
        decode_slot(bytes, values);
        for (int i = 0; i < AEP__COUNTER_COUNT; i++)
            sum[i] += values[i];
    }
    if (fd >= 0)
        close(fd);
    *ret = (aep_stats){.size = sizeof *ret};
#define COUNTER_SUM(name, text) ret->name = sum[AEP__COUNT_##name];
    AEP_COUNTERS(COUNTER_SUM)
#undef COUNTER_SUM
    return AEP_OK;
}

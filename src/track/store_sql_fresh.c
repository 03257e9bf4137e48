/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of events and executions contain the time (UUIDv7), so that those of a new event are greater than
 * all that are stored, and nothing needs to be looked for:
 *
 *     up to the floor   the greatest id when the filter was made     may be stored
 *     above             in the filter, by what it was stored as      may be stored
 *                       else                                         is not stored
 *
 * The filter is of Bloom's kind, in blocks of a cache line: an id has several bits, all in one block. Once
 * it is full, and when another connection has written, a new floor is found. */
#include "track/store_sql.h"

#include "base/endian.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define BLOCKS (1U << 13)
#define BLOCK_WORDS 8 /* of 64 bits */
#define BITS 6        /* of an id */
#define FULL 200000   /* ids: then one answer in a thousand is wrong, and costs a look */

struct aep__fresh {
    char floor[AEP_ID_SIZE];
    unsigned count;
    uint64_t blocks[BLOCKS][BLOCK_WORDS];
};

/* Raises the floor to the greatest id that a statement gives, text or 16 bytes. */
static bool raise(struct aep__sql *base, struct aep__fresh *fresh, unsigned which, aep_error *err)
{
    struct aep__buf id = {0};
    struct aep__statement *statement = aep__sql_take(base, which, err);
    int found = statement ? aep__sql_step(statement, err) : -1;
    if (found > 0 && !aep__sql_is_null(statement, 0))
        aep__sql_add_id(statement, 0, &id);
    if (statement)
        aep__sql_give(base, which, statement);
    bool good = found >= 0 && !id.failed;
    if (good && id.len > 0 && strcmp(id.data, fresh->floor) > 0) {
        size_t len = id.len < sizeof fresh->floor ? id.len : sizeof fresh->floor;
        memcpy(fresh->floor, id.data, len);
        fresh->floor[sizeof fresh->floor - 1] = '\0';
        if (id.len > sizeof fresh->floor) /* cut: everything that begins so may be stored */
            memset(fresh->floor + sizeof fresh->floor - 2, '~', 1);
    }
    aep__buf_done(&id);
    return good;
}

static bool renew(struct aep__sql *base)
{
    static const unsigned greatest[] = {AEP__SQL_LAST_EVENT,           AEP__SQL_LAST_EXECUTION,
                                        AEP__SQL_LAST_NAMED,           AEP__SQL_LAST_GUESS,
                                        AEP__SQL_LAST_CORRELATION,     AEP__SQL_LAST_TOMB,
                                        AEP__SQL_LAST_DEAD_CORRELATION};
    aep_error unused;
    bool good = true;
    if (!base->fresh)
        base->fresh = malloc(sizeof *base->fresh);
    if (!base->fresh)
        return false;
    memset(base->fresh, 0, sizeof *base->fresh);
    for (size_t i = 0; good && i < sizeof greatest / sizeof *greatest; i++)
        good = raise(base, base->fresh, greatest[i], &unused);
    base->knows_fresh = good;
    return good;
}

/* The bits of an id, in the words of its block. */
struct mask {
    uint32_t block;
    uint64_t words[BLOCK_WORDS];
};

static struct mask mask_of(enum aep__fresh_as as, const char *id)
{
    uint8_t digest[16];
    char text[AEP_ID_SIZE];
    memcpy(text, id, sizeof text - 1);
    text[sizeof text - 1] = (char)as;
    aep__digest128(text, sizeof text, digest);
    struct mask mask = {.block = aep__get32(digest + 8) % BLOCKS};
    uint64_t left = aep__get64(digest);
    for (int i = 0; i < BITS; i++, left >>= 9)
        mask.words[left % BLOCK_WORDS] |= UINT64_C(1) << (left / BLOCK_WORDS) % 64;
    return mask;
}

static bool has(const struct aep__fresh *fresh, const struct mask *mask)
{
    const uint64_t *words = fresh->blocks[mask->block];
    uint64_t missing = 0;
    for (int i = 0; i < BLOCK_WORDS; i++)
        missing |= mask->words[i] & ~words[i];
    return missing == 0;
}

/* In lower case: any other text is not in the floor's order. */
static bool is_uuid(const char *id)
{
    return id && strspn(id, "0123456789abcdef-") == AEP_ID_SIZE - 1 && !id[AEP_ID_SIZE - 1];
}

bool aep__sql_is_fresh(struct aep__sql *base, enum aep__fresh_as as, const char *id)
{
    if (!is_uuid(id) || !aep__sql_caches(base))
        return false;
    bool full = base->knows_fresh && base->fresh->count >= FULL;
    if ((full || !base->knows_fresh) && !renew(base))
        return false;
    if (strcmp(id, base->fresh->floor) <= 0)
        return false;
    const struct mask mask = mask_of(as, id);
    return !has(base->fresh, &mask);
}

void aep__sql_note_fresh(struct aep__sql *base, enum aep__fresh_as as, const char *id)
{
    if (!base->knows_fresh || !is_uuid(id))
        return;
    const struct mask mask = mask_of(as, id);
    base->fresh->count += !has(base->fresh, &mask);
    for (int i = 0; i < BLOCK_WORDS; i++)
        base->fresh->blocks[mask.block][i] |= mask.words[i];
}

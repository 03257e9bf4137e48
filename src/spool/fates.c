/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/fates.h"

#include <stdlib.h>

#include "base/error.h"
#include "spool/aside.h"
#include "spool/cursor.h"

static int compare_positions(uint64_t a_segment, uint64_t a_offset, uint64_t b_segment,
                             uint64_t b_offset)
{
    if (a_segment != b_segment)
        return a_segment < b_segment ? -1 : 1;
    return a_offset < b_offset ? -1 : a_offset > b_offset;
}

static int compare_sides(const void *a, const void *b)
{
    const struct aep__fate_side *x = a, *y = b;
    return compare_positions(x->segment, x->offset, y->segment, y->offset);
}

/* False: out of memory. */
static bool add_side(void *user, const struct aep__note *note, enum aep__fate fate)
{
    struct aep__fates *fates = user;
    if (fates->side_count == fates->side_max) {
        size_t max = fates->side_max ? fates->side_max * 2 : 64;
        struct aep__fate_side *sides = realloc(fates->sides, max * sizeof *sides);
        fates->failed = !sides;
        if (!sides)
            return false;
        fates->sides = sides;
        fates->side_max = max;
    }
    fates->sides[fates->side_count++] = (struct aep__fate_side){note->segment, note->offset, fate};
    return true;
}

/* Whatever cannot be read is left out. */
static bool read_sides(struct aep__fates *fates)
{
    fates->side_count = 0;
    fates->failed = false;
    aep__aside_each(fates->spool, add_side, fates);
    if (fates->side_count > 0)
        qsort(fates->sides, fates->side_count, sizeof *fates->sides, compare_sides);
    return !fates->failed;
}

static int refresh(struct aep__fates *fates, bool first, aep_error *err)
{
    struct aep__cursor cursor;
    struct aep__status status;
    if (aep__status_read(fates->spool, &status, NULL) != AEP_OK)
        status = (struct aep__status){0};
    int code = aep__cursor_load(fates->spool, &cursor, err);
    if (code != AEP_OK)
        return code;
    bool later =
        compare_positions(status.segment, status.offset, cursor.segment, cursor.offset) > 0;
    fates->finished = later ? (aep_position){status.segment, status.offset}
                            : (aep_position){cursor.segment, cursor.offset};
    bool changed = status.parked_now != fates->parked_seen || status.dead_now != fates->dead_seen;
    if ((first || changed) && !read_sides(fates))
        return aep__error_memory(err);
    fates->parked_seen = status.parked_now;
    fates->dead_seen = status.dead_now;
    fates->status = status;
    return AEP_OK;
}

int aep__fates_init(struct aep__fates *fates, const struct aep__spool *spool, aep_error *err)
{
    *fates = (struct aep__fates){.spool = spool};
    return refresh(fates, true, err);
}

int aep__fates_refresh(struct aep__fates *fates, aep_error *err)
{
    return refresh(fates, false, err);
}

void aep__fates_done(struct aep__fates *fates)
{
    free(fates->sides);
    *fates = (struct aep__fates){0};
}

enum aep__fate aep__fates_of(const struct aep__fates *fates, aep_position begin)
{
    const struct aep__fate_side wanted = {begin.segment, begin.offset, AEP__FATE_ON_DISK};
    const struct aep__fate_side *side =
        fates->side_count == 0
            ? NULL
            : bsearch(&wanted, fates->sides, fates->side_count, sizeof wanted, compare_sides);
    if (fates->spool->local)
        return AEP__FATE_ON_DISK;
    if (side)
        return side->fate;
    return compare_positions(begin.segment, begin.offset, fates->finished.segment,
                             fates->finished.offset) < 0
               ? AEP__FATE_ACKED
               : AEP__FATE_ON_DISK;
}

bool aep__fates_is_past(const struct aep__fates *fates, aep_position position)
{
    return compare_positions(position.segment, position.offset, fates->finished.segment,
                             fates->finished.offset) <= 0;
}

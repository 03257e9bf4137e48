/* SPDX-License-Identifier: Apache-2.0 */
#include "states.h"

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
    const struct aep__state_side *x = a, *y = b;
    return compare_positions(x->segment, x->offset, y->segment, y->offset);
}

/* False: out of memory. */
static bool add_side(void *user, const struct aep__note *note, enum aep__aside aside)
{
    struct aep__states *states = user;
    if (states->side_count == states->side_max) {
        size_t max = states->side_max ? states->side_max * 2 : 64;
        struct aep__state_side *sides = realloc(states->sides, max * sizeof *sides);
        states->failed = !sides;
        if (!sides)
            return false;
        states->sides = sides;
        states->side_max = max;
    }
    states->sides[states->side_count++] =
        (struct aep__state_side){note->segment, note->offset,
                                 aside == AEP__ASIDE_DEAD ? AEP__STATE_DEAD : AEP__STATE_PARKED};
    return true;
}

/* What cannot be read is left out. */
static bool read_sides(struct aep__states *states)
{
    states->side_count = 0;
    states->failed = false;
    aep__aside_each(states->spool, add_side, states);
    if (states->side_count > 0)
        qsort(states->sides, states->side_count, sizeof *states->sides, compare_sides);
    return !states->failed;
}

static int refresh(struct aep__states *states, bool first, aep_error *err)
{
    struct aep__cursor cursor;
    struct aep__status status;
    if (aep__status_read(states->spool, &status, NULL) != AEP_OK)
        status = (struct aep__status){0};
    int code = aep__cursor_load(states->spool, &cursor, err);
    if (code != AEP_OK)
        return code;
    bool later =
        compare_positions(status.segment, status.offset, cursor.segment, cursor.offset) > 0;
    states->finished = later ? (aep_position){status.segment, status.offset}
                             : (aep_position){cursor.segment, cursor.offset};
    bool changed = status.parked_now != states->parked_seen || status.dead_now != states->dead_seen;
    if ((first || changed) && !read_sides(states))
        return aep__error_memory(err);
    states->parked_seen = status.parked_now;
    states->dead_seen = status.dead_now;
    states->status = status;
    return AEP_OK;
}

int aep__states_init(struct aep__states *states, const struct aep__spool *spool, aep_error *err)
{
    *states = (struct aep__states){.spool = spool};
    return refresh(states, true, err);
}

int aep__states_refresh(struct aep__states *states, aep_error *err)
{
    return refresh(states, false, err);
}

void aep__states_done(struct aep__states *states)
{
    free(states->sides);
    *states = (struct aep__states){0};
}

enum aep__state aep__states_of(const struct aep__states *states, aep_position begin)
{
    const struct aep__state_side wanted = {begin.segment, begin.offset, AEP__STATE_SPOOLED};
    const struct aep__state_side *side =
        states->side_count == 0
            ? NULL
            : bsearch(&wanted, states->sides, states->side_count, sizeof wanted, compare_sides);
    if (states->spool->local)
        return AEP__STATE_SPOOLED;
    if (side)
        return side->state;
    return compare_positions(begin.segment, begin.offset, states->finished.segment,
                             states->finished.offset) < 0
               ? AEP__STATE_ACKED
               : AEP__STATE_SPOOLED;
}

bool aep__states_is_past(const struct aep__states *states, aep_position position)
{
    return compare_positions(position.segment, position.offset, states->finished.segment,
                             states->finished.offset) <= 0;
}

const char *aep__state_name(enum aep__state state)
{
    static const char *const names[AEP__STATE_COUNT] = {"spooled", "acked", "parked", "dead"};
    return names[state];
}

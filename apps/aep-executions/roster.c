/* SPDX-License-Identifier: Apache-2.0 */
#include "roster.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

#define TEXT_BYTES 400 /* of a text: more than a line shows */
#define WINDOW 200     /* rows of the rest, at first */
#define SLACK 1000     /* rows of the rest beyond those, until they are read anew */
#define BIT(state) (1U << AEP__STATE_##state)
#define BY_CLOCK (BIT(RUNNING) | BIT(STALLED) | BIT(ABANDONED)) /* one becomes another */

/* ---- rows ----------------------------------------------------------------------------------- */

static void free_row(struct aep__tracked *row)
{
    aep__tracked_done(row);
    free(row);
}

void aep__roster_clear(struct aep__roster *roster)
{
    for (size_t i = 0; i < roster->count; i++)
        free_row(roster->rows[i]);
    aep__ids_done(&roster->ids);
    roster->count = roster->over = 0;
    roster->more = roster->failed = roster->loaded = false;
}

void aep__roster_done(struct aep__roster *roster)
{
    aep__roster_clear(roster);
    aep__contains_done(&roster->contains);
    free(roster->rows);
    *roster = (struct aep__roster){0};
}

static bool make_room(struct aep__roster *roster)
{
    if (roster->count < roster->cap)
        return true;
    size_t cap = roster->cap ? roster->cap * 2 : 64;
    struct aep__tracked **rows = realloc(roster->rows, cap * sizeof(struct aep__tracked *));
    if (!rows)
        return false;
    roster->rows = rows;
    roster->cap = cap;
    return true;
}

/* A copy of what lines show. */
static struct aep__tracked *copy_row(const struct aep__tracked *execution)
{
    static const struct {
        enum aep__tracked_at at;
        bool child; /* only of one that has a parent */
    } kept[] = {
        {AEP__TRACKED_AT_id, false},           {AEP__TRACKED_AT_agent_name, false},
        {AEP__TRACKED_AT_user_request, false}, {AEP__TRACKED_AT_current_step, false},
        {AEP__TRACKED_AT_error_code, false},   {AEP__TRACKED_AT_error_message, false},
        {AEP__TRACKED_AT_root_id, true},       {AEP__TRACKED_AT_parent_id, true},
    };
    struct aep__tracked *copy = malloc(sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *execution;
    for (size_t i = 0; i < AEP__TRACKED_MEMBER_COUNT; i++)
        if (aep__tracked_members[i].type == AEP__MEMBER_TEXT)
            *(char **)((char *)copy + aep__tracked_members[i].offset) = NULL;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        size_t offset = aep__tracked_members[kept[i].at].offset;
        const char *text = *(char *const *)((const char *)execution + offset);
        char **to = (char **)((char *)copy + offset);
        if (text && (execution->parent_known || !kept[i].child))
            aep__tracked_set_text(
                copy, to, (struct aep__slice){text, aep__utf8_cut(text, strlen(text), TEXT_BYTES)});
    }
    return copy;
}

bool aep__roster_add(struct aep__roster *roster, const struct aep__tracked *execution)
{
    size_t at = aep__ids_find(&roster->ids, execution->id);
    struct aep__tracked *copy = make_room(roster) ? copy_row(execution) : NULL;
    bool added = copy && !copy->failed;
    if (added && at != AEP__IDS_NONE) {
        aep__ids_remove(&roster->ids, execution->id);
        free_row(roster->rows[at]);
    }
    if (added && at == AEP__IDS_NONE)
        at = roster->count++;
    if (added) {
        roster->rows[at] = copy;
        added = aep__ids_set(&roster->ids, copy->id, at);
    } else if (copy) {
        free_row(copy);
    }
    roster->failed |= !added;
    return !roster->failed;
}

void aep__roster_remove(struct aep__roster *roster, const char *id)
{
    size_t at = aep__ids_find(&roster->ids, id);
    if (at == AEP__IDS_NONE)
        return;
    struct aep__tracked *last = roster->rows[--roster->count];
    aep__ids_remove(&roster->ids, id);
    free_row(roster->rows[at]);
    if (at < roster->count) {
        roster->rows[at] = last;
        roster->failed |= !aep__ids_set(&roster->ids, last->id, at);
    }
}

const struct aep__tracked *aep__roster_find(const struct aep__roster *roster, const char *id)
{
    size_t at = aep__ids_find(&roster->ids, id);
    return at == AEP__IDS_NONE ? NULL : roster->rows[at];
}

/* ---- reading -------------------------------------------------------------------------------- */

struct reading {
    struct aep__roster *roster;
    struct aep__filter filter; /* its texts are borrowed */
    bool roots;
    int64_t clock_us;
};

static bool is_rest(const struct reading *reading, const struct aep__tracked *execution)
{
    return aep__sort_rank(AEP__SORT_ATTENTION, execution, reading->clock_us).segment >=
           AEP__ATTENTION_ABANDONED;
}

static bool take_row(void *user, const struct aep__tracked *execution)
{
    struct reading *reading = user;
    struct aep__roster *roster = reading->roster;
    if (is_rest(reading, execution)) {
        roster->more = roster->over == roster->window;
        if (roster->more)
            return false;
        roster->over++;
    }
    return aep__roster_add(roster, execution);
}

static bool take_child(void *user, const struct aep__tracked *execution)
{
    struct reading *reading = user;
    return !execution->parent_known || aep__roster_add(reading->roster, execution);
}

static int load(struct reading *reading, struct aep__store *store, aep_error *err)
{
    struct aep__roster *roster = reading->roster;
    struct aep__query query = {
        .filter = &reading->filter, .clock_us = reading->clock_us, .sort = AEP__SORT_ATTENTION};
    aep__roster_clear(roster);
    if (roster->window == 0)
        roster->window = WINDOW;
    int code = store->ops->get_count(store, AEP__COUNT_CHANGES, &roster->at, err);
    reading->filter.roots = reading->roots;
    if (code == AEP_OK)
        code = store->ops->list(store, &query, take_row, reading, err);
    reading->filter.roots = false;
    unsigned states = reading->filter.states;
    reading->filter.states = (states ? states : ~0U) & (BY_CLOCK | BIT(WAITING)) & ~BIT(ABANDONED);
    if (code == AEP_OK && reading->roots && reading->filter.states)
        code = store->ops->list(store, &query, take_child, reading, err);
    reading->filter.states = states;
    roster->loaded = code == AEP_OK;
    return code;
}

static bool take_change(void *user, int64_t number, const char *id,
                        const struct aep__tracked *execution)
{
    struct reading *reading = user;
    struct aep__roster *roster = reading->roster;
    roster->at = number;
    bool hidden = execution && reading->roots && execution->parent_known &&
                  execution->outcome != AEP__ENDING_OPEN;
    if (!execution || hidden ||
        !aep__match(&reading->filter, execution, reading->clock_us, &roster->contains)) {
        aep__roster_remove(roster, id);
        return true;
    }
    const struct aep__tracked *before = aep__roster_find(roster, id);
    roster->over += is_rest(reading, execution) && !(before && is_rest(reading, before));
    return aep__roster_add(roster, execution);
}

int aep__roster_update(struct aep__roster *roster, struct aep__store *store,
                       const struct aep__filter *filter, int64_t clock_us, aep_error *err)
{
    struct reading reading = {roster, *filter, filter->roots, clock_us};
    int given = 0;
    if (!roster->contains.locale)
        aep__contains_init(&roster->contains);
    reading.filter.roots = false;
    if (reading.filter.states & BY_CLOCK)
        reading.filter.states |= BY_CLOCK;
    if (roster->loaded && roster->over <= roster->window + SLACK)
        given = store->ops->changes(store, roster->at, 0, take_change, &reading, err);
    int code = given < 0 ? err->code : given == 0 ? load(&reading, store, err) : AEP_OK;
    return code == AEP_OK && roster->failed ? aep__error_memory(err) : code;
}

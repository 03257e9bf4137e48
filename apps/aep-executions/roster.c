/* SPDX-License-Identifier: Apache-2.0 */
#include "roster.h"

#include <stdlib.h>

#include "array.h"

#include "base/error.h"

#define WINDOW 200 /* rows of the rest, at first */
#define SLACK 1000 /* rows of the rest beyond those, until they are read anew */
#define LOOKS                                                                                      \
    (AEP__LOOK_MOST / WINDOW) /* rows in which texts are searched, for one that is wanted */
#define BIT(state) (1U << AEP__STATE_##state)
#define BY_CLOCK (BIT(RUNNING) | BIT(STALLED) | BIT(ABANDONED)) /* one becomes another */

/* ---- rows ----------------------------------------------------------------------------------- */

void aep__roster_clear(struct aep__roster *roster)
{
    for (size_t i = 0; i < roster->count; i++)
        free(roster->rows[i]);
    aep__ids_done(&roster->ids);
    roster->count = roster->over = roster->looked = 0;
    roster->more = roster->failed = roster->loaded = false;
}

void aep__roster_done(struct aep__roster *roster)
{
    aep__roster_clear(roster);
    aep__contains_done(&roster->contains);
    free(roster->rows);
    *roster = (struct aep__roster){0};
}

bool aep__roster_add(struct aep__roster *roster, const struct aep__tracked *execution)
{
    size_t at = aep__ids_find(&roster->ids, execution->id);
    struct aep__brief **rows =
        aep__array_room(roster->rows, roster->count, &roster->cap, sizeof *rows);
    struct aep__brief *brief = rows ? aep__brief_make(execution) : NULL;
    roster->rows = rows ? rows : roster->rows;
    if (brief && at != AEP__IDS_NONE) {
        aep__ids_remove(&roster->ids, execution->id);
        free(roster->rows[at]);
    }
    if (brief && at == AEP__IDS_NONE)
        at = roster->count++;
    if (brief)
        roster->rows[at] = brief;
    roster->failed |= !brief || !aep__ids_set(&roster->ids, aep__brief_id(brief), at);
    return !roster->failed;
}

void aep__roster_remove(struct aep__roster *roster, const char *id)
{
    size_t at = aep__ids_find(&roster->ids, id);
    if (at == AEP__IDS_NONE)
        return;
    struct aep__brief *last = roster->rows[--roster->count];
    aep__ids_remove(&roster->ids, id);
    free(roster->rows[at]);
    if (at < roster->count) {
        roster->rows[at] = last;
        roster->failed |= !aep__ids_set(&roster->ids, aep__brief_id(last), at);
    }
}

const struct aep__brief *aep__roster_find(const struct aep__roster *roster, const char *id)
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
    bool stopped = false;
    aep__roster_clear(roster);
    if (roster->window == 0)
        roster->window = WINDOW;
    struct aep__query query = {.filter = &reading->filter,
                               .clock_us = reading->clock_us,
                               .sort = AEP__SORT_ATTENTION,
                               .look_most = (unsigned)roster->window * LOOKS,
                               .ret_stopped = &stopped};
    int code = store->ops->get_count(store, AEP__COUNT_CHANGES, &roster->at, err);
    reading->filter.roots = reading->roots;
    if (code == AEP_OK)
        code = store->ops->list(store, &query, take_row, reading, err);
    roster->looked = stopped ? query.look_most : 0;
    roster->more |= stopped;
    reading->filter.roots = false;
    unsigned states = reading->filter.states;
    reading->filter.states = (states ? states : ~0U) & (BY_CLOCK | BIT(WAITING)) & ~BIT(ABANDONED);
    if (code == AEP_OK && reading->roots && reading->filter.states)
        code = store->ops->list(store, &query, take_child, reading, err);
    reading->filter.states = states;
    roster->loaded = code == AEP_OK;
    return code;
}

static bool was_rest(const struct reading *reading, const char *id)
{
    const struct aep__brief *brief = aep__roster_find(reading->roster, id);
    struct aep__tracked before;
    if (!brief)
        return false;
    aep__brief_open(brief, &before);
    return is_rest(reading, &before);
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
    roster->over += is_rest(reading, execution) && !was_rest(reading, id);
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

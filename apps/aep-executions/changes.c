/* SPDX-License-Identifier: Apache-2.0 */
#include "changes.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

#include "base/error.h"

#define KEPT 20000  /* that have ended: their last state is remembered */
#define RING 100000 /* changes until it is forgotten, if they are more */
#define BIT(state) (1U << AEP__STATE_##state)
#define OPEN (BIT(WAITING) | BIT(STALLED) | BIT(RUNNING))

void aep__changes_done(struct aep__changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        free(changes->known[i].id);
    free(changes->known);
    aep__ids_done(&changes->ids);
    aep__contains_done(&changes->contains);
    *changes = (struct aep__changes){0};
}

/* ---- what is known -------------------------------------------------------------------------- */

static struct aep__changes_known *find_known(struct aep__changes *changes, const char *id)
{
    size_t at = aep__ids_find(&changes->ids, id);
    return at == AEP__IDS_NONE ? NULL : &changes->known[at];
}

static struct aep__changes_known *add_known(struct aep__changes *changes, const char *id)
{
    struct aep__changes_known *known =
        aep__array_room(changes->known, changes->count, &changes->cap, sizeof *known);
    if (!known)
        return NULL;
    changes->known = known;
    char *copy = strdup(id);
    if (!copy || !aep__ids_set(&changes->ids, copy, changes->count)) {
        free(copy);
        return NULL;
    }
    changes->known[changes->count] = (struct aep__changes_known){.id = copy};
    return &changes->known[changes->count++];
}

static void forget_known(struct aep__changes *changes, size_t at)
{
    struct aep__changes_known *known = &changes->known[at];
    aep__ids_remove(&changes->ids, known->id);
    free(known->id);
    *known = changes->known[--changes->count];
    if (at < changes->count) /* its place is another one now; there is room for it */
        aep__ids_set(&changes->ids, known->id, at);
}

/* Those that ended long ago: should one be written again, its state is taken for the one it has. */
static void forget_old(struct aep__changes *changes)
{
    if (changes->count <= KEPT)
        return;
    for (size_t i = changes->count; i-- > 0;)
        if (!changes->known[i].open && changes->known[i].number < changes->at - RING)
            forget_known(changes, i);
}

/* The first instant after the clock at which an open one may be in another state. */
static int64_t next_of(const struct aep__tracked *execution, int64_t clock_us)
{
    const int64_t times[] = {execution->stalls_at, execution->abandons_at};
    int64_t next_us = AEP__NEVER_US;
    for (size_t i = 0; i < 2; i++)
        if (times[i] != AEP__UNKNOWN_US && times[i] >= clock_us && times[i] < next_us)
            next_us = times[i];
    bool silent = execution->outcome == AEP__ENDING_OPEN && !execution->waiting;
    return silent ? next_us : AEP__NEVER_US;
}

/* ---- one look ------------------------------------------------------------------------------- */

struct looking {
    struct aep__changes *changes;
    struct aep__filter filter; /* without states; its texts are borrowed */
    unsigned states;
    bool one; /* a single execution, whatever the filter says */
    int64_t clock_us;
    aep__change_fn fn;
    void *user;
    bool failed;
};

static bool was_over_before(const struct aep__changes *changes,
                            const struct aep__tracked *execution)
{
    return changes->begun && execution->outcome != AEP__ENDING_OPEN &&
           execution->ended_at != AEP__UNKNOWN_US && execution->ended_at < changes->begun_us;
}

static void give(struct looking *looking, const struct aep__tracked *execution,
                 const struct aep__changes_known *known, enum aep__state state)
{
    struct aep__change change = {execution, state, !known || !known->shown, false};
    change.of_state = known ? known->state != state : !was_over_before(looking->changes, execution);
    if (change.of_state || change.fresh || known->number != execution->change)
        looking->fn(looking->user, &change);
}

static bool take_row(void *user, const struct aep__tracked *execution)
{
    struct looking *looking = user;
    struct aep__changes *changes = looking->changes;
    struct aep__changes_known *known = find_known(changes, execution->id);
    enum aep__state state = aep__state_of(execution, looking->clock_us);
    bool open = execution->outcome == AEP__ENDING_OPEN;
    bool like = looking->one ||
                aep__match(&looking->filter, execution, looking->clock_us, &changes->contains);
    bool in = like && (!looking->states || looking->states & 1U << state);
    if (in || (known && known->shown))
        give(looking, execution, known, state);
    if (!known && (in || (like && open))) {
        known = add_known(changes, execution->id);
        looking->failed |= !known;
    }
    if (known) {
        known->number = execution->change;
        known->state = state;
        known->next_us = next_of(execution, looking->clock_us);
        known->look = changes->look;
        known->open = open;
        known->shown = in;
    }
    return !looking->failed;
}

static bool take_change(void *user, int64_t number, const char *id,
                        const struct aep__tracked *execution)
{
    struct looking *looking = user;
    looking->changes->at = number;
    if (execution)
        return take_row(looking, execution);
    size_t at = aep__ids_find(&looking->changes->ids, id);
    if (at != AEP__IDS_NONE)
        forget_known(looking->changes, at);
    return true;
}

static int take_one(struct looking *looking, struct aep__store *store, const char *id,
                    aep_error *err)
{
    struct aep__tracked execution;
    aep__tracked_init(&execution);
    int found = store->ops->get(store, id, &execution, err);
    if (found > 0)
        take_row(looking, &execution);
    aep__tracked_done(&execution);
    return found < 0 ? err->code : AEP_OK;
}

/* All that are open, and those that were. */
static int take_all(struct looking *looking, struct aep__store *store, aep_error *err)
{
    struct aep__changes *changes = looking->changes;
    struct aep__query query = {.filter = &looking->filter,
                               .clock_us = looking->clock_us,
                               .sort = AEP__SORT_LAST_EVENT,
                               .reverse = true};
    int code = store->ops->get_count(store, AEP__COUNT_CHANGES, &changes->at, err);
    looking->filter.states = OPEN;
    if (code == AEP_OK)
        code = store->ops->list(store, &query, take_row, looking, err);
    looking->filter.states = 0;
    for (size_t i = 0; code == AEP_OK && changes->begun && i < changes->count; i++)
        if (changes->known[i].open && changes->known[i].look != changes->look)
            code = take_one(looking, store, changes->known[i].id, err);
    return code;
}

/* Those whose state the clock has changed. */
static int take_silent(struct looking *looking, struct aep__store *store, aep_error *err)
{
    struct aep__changes *changes = looking->changes;
    int code = AEP_OK;
    for (size_t i = 0; code == AEP_OK && i < changes->count; i++)
        if (changes->known[i].next_us < looking->clock_us)
            code = take_one(looking, store, changes->known[i].id, err);
    return code;
}

static int take_changes(struct looking *looking, struct aep__store *store, aep_error *err)
{
    struct aep__changes *changes = looking->changes;
    int given = 0;
    if (changes->begun && !changes->lost)
        given = store->ops->changes(store, changes->at, 0, take_change, looking, err);
    int code = given < 0 ? err->code : given == 0 ? take_all(looking, store, err) : AEP_OK;
    changes->lost = false;
    return code == AEP_OK ? take_silent(looking, store, err) : code;
}

int aep__changes_look(struct aep__changes *changes, struct aep__store *store,
                      const struct aep__filter *filter, const char *id,
                      const struct aep__view *view, aep__change_fn fn, void *user, aep_error *err)
{
    struct looking looking = {.changes = changes,
                              .filter = *filter,
                              .states = filter->states,
                              .one = id != NULL,
                              .clock_us = view->clock_us,
                              .fn = fn,
                              .user = user};
    if (!changes->contains.locale)
        aep__contains_init(&changes->contains);
    looking.filter.states = 0;
    changes->look++;
    int code = id ? take_one(&looking, store, id, err) : take_changes(&looking, store, err);
    if (code == AEP_OK && looking.failed)
        code = aep__error_memory(err);
    if (!changes->begun)
        changes->begun_us = view->clock_us;
    changes->begun |= code == AEP_OK;
    forget_old(changes);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static void free_known(struct aep__changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        free(changes->known[i].id);
    free(changes->known);
    changes->known = NULL;
    changes->count = 0;
}

void aep__changes_done(struct aep__changes *changes)
{
    free_known(changes);
    aep__roster_done(&changes->roster);
}

static int compare_known(const void *left, const void *right)
{
    const struct aep__changes_known *one = left, *other = right;
    return strcmp(one->id, other->id);
}

static const struct aep__changes_known *find_known(const struct aep__changes *changes,
                                                   const char *id)
{
    const struct aep__changes_known key = {.id = (char *)id};
    return changes->count ? bsearch(&key, changes->known, changes->count, sizeof key, compare_known)
                          : NULL;
}

/* ---- one look ------------------------------------------------------------------------------- */

static int take_one(struct aep__changes *changes, struct aep__store *store, const char *id,
                    aep_error *err)
{
    struct aep__tracked execution;
    aep__tracked_init(&execution);
    int found = store->ops->get(store, id, &execution, err);
    if (found > 0)
        aep__roster_add(&changes->roster, &execution);
    aep__tracked_done(&execution);
    return found < 0 ? err->code : AEP_OK;
}

static int compare_ids(const void *left, const void *right)
{
    const struct aep__tracked *one = *(struct aep__tracked *const *)left;
    const struct aep__tracked *other = *(struct aep__tracked *const *)right;
    return strcmp(one->id, other->id);
}

/* Those that were open and are in no list any more: they have ended while many others did, or no longer
 * match the filter, which is a change too. */
static int take_left(struct aep__changes *changes, struct aep__store *store, aep_error *err)
{
    struct aep__roster *roster = &changes->roster;
    int code = AEP_OK;
    size_t count = roster->count;
    qsort(roster->rows, count, sizeof *roster->rows, compare_ids);
    for (size_t i = 0; code == AEP_OK && i < changes->count; i++) {
        const struct aep__changes_known *known = &changes->known[i];
        const struct aep__tracked key = {.id = known->id}, *pointer = &key;
        bool open = known->state >= AEP__STATE_WAITING;
        if (open && (count == 0 ||
                     !bsearch(&pointer, roster->rows, count, sizeof *roster->rows, compare_ids)))
            code = take_one(changes, store, known->id, err);
    }
    return code;
}

static int compare_numbers(const void *left, const void *right)
{
    const struct aep__tracked *one = *(struct aep__tracked *const *)left;
    const struct aep__tracked *other = *(struct aep__tracked *const *)right;
    return one->change == other->change ? 0 : one->change < other->change ? -1 : 1;
}

static void give(const struct aep__changes *changes, const struct aep__view *view,
                 aep__change_fn fn, void *user)
{
    for (size_t i = 0; i < changes->roster.count; i++) {
        const struct aep__tracked *execution = changes->roster.rows[i];
        const struct aep__changes_known *known = find_known(changes, execution->id);
        struct aep__change change = {execution, aep__state_of(execution, view->clock_us), !known,
                                     false};
        change.of_state = !known || known->state != change.state;
        if (change.of_state || known->number != execution->change)
            fn(user, &change);
    }
}

static int remember(struct aep__changes *changes, const struct aep__view *view, aep_error *err)
{
    const struct aep__roster *roster = &changes->roster;
    free_known(changes);
    changes->known = calloc(roster->count + 1, sizeof *changes->known);
    for (size_t i = 0; changes->known && i < roster->count; i++) {
        const struct aep__tracked *execution = roster->rows[i];
        char *id = strdup(execution->id);
        if (!id)
            return aep__error_memory(err);
        changes->known[changes->count++] = (struct aep__changes_known){
            id, execution->change, aep__state_of(execution, view->clock_us)};
    }
    if (!changes->known)
        return aep__error_memory(err);
    qsort(changes->known, changes->count, sizeof *changes->known, compare_known);
    changes->begun = true;
    return AEP_OK;
}

int aep__changes_look(struct aep__changes *changes, struct aep__store *store,
                      const struct aep__filter *filter, const char *id,
                      const struct aep__view *view, aep__change_fn fn, void *user, aep_error *err)
{
    struct aep__roster *roster = &changes->roster;
    aep__roster_clear(roster);
    int code = id ? take_one(changes, store, id, err)
                  : aep__roster_load(roster, store, filter, view->clock_us, err);
    if (code == AEP_OK && !id)
        code = take_left(changes, store, err);
    if (code != AEP_OK)
        return code;
    if (roster->failed)
        return aep__error_memory(err);
    qsort(roster->rows, roster->count, sizeof *roster->rows, compare_numbers);
    give(changes, view, fn, user);
    return remember(changes, view, err);
}

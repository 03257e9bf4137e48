/* SPDX-License-Identifier: Apache-2.0 */
#include "roster.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define BIT(state) (1U << AEP__STATE_##state)

/* What is fetched, and how many of each. */
static const struct group {
    unsigned states, limit;
    bool children; /* also those of known parents */
} groups[] = {
    {BIT(WAITING), 300, true},    {BIT(STALLED), 300, true},
    {BIT(RUNNING), 300, false},   {BIT(FAILED) | BIT(ABANDONED), 200, false},
    {BIT(COMPLETED), 200, false},
};

void aep__roster_clear(struct aep__roster *roster)
{
    for (size_t i = 0; i < roster->count; i++) {
        aep__tracked_done(roster->rows[i]);
        free(roster->rows[i]);
    }
    roster->count = 0;
    roster->more = roster->failed = false;
}

void aep__roster_done(struct aep__roster *roster)
{
    aep__roster_clear(roster);
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

bool aep__roster_add(struct aep__roster *roster, const struct aep__tracked *execution)
{
    struct aep__tracked *copy = make_room(roster) ? malloc(sizeof *copy) : NULL;
    if (copy) {
        aep__tracked_init(copy);
        aep__tracked_copy(copy, execution);
        roster->rows[roster->count++] = copy;
    }
    roster->failed |= !copy || copy->failed;
    return !roster->failed;
}

const struct aep__tracked *aep__roster_find(const struct aep__roster *roster, const char *id)
{
    for (size_t i = 0; i < roster->count; i++)
        if (strcmp(roster->rows[i]->id, id) == 0)
            return roster->rows[i];
    return NULL;
}

static bool take_row(void *user, const struct aep__tracked *execution)
{
    return aep__roster_add(user, execution);
}

static int compare_rows(const void *left, const void *right)
{
    const struct aep__tracked *one = *(struct aep__tracked *const *)left;
    const struct aep__tracked *other = *(struct aep__tracked *const *)right;
    int order = strcmp(one->id, other->id);
    return order ? order : one->change < other->change ? -1 : one->change > other->change;
}

/* One that changed its state between two lists may be in both: the newer row counts. */
static void drop_doubles(struct aep__roster *roster)
{
    size_t kept = 0;
    if (roster->count < 2)
        return;
    qsort(roster->rows, roster->count, sizeof *roster->rows, compare_rows);
    for (size_t i = 0; i < roster->count; i++) {
        if (i + 1 < roster->count && strcmp(roster->rows[i]->id, roster->rows[i + 1]->id) == 0) {
            aep__tracked_done(roster->rows[i]);
            free(roster->rows[i]);
        } else {
            roster->rows[kept++] = roster->rows[i];
        }
    }
    roster->count = kept;
}

int aep__roster_load(struct aep__roster *roster, struct aep__store *store,
                     const struct aep__filter *filter, int64_t clock_us, aep_error *err)
{
    int code = AEP_OK;
    for (size_t i = 0; code == AEP_OK && i < sizeof groups / sizeof *groups; i++) {
        struct aep__filter wanted = *filter; /* its texts are borrowed */
        size_t before = roster->count;
        wanted.states = filter->states ? filter->states & groups[i].states : groups[i].states;
        wanted.roots = filter->roots && !groups[i].children;
        struct aep__query query = {
            .filter = &wanted, .clock_us = clock_us, .limit = groups[i].limit};
        if (wanted.states)
            code = store->ops->list(store, &query, take_row, roster, err);
        roster->more |= roster->count - before == groups[i].limit;
    }
    drop_doubles(roster);
    return code == AEP_OK && roster->failed ? aep__error_memory(err) : code;
}

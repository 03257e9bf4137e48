/* SPDX-License-Identifier: Apache-2.0 */
#include "outline.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define CHILDREN_MAX 200 /* that are shown of one execution */
#define DEPTH_MAX 32

/* ---- folds ---------------------------------------------------------------------------------- */

static size_t find_fold(const struct aep__folds *folds, const char *id)
{
    size_t i = 0;
    while (i < folds->count && strcmp(folds->ids[i], id) != 0)
        i++;
    return i;
}

bool aep__folds_open(const struct aep__folds *folds, const char *id)
{
    return (find_fold(folds, id) < folds->count) != folds->all;
}

static void add_fold(struct aep__folds *folds, const char *id)
{
    if (folds->count == folds->cap) {
        size_t cap = folds->cap ? folds->cap * 2 : 16;
        char **ids = realloc(folds->ids, cap * sizeof *ids);
        if (!ids)
            return;
        folds->ids = ids;
        folds->cap = cap;
    }
    char *copy = strdup(id);
    if (copy)
        folds->ids[folds->count++] = copy;
}

void aep__folds_set(struct aep__folds *folds, const char *id, bool open)
{
    size_t at = find_fold(folds, id);
    if (aep__folds_open(folds, id) == open)
        return;
    if (at == folds->count) {
        add_fold(folds, id);
        return;
    }
    free(folds->ids[at]);
    folds->ids[at] = folds->ids[--folds->count];
}

void aep__folds_reset(struct aep__folds *folds, bool all)
{
    while (folds->count > 0)
        free(folds->ids[--folds->count]);
    free(folds->ids);
    *folds = (struct aep__folds){.all = all};
}

/* ---- places --------------------------------------------------------------------------------- */

struct place {
    struct aep__place place;
    const struct aep__tracked *wants;
    size_t begin, count; /* its lines */
};

struct making {
    struct aep__outline *outline;
    struct aep__store *store;
    const struct aep__outline_wish *wish;
    struct place *places;
    size_t count;
    struct aep__ids tops; /* to places, where children may lend attention */
    aep_error *err;
};

static struct aep__place place_of(const struct making *making, const struct aep__tracked *execution)
{
    int64_t clock_us = making->wish->view->clock_us;
    enum aep__state state = aep__state_of(execution, clock_us);
    return (struct aep__place){execution, aep__sort_rank(AEP__SORT_ATTENTION, execution, clock_us),
                               state};
}

static bool is_below_other(const struct making *making, const struct aep__tracked *execution)
{
    return making->wish->filter->roots && execution->parent_known;
}

static bool is_wanted(const struct making *making, const struct aep__tracked *execution)
{
    unsigned states = making->wish->filter->states;
    int64_t clock_us = making->wish->view->clock_us;
    if (states && !(states & 1U << aep__state_of(execution, clock_us)))
        return false;
    return !making->wish->needs_human || aep__needs_human(execution, clock_us);
}

/* Whether a child's state is worth a look at the one above it. */
static bool is_lender(const struct making *making, const struct aep__tracked *execution)
{
    enum aep__state state = aep__state_of(execution, making->wish->view->clock_us);
    return is_below_other(making, execution) &&
           (state == AEP__STATE_WAITING || state == AEP__STATE_STALLED);
}

/* A child that waits or is stalled gives its rank to the one at the top of its tree. */
static void lend_attention(struct making *making, const struct aep__tracked *child)
{
    struct aep__place own = place_of(making, child);
    size_t at = child->root_id ? aep__ids_find(&making->tops, child->root_id) : AEP__IDS_NONE;
    if (at == AEP__IDS_NONE || own.rank.segment >= making->places[at].place.rank.segment)
        return;
    making->places[at].place.rank = own.rank;
    making->places[at].wants = child;
}

static int lend_all(struct making *making, aep_error *err)
{
    const struct aep__roster *roster = &making->outline->roster;
    size_t first = 0;
    bool all = true;
    while (first < roster->count && !is_lender(making, roster->rows[first]))
        first++;
    for (size_t i = 0; all && first < roster->count && i < making->count; i++)
        all = aep__ids_set(&making->tops, making->places[i].place.execution->id, i);
    for (size_t i = first; all && i < roster->count; i++)
        if (is_lender(making, roster->rows[i]))
            lend_attention(making, roster->rows[i]);
    aep__ids_done(&making->tops);
    return all ? AEP_OK : aep__error_memory(err);
}

/* The roots of such children, which may be of those that are not held. */
static int add_roots(struct making *making, aep_error *err)
{
    struct aep__roster *roster = &making->outline->roster;
    int found = 0;
    for (size_t i = 0, count = roster->count; found >= 0 && i < count; i++) {
        const struct aep__tracked *child = roster->rows[i];
        struct aep__tracked root;
        if (!is_lender(making, child) || !child->root_id ||
            aep__roster_find(roster, child->root_id))
            continue;
        aep__tracked_init(&root);
        found = making->store->ops->get(making->store, child->root_id, &root, err);
        if (found > 0)
            aep__roster_add(roster, &root);
        aep__tracked_done(&root);
    }
    return found < 0 ? err->code : AEP_OK;
}

static int find_places(struct making *making, aep_error *err)
{
    const struct aep__roster *roster = &making->outline->roster;
    int code = making->wish->filter->roots ? add_roots(making, err) : AEP_OK;
    making->places = calloc(roster->count + 1, sizeof *making->places);
    if (!making->places)
        return aep__error_memory(err);
    for (size_t i = 0; i < roster->count; i++)
        if (!is_below_other(making, roster->rows[i]) && is_wanted(making, roster->rows[i]))
            making->places[making->count++] =
                (struct place){.place = place_of(making, roster->rows[i])};
    return code == AEP_OK ? lend_all(making, err) : code;
}

static int compare_places(const void *left, const void *right, void *user)
{
    const struct aep__outline_wish *wish = user;
    const struct place *one = left, *other = right;
    int order = wish->sorting->compare(&one->place, &other->place);
    return wish->reverse ? -order : order;
}

/* ---- lines ---------------------------------------------------------------------------------- */

static void add_line(struct aep__outline *outline, struct aep__line line)
{
    if (outline->count == outline->cap) {
        size_t cap = outline->cap ? outline->cap * 2 : 128;
        struct aep__line *lines = realloc(outline->lines, cap * sizeof *lines);
        outline->failed |= !lines;
        if (!lines)
            return;
        outline->lines = lines;
        outline->cap = cap;
    }
    outline->lines[outline->count++] = line;
}

struct brood {
    struct making *making;
    size_t begin, seen; /* in children */
    int found;
};

static bool take_child(void *user, const char *id)
{
    struct brood *brood = user;
    struct making *making = brood->making;
    struct aep__tracked child;
    if (brood->seen++ >= CHILDREN_MAX)
        return true;
    aep__tracked_init(&child);
    brood->found = making->store->ops->get(making->store, id, &child, making->err);
    if (brood->found > 0)
        aep__roster_add(&making->outline->children, &child);
    aep__tracked_done(&child);
    return brood->found >= 0 && !making->outline->children.failed;
}

static int compare_births(const void *left, const void *right)
{
    const struct aep__tracked *one = *(struct aep__tracked *const *)left;
    const struct aep__tracked *other = *(struct aep__tracked *const *)right;
    if (one->started_at != other->started_at)
        return one->started_at < other->started_at ? -1 : 1;
    return strcmp(one->id, other->id);
}

static int add_branch(struct making *making, const struct aep__place *place,
                      const struct aep__tracked *wants, unsigned depth, bool last);

/* Those of one execution, by when they started; their rows move while more are read, so that each is
 * taken by its number. */
static int add_children(struct making *making, const struct aep__tracked *parent, unsigned depth)
{
    struct aep__roster *children = &making->outline->children;
    struct brood brood = {.making = making, .begin = children->count};
    int code =
        making->store->ops->children(making->store, parent->id, take_child, &brood, making->err);
    if (code != AEP_OK || brood.found < 0)
        return making->err->code;
    size_t end = children->count;
    qsort(children->rows + brood.begin, end - brood.begin, sizeof *children->rows, compare_births);
    bool more = brood.seen > CHILDREN_MAX;
    for (size_t i = brood.begin; code == AEP_OK && i < end; i++) {
        struct aep__place place = place_of(making, children->rows[i]);
        code = add_branch(making, &place, NULL, depth, i + 1 == end && !more);
    }
    if (more)
        add_line(making->outline,
                 (struct aep__line){
                     .depth = depth, .last = true, .hidden = (int64_t)(brood.seen - CHILDREN_MAX)});
    return code;
}

static int add_branch(struct making *making, const struct aep__place *place,
                      const struct aep__tracked *wants, unsigned depth, bool last)
{
    const struct aep__tracked *execution = place->execution;
    bool open = execution->children > 0 && depth < DEPTH_MAX &&
                aep__folds_open(making->wish->folds, execution->id);
    bool all_shown = open && execution->children <= CHILDREN_MAX;
    add_line(making->outline, (struct aep__line){.execution = execution,
                                                 .state = place->state,
                                                 .wants = all_shown ? NULL : wants,
                                                 .depth = depth,
                                                 .last = last});
    return open ? add_children(making, execution, depth + 1) : AEP_OK;
}

static int add_lines(struct making *making)
{
    int code = AEP_OK;
    for (size_t i = 0; code == AEP_OK && i < making->count; i++) {
        struct place *place = &making->places[i];
        place->begin = making->outline->count;
        code = add_branch(making, &place->place, place->wants, 0, true);
        place->count = making->outline->count - place->begin;
    }
    return code;
}

/* ---- the cursor's group --------------------------------------------------------------------- */

static void copy_group(struct aep__line *to, size_t *at, const struct aep__line *from,
                       const struct place *place)
{
    memcpy(to + *at, from + place->begin, place->count * sizeof *to);
    *at += place->count;
}

/* Puts the group with the pinned line behind as many others as stand above it at least. */
static int put_back(struct making *making, aep_error *err)
{
    struct aep__outline *outline = making->outline;
    size_t pinned =
        making->wish->pinned ? aep__outline_find(outline, making->wish->pinned) : outline->count;
    struct place *own = NULL;
    size_t at = 0;
    for (size_t i = 0; pinned < outline->count && i < making->count; i++)
        if (pinned >= making->places[i].begin &&
            pinned < making->places[i].begin + making->places[i].count)
            own = &making->places[i];
    if (!own || pinned == making->wish->pinned_at)
        return AEP_OK;
    struct aep__line *lines = malloc(outline->cap * sizeof *lines);
    if (!lines)
        return aep__error_memory(err);
    bool placed = false;
    for (size_t i = 0; i < making->count; i++) {
        const struct place *place = &making->places[i];
        if (!placed && at + (pinned - own->begin) >= making->wish->pinned_at) {
            copy_group(lines, &at, outline->lines, own);
            placed = true;
        }
        if (place != own)
            copy_group(lines, &at, outline->lines, place);
    }
    if (!placed)
        copy_group(lines, &at, outline->lines, own);
    free(outline->lines);
    outline->lines = lines;
    return AEP_OK;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void note_wake(struct aep__outline *outline, const struct aep__roster *roster,
                      int64_t clock_us)
{
    for (size_t i = 0; i < roster->count; i++) {
        const struct aep__tracked *execution = roster->rows[i];
        const int64_t times[] = {execution->stalls_at, execution->abandons_at};
        for (size_t t = 0; execution->outcome == AEP__ENDING_OPEN && t < 2; t++)
            if (times[t] != AEP__UNKNOWN_US && times[t] >= clock_us && times[t] < outline->wake_us)
                outline->wake_us = times[t];
    }
}

static void clear(struct aep__outline *outline)
{
    aep__roster_clear(&outline->children);
    outline->count = 0;
    outline->failed = false;
    outline->wake_us = AEP__NEVER_US;
}

int aep__outline_load(struct aep__outline *outline, struct aep__store *store,
                      const struct aep__outline_wish *wish, aep_error *err)
{
    struct making making = {.outline = outline, .store = store, .wish = wish, .err = err};
    clear(outline);
    int code = aep__roster_update(&outline->roster, store, wish->filter, wish->view->clock_us, err);
    if (code == AEP_OK)
        code = find_places(&making, err);
    if (making.count > 1)
        qsort_r(making.places, making.count, sizeof *making.places, compare_places, (void *)wish);
    if (code == AEP_OK)
        code = add_lines(&making);
    if (code == AEP_OK && (outline->failed || outline->children.failed))
        code = aep__error_memory(err);
    if (code == AEP_OK)
        code = put_back(&making, err);
    note_wake(outline, &outline->roster, wish->view->clock_us);
    note_wake(outline, &outline->children, wish->view->clock_us);
    free(making.places);
    return code;
}

void aep__outline_done(struct aep__outline *outline)
{
    clear(outline);
    aep__roster_done(&outline->roster);
    aep__roster_done(&outline->children);
    free(outline->lines);
    *outline = (struct aep__outline){0};
}

size_t aep__outline_find(const struct aep__outline *outline, const char *id)
{
    size_t i = 0;
    while (i < outline->count &&
           (!outline->lines[i].execution || strcmp(outline->lines[i].execution->id, id) != 0))
        i++;
    return i;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "outline.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

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
    char **ids = aep__array_room(folds->ids, folds->count, &folds->cap, sizeof *ids);
    char *copy = ids ? strdup(id) : NULL;
    folds->ids = ids ? ids : folds->ids;
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
    const struct aep__brief *wants;
    size_t begin, count; /* its lines */
};

/* A child whose state is worth a look at the one above it. */
struct lender {
    const struct aep__brief *brief;
    const char *root; /* its id */
    struct aep__rank rank;
};

struct making {
    struct aep__outline *outline;
    struct aep__store *store;
    const struct aep__outline_wish *wish;
    struct place *places;
    size_t count, cap;
    struct lender *lenders;
    size_t lender_count, lender_cap;
    struct aep__ids tops; /* to places, where children may lend attention */
    aep_error *err;
};

static struct aep__place place_of(const struct making *making, const struct aep__brief *brief,
                                  const struct aep__tracked *execution)
{
    int64_t clock_us = making->wish->view->clock_us;
    return (struct aep__place){
        .brief = brief,
        .agent = execution->agent_name,
        .started_at = execution->started_at,
        .last_event_at = execution->last_event_at,
        .rank = aep__sort_rank(AEP__SORT_ATTENTION, execution, clock_us),
        .state = aep__state_of(execution, clock_us),
    };
}

/* When the state of one that is open may be another one. */
static void note_wake(struct making *making, const struct aep__tracked *execution)
{
    const int64_t times[] = {execution->stalls_at, execution->abandons_at};
    int64_t clock_us = making->wish->view->clock_us, *wake_us = &making->outline->wake_us;
    for (size_t i = 0; execution->outcome == AEP__ENDING_OPEN && i < 2; i++)
        if (times[i] != AEP__UNKNOWN_US && times[i] >= clock_us && times[i] < *wake_us)
            *wake_us = times[i];
}

static bool add_place(struct making *making, const struct aep__place *place)
{
    struct place *places =
        aep__array_room(making->places, making->count, &making->cap, sizeof *places);
    if (!places)
        return false;
    making->places = places;
    making->places[making->count++] = (struct place){.place = *place};
    return true;
}

/* A child that waits or is stalled gives its rank to the one at the top of its tree. */
static bool add_lender(struct making *making, const struct aep__place *child, const char *root)
{
    if (!root || (child->state != AEP__STATE_WAITING && child->state != AEP__STATE_STALLED))
        return true;
    struct lender *lenders = aep__array_room(making->lenders, making->lender_count,
                                             &making->lender_cap, sizeof *lenders);
    if (!lenders)
        return false;
    making->lenders = lenders;
    making->lenders[making->lender_count++] = (struct lender){child->brief, root, child->rank};
    return true;
}

static bool is_wanted(const struct making *making, const struct aep__tracked *execution,
                      enum aep__state state)
{
    unsigned states = making->wish->filter->states;
    if (states && !(states & 1U << state))
        return false;
    return !making->wish->needs_human || aep__needs_human(execution, making->wish->view->clock_us);
}

/* A line of its own, or one below another's. */
static bool take_row(struct making *making, const struct aep__brief *brief)
{
    struct aep__tracked execution;
    aep__brief_open(brief, &execution);
    struct aep__place place = place_of(making, brief, &execution);
    note_wake(making, &execution);
    if (making->wish->filter->roots && execution.parent_known)
        return add_lender(making, &place, execution.root_id);
    return !is_wanted(making, &execution, place.state) || add_place(making, &place);
}

static void lend_attention(struct making *making, const struct lender *lender)
{
    size_t at = aep__ids_find(&making->tops, lender->root);
    if (at == AEP__IDS_NONE || lender->rank.segment >= making->places[at].place.rank.segment)
        return;
    making->places[at].place.rank = lender->rank;
    making->places[at].wants = lender->brief;
}

static int lend_all(struct making *making, aep_error *err)
{
    bool all = true;
    for (size_t i = 0; all && making->lender_count > 0 && i < making->count; i++)
        all = aep__ids_set(&making->tops, aep__brief_id(making->places[i].place.brief), i);
    for (size_t i = 0; all && i < making->lender_count; i++)
        lend_attention(making, &making->lenders[i]);
    aep__ids_done(&making->tops);
    return all ? AEP_OK : aep__error_memory(err);
}

/* The roots of such children, which may be of those that are not held. */
static int add_roots(struct making *making, aep_error *err)
{
    struct aep__roster *roster = &making->outline->roster;
    int found = 0;
    bool all = true;
    for (size_t i = 0; found >= 0 && all && i < making->lender_count; i++) {
        const char *id = making->lenders[i].root;
        struct aep__tracked root;
        if (aep__roster_find(roster, id))
            continue;
        aep__tracked_init(&root);
        found = making->store->ops->get(making->store, id, &root, err);
        if (found > 0)
            all = aep__roster_add(roster, &root) && take_row(making, aep__roster_find(roster, id));
        aep__tracked_done(&root);
    }
    return found < 0 ? err->code : all ? AEP_OK : aep__error_memory(err);
}

static int find_places(struct making *making, aep_error *err)
{
    const struct aep__roster *roster = &making->outline->roster;
    bool all = true;
    for (size_t i = 0; all && i < roster->count; i++)
        all = take_row(making, roster->rows[i]);
    int code = all ? add_roots(making, err) : aep__error_memory(err);
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
    struct aep__line *lines =
        aep__array_room(outline->lines, outline->count, &outline->cap, sizeof *lines);
    outline->failed |= !lines;
    if (!lines)
        return;
    outline->lines = lines;
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
    struct aep__tracked one, other;
    aep__brief_open(*(struct aep__brief *const *)left, &one);
    aep__brief_open(*(struct aep__brief *const *)right, &other);
    if (one.started_at != other.started_at)
        return one.started_at < other.started_at ? -1 : 1;
    return strcmp(one.id, other.id);
}

static int add_branch(struct making *making, const struct aep__brief *brief,
                      const struct aep__brief *wants, unsigned depth, bool last);

/* Those of one execution, by when they started; their rows move while more are read, so that each is
 * taken by its number. */
static int add_children(struct making *making, const char *parent, unsigned depth)
{
    struct aep__roster *children = &making->outline->children;
    struct brood brood = {.making = making, .begin = children->count};
    int code = making->store->ops->children(making->store, parent, take_child, &brood, making->err);
    if (code != AEP_OK || brood.found < 0)
        return making->err->code;
    size_t end = children->count;
    qsort(children->rows + brood.begin, end - brood.begin, sizeof *children->rows, compare_births);
    bool more = brood.seen > CHILDREN_MAX;
    for (size_t i = brood.begin; code == AEP_OK && i < end; i++)
        code = add_branch(making, children->rows[i], NULL, depth, i + 1 == end && !more);
    if (more)
        add_line(making->outline,
                 (struct aep__line){.depth = (uint8_t)depth,
                                    .last = true,
                                    .hidden = (uint32_t)(brood.seen - CHILDREN_MAX)});
    return code;
}

static int add_branch(struct making *making, const struct aep__brief *brief,
                      const struct aep__brief *wants, unsigned depth, bool last)
{
    struct aep__tracked execution;
    aep__brief_open(brief, &execution);
    if (depth > 0)
        note_wake(making, &execution);
    bool open = execution.children > 0 && depth < DEPTH_MAX &&
                aep__folds_open(making->wish->folds, execution.id);
    bool all_shown = open && execution.children <= CHILDREN_MAX;
    enum aep__state state = aep__state_of(&execution, making->wish->view->clock_us);
    add_line(making->outline, (struct aep__line){.brief = brief,
                                                 .wants = all_shown ? NULL : wants,
                                                 .state = (uint8_t)state,
                                                 .depth = (uint8_t)depth,
                                                 .last = last});
    return open ? add_children(making, execution.id, depth + 1) : AEP_OK;
}

static int add_lines(struct making *making)
{
    int code = AEP_OK;
    for (size_t i = 0; code == AEP_OK && i < making->count; i++) {
        struct place *place = &making->places[i];
        place->begin = making->outline->count;
        code = add_branch(making, place->place.brief, place->wants, 0, true);
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
    free(making.places);
    free(making.lenders);
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
           (!outline->lines[i].brief || strcmp(aep__brief_id(outline->lines[i].brief), id) != 0))
        i++;
    return i;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "track/later.h"

#include "base/crc32c.h"
#include "base/error.h"
#include "track/ids.h"

#include <stdlib.h>
#include <string.h>

/* An execution to look at again. */
struct above {
    char *id;
    int64_t quiet_since, depth;
    bool less, queued;
};

struct aep__later {
    struct above *all;
    size_t count, most;
    size_t *table; /* by the hash of their ids: an index in `all` plus 1; 0: empty */
    size_t size;   /* of the table, a power of two, at least twice the count */
    size_t *heap;  /* of indices, the deepest first */
    size_t queued;
    struct aep__ids below;
};

struct aep__later *aep__later_new(void)
{
    return calloc(1, sizeof(struct aep__later));
}

void aep__later_forget(struct aep__later *later)
{
    for (size_t i = 0; i < later->count; i++)
        free(later->all[i].id);
    if (later->table)
        memset(later->table, 0, later->size * sizeof *later->table);
    later->count = later->queued = 0;
    aep__buf_clear(&later->below.texts);
}

void aep__later_free(struct aep__later *later)
{
    if (!later)
        return;
    aep__later_forget(later);
    aep__ids_done(&later->below);
    free(later->all);
    free(later->table);
    free(later->heap);
    free(later);
}

/* ---- those that are noted, by their id ---- */

static size_t *find_place(const struct aep__later *later, const char *id)
{
    size_t at = aep__crc32c(0, id, strlen(id)) & (later->size - 1);
    while (later->table[at] && strcmp(later->all[later->table[at] - 1].id, id) != 0)
        at = (at + 1) & (later->size - 1);
    return &later->table[at];
}

/* Makes room for one more. */
static bool grow(struct aep__later *later)
{
    if (later->count < later->most)
        return true;
    size_t most = later->most ? later->most * 2 : 256;
    struct above *all = realloc(later->all, most * sizeof *all);
    later->all = all ? all : later->all;
    size_t *heap = realloc(later->heap, most * sizeof *heap);
    later->heap = heap ? heap : later->heap;
    size_t *table = calloc(most * 2, sizeof *table);
    if (!all || !heap || !table) {
        free(table);
        return false;
    }
    free(later->table);
    later->table = table;
    later->size = most * 2;
    later->most = most;
    for (size_t i = 0; i < later->count; i++)
        *find_place(later, later->all[i].id) = i + 1;
    return true;
}

static struct above *note(struct aep__later *later, const char *id)
{
    if (!grow(later))
        return NULL;
    size_t *place = find_place(later, id);
    if (*place)
        return &later->all[*place - 1];
    char *copy = strdup(id);
    if (!copy)
        return NULL;
    later->all[later->count] = (struct above){.id = copy, .quiet_since = AEP__UNKNOWN_US};
    *place = ++later->count;
    return &later->all[later->count - 1];
}

int aep__later_above(struct aep__later *later, const char *id, int64_t quiet_since, bool less,
                     aep_error *err)
{
    struct above *above = note(later, id);
    if (!above)
        return aep__error_memory(err);
    above->less |= less;
    if (quiet_since > above->quiet_since)
        above->quiet_since = quiet_since;
    return AEP_OK;
}

int aep__later_below(struct aep__later *later, const char *id, aep_error *err)
{
    aep__ids_keep(&later->below, id);
    return aep__ids_check(&later->below, err);
}

/* ---- the deepest first ---- */

static bool is_deeper(const struct aep__later *later, size_t one, size_t other)
{
    return later->all[later->heap[one]].depth > later->all[later->heap[other]].depth;
}

static void swap(struct aep__later *later, size_t one, size_t other)
{
    size_t index = later->heap[one];
    later->heap[one] = later->heap[other];
    later->heap[other] = index;
}

static void push(struct aep__later *later, struct above *above, int64_t depth)
{
    if (above->queued)
        return;
    above->queued = true;
    above->depth = depth;
    size_t at = later->queued++;
    later->heap[at] = (size_t)(above - later->all);
    for (; at > 0 && is_deeper(later, at, (at - 1) / 2); at = (at - 1) / 2)
        swap(later, at, (at - 1) / 2);
}

static struct above *pop(struct aep__later *later)
{
    struct above *deepest = &later->all[later->heap[0]];
    later->heap[0] = later->heap[--later->queued];
    for (size_t at = 0;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < later->queued && is_deeper(later, child + 1, child))
            child++;
        if (child >= later->queued || !is_deeper(later, child, at))
            break;
        swap(later, at, child);
        at = child;
    }
    deepest->queued = false;
    return deepest;
}

/* The parent of one that has changed is looked at next. */
static int rise(const struct aep__tree *tree, const struct aep__tracked *execution, bool less,
                aep_error *err)
{
    if (execution->parent_known <= 0)
        return AEP_OK;
    int result =
        aep__later_above(tree->later, execution->parent_id, execution->quiet_since, less, err);
    if (result == AEP_OK)
        push(tree->later, note(tree->later, execution->parent_id), execution->depth - 1);
    return result;
}

static int look(const struct aep__tree *tree, struct above what, struct aep__tracked *execution,
                aep_error *err)
{
    int64_t quiet_since = execution->quiet_since, stalls_at = execution->stalls_at;
    int64_t abandons_at = execution->abandons_at;
    int result = AEP_OK;
    if (what.less)
        result = aep__tree_quiet(tree, execution, err);
    else if (what.quiet_since > execution->quiet_since)
        execution->quiet_since = what.quiet_since;
    if (result == AEP_OK)
        result = aep__tree_time(tree, execution, err);
    bool same = quiet_since == execution->quiet_since && stalls_at == execution->stalls_at &&
                abandons_at == execution->abandons_at;
    if (result != AEP_OK || same)
        return result;
    result = tree->store->ops->put(tree->store, execution, err);
    return result == AEP_OK ? rise(tree, execution, what.less, err) : result;
}

static int do_above(const struct aep__tree *tree, aep_error *err)
{
    struct aep__later *later = tree->later;
    struct aep__tracked execution;
    int result = AEP_OK, found;
    aep__tracked_init(&execution);
    for (size_t i = 0; result == AEP_OK && i < later->count; i++) {
        found = tree->store->ops->get(tree->store, later->all[i].id, &execution, err);
        if (found > 0)
            push(later, &later->all[i], execution.depth);
        result = found < 0 ? err->code : AEP_OK;
    }
    while (result == AEP_OK && later->queued > 0) {
        struct above *above = pop(later), what = *above;
        above->less = false;
        above->quiet_since = AEP__UNKNOWN_US;
        found = tree->store->ops->get(tree->store, what.id, &execution, err);
        result = found < 0 ? err->code : found ? look(tree, what, &execution, err) : AEP_OK;
    }
    aep__tracked_done(&execution);
    return result;
}

/* ---- from the top down ---- */

/* A parent whose children are placed, and those of them that have changed and have children. */
struct placing {
    const struct aep__tree *tree;
    struct aep__tracked parent;
    struct aep__ids *changed;
};

static int place_child(void *user, struct aep__tracked *child, aep_error *err)
{
    struct placing *placing = user;
    const struct aep__tracked *parent = &placing->parent;
    if (child->depth == parent->depth + 1 && child->root_id && parent->root_id &&
        strcmp(child->root_id, parent->root_id) == 0)
        return AEP_OK;
    child->depth = parent->depth + 1;
    aep__tracked_set_text(child, &child->root_id, aep__slice_text(parent->root_id));
    int result = placing->tree->store->ops->put(placing->tree->store, child, err);
    if (result == AEP_OK && child->children > 0)
        aep__ids_keep(placing->changed, child->id);
    return result;
}

/* Root and depth of its children follow from its own; those that change are kept in `changed`. */
static int place_children(const struct aep__tree *tree, const char *id, struct aep__ids *changed,
                          aep_error *err)
{
    struct aep__store *store = tree->store;
    struct aep__ids children = {0};
    struct placing placing = {.tree = tree, .changed = changed};
    struct aep__tracked *parent = &placing.parent;
    aep__tracked_init(parent);
    int found = store->ops->get(store, id, parent, err);
    int result = found < 0 ? err->code : AEP_OK;
    if (found > 0 && parent->children > 0 && parent->depth < AEP__DEPTH_MAX)
        result = store->ops->children(store, id, aep__ids_keep, &children, err);
    if (result == AEP_OK)
        result = aep__ids_each(&children, store, place_child, &placing, err);
    if (result == AEP_OK)
        result = aep__ids_check(changed, err);
    aep__ids_done(&children);
    aep__tracked_done(parent);
    return result;
}

static int place_below(const struct aep__tree *tree, const char *id, aep_error *err)
{
    struct aep__ids ids = {0}, next = {0};
    aep__ids_keep(&ids, id);
    int result = aep__ids_check(&ids, err);
    while (result == AEP_OK && ids.texts.len > 0) {
        for (const char *at = NULL; result == AEP_OK && (at = aep__ids_next(&ids, at));)
            result = place_children(tree, at, &next, err);
        struct aep__ids swapped = ids;
        ids = next;
        next = swapped;
        aep__buf_clear(&next.texts);
    }
    aep__ids_done(&ids);
    aep__ids_done(&next);
    return result;
}

/* The last one first: where children came before their parents, that one is above the others. */
static int do_below(const struct aep__tree *tree, aep_error *err)
{
    struct aep__buf *ids = &tree->later->below.texts;
    int result = AEP_OK;
    for (size_t end = ids->len; result == AEP_OK && end > 0;) {
        size_t at = end - 1;
        while (at > 0 && ids->data[at - 1])
            at--;
        result = place_below(tree, ids->data + at, err);
        end = at;
    }
    return result;
}

int aep__later_do(const struct aep__tree *tree, aep_error *err)
{
    int result = do_below(tree, err);
    if (result == AEP_OK)
        result = do_above(tree, err);
    aep__later_forget(tree->later);
    return result;
}

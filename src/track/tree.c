/* SPDX-License-Identifier: Apache-2.0 */
#include "track/tree.h"

#include "base/error.h"
#include "track/ids.h"
#include "track/later.h"

#include <string.h>

static int put(const struct aep__tree *tree, const struct aep__tracked *execution, aep_error *err)
{
    return tree->store->ops->put(tree->store, execution, err);
}

static bool is_open(const struct aep__tracked *execution)
{
    return execution->outcome == AEP__ENDING_OPEN;
}

static bool same_text(const char *one, const char *other)
{
    return one && other ? strcmp(one, other) == 0 : one == other;
}

static void set(struct aep__tracked *execution, char **text, const char *value)
{
    aep__tracked_set_text(execution, text, value ? aep__slice_text(value) : (struct aep__slice){0});
}

static const char *known_parent(const struct aep__tracked *execution)
{
    return execution->parent_known > 0 ? execution->parent_id : NULL;
}

/* Its place as the store has it: others may have moved. */
int aep__tree_refresh(const struct aep__tree *tree, struct aep__tracked *execution, aep_error *err)
{
    struct aep__tracked stored;
    aep__tracked_init(&stored);
    int found = tree->store->ops->get(tree->store, execution->id, &stored, err);
    if (found > 0) {
        set(execution, &execution->parent_id, stored.parent_id);
        set(execution, &execution->cut_from, stored.cut_from);
        set(execution, &execution->root_id, stored.root_id);
        execution->parent_known = stored.parent_known;
        execution->depth = stored.depth;
        execution->children = stored.children;
        execution->open_children = stored.open_children;
        execution->quiet_since = stored.quiet_since;
    }
    aep__tracked_done(&stored);
    return found < 0 ? err->code : AEP_OK;
}

static int each_child(const struct aep__tree *tree, const char *id, aep__ids_fn fn, void *user,
                      aep_error *err)
{
    struct aep__ids ids = {0};
    int result = tree->store->ops->children(tree->store, id, aep__ids_keep, &ids, err);
    if (result == AEP_OK)
        result = aep__ids_each(&ids, tree->store, fn, user, err);
    aep__ids_done(&ids);
    return result;
}

/* ---- time ---- */

int aep__tree_time(const struct aep__tree *tree, struct aep__tracked *execution, aep_error *err)
{
    int64_t below_us = AEP__UNKNOWN_US;
    if (execution->last_event_at > execution->quiet_since)
        execution->quiet_since = execution->last_event_at;
    if (execution->open_children > 0) {
        int result = tree->store->ops->open_children(tree->store, execution, &below_us, err);
        if (result != AEP_OK)
            return result;
    }
    execution->stalls_at =
        execution->waiting ? AEP__NEVER_US : execution->quiet_since + execution->patience_us;
    if (below_us > execution->stalls_at)
        execution->stalls_at = below_us;
    execution->abandons_at = execution->stalls_at == AEP__NEVER_US
                                 ? AEP__NEVER_US
                                 : execution->quiet_since + tree->abandon_after_us;
    return AEP_OK;
}

static int note_quiet(void *user, struct aep__tracked *child, aep_error *err)
{
    struct aep__tracked *execution = user;
    (void)err;
    if (child->quiet_since > execution->quiet_since)
        execution->quiet_since = child->quiet_since;
    return AEP_OK;
}

int aep__tree_quiet(const struct aep__tree *tree, struct aep__tracked *execution, aep_error *err)
{
    execution->quiet_since = execution->last_event_at;
    return execution->children > 0 ? each_child(tree, execution->id, note_quiet, execution, err)
                                   : AEP_OK;
}

/* What changed below a parent. */
struct change {
    int children, open;
    int64_t quiet_since;
    bool less; /* its quiet, and that of those above it, may begin earlier */
};

/* Changes a parent's counts at once, and later its times, and those of all above it. */
static int change_above(const struct aep__tree *tree, const char *id, struct change change,
                        aep_error *err)
{
    struct aep__tracked parent;
    int result = AEP_OK;
    if (!id)
        return AEP_OK;
    aep__tracked_init(&parent);
    if (change.children || change.open) {
        int found = tree->store->ops->get(tree->store, id, &parent, err);
        parent.children += change.children;
        parent.open_children += change.open;
        result = found < 0 ? err->code : found ? put(tree, &parent, err) : AEP_OK;
    }
    aep__tracked_done(&parent);
    return result == AEP_OK
               ? aep__later_above(tree->later, id, change.quiet_since, change.less, err)
               : result;
}

int aep__tree_rise(const struct aep__tree *tree, const struct aep__tracked *execution,
                   bool was_open, bool less, aep_error *err)
{
    struct change change = {
        .open = is_open(execution) - was_open, .quiet_since = execution->quiet_since, .less = less};
    return change_above(tree, known_parent(execution), change, err);
}

/* ---- place ---- */

/* The execution that a cause names, into *ret; 1, 0: not known, -1. */
static int find_named(const struct aep__tree *tree, const char *named, struct aep__tracked *ret,
                      aep_error *err)
{
    struct aep__store *store = tree->store;
    struct aep__stored_event event;
    int found = store->ops->get(store, named, ret, err);
    if (found != 0)
        return found;
    found = store->ops->find_event(store, named, &event, err);
    if (found <= 0)
        return found;
    struct aep__buf id = {0};
    aep__buf_text(&id, event.execution_id);
    found = store->ops->get(store, aep__buf_string(&id), ret, err);
    aep__buf_done(&id);
    return found;
}

/* Root and depth of all below an execution follow from its own. */
static int move_children(const struct aep__tree *tree, const struct aep__tracked *execution,
                         aep_error *err)
{
    return execution->children > 0 ? aep__later_below(tree->later, execution->id, err) : AEP_OK;
}

/* Its parent of before counts it no longer. */
static int leave(const struct aep__tree *tree, struct aep__tracked *execution, bool was_open,
                 aep_error *err)
{
    struct aep__buf parent = {0};
    aep__buf_text(&parent, execution->parent_id);
    execution->parent_known = false;
    int result = put(tree, execution, err); /* the parent looks at those that are left */
    if (result == AEP_OK)
        result = change_above(tree, aep__buf_string(&parent),
                              (struct change){-1, -was_open, AEP__UNKNOWN_US, true}, err);
    aep__buf_done(&parent);
    return result;
}

/* It has no parent in the store: it is its own root. */
static void stand_alone(struct aep__tracked *execution, const char *named)
{
    set(execution, &execution->parent_id, named);
    execution->parent_known = false;
    set(execution, &execution->root_id, execution->id);
    execution->depth = 0;
}

/* Under that parent, from now on. */
static int join(const struct aep__tree *tree, struct aep__tracked *execution, const char *id,
                aep_error *err)
{
    struct aep__tracked parent;
    aep__tracked_init(&parent);
    int found = tree->store->ops->get(tree->store, id, &parent, err);
    int result = found < 0 ? err->code : AEP_OK;
    if (found > 0) {
        set(execution, &execution->parent_id, parent.id);
        execution->parent_known = true;
        set(execution, &execution->cut_from, NULL);
        set(execution, &execution->root_id, parent.root_id);
        execution->depth = parent.depth + 1;
        result = change_above(tree, parent.id,
                              (struct change){1, is_open(execution), execution->quiet_since, false},
                              err);
    }
    aep__tracked_done(&parent);
    return result;
}

/* ---- circles: each is open at one place, the edge of the execution in it that was started last ---- */

/* The parent that its cause names, counted or not. */
static const char *caused_by(const struct aep__tracked *execution)
{
    return execution->cut_from ? execution->cut_from : known_parent(execution);
}

struct circle {
    struct aep__buf latest; /* the one that was started last, */
    struct aep__buf open;   /* and the one at which it is open; "": none */
};

static void name(struct aep__buf *id, const struct aep__tracked *execution)
{
    aep__buf_clear(id);
    aep__buf_text(id, execution->id);
}

/* Whether the way up from `id` leads to the execution, which is in it with that parent. 1, 0, -1 */
static int find_circle(const struct aep__tree *tree, const struct aep__tracked *execution,
                       const char *id, struct circle *ret, aep_error *err)
{
    struct aep__tracked at;
    struct aep__buf next = {0};
    struct aep__order latest = execution->origins[AEP__ORIGIN_STARTED];
    int found = 1;
    aep__tracked_init(&at);
    name(&ret->latest, execution);
    if (execution->cut_from)
        name(&ret->open, execution);
    aep__buf_text(&next, id);
    for (int depth = 0; found > 0 && depth < AEP__DEPTH_MAX; depth++) {
        if (next.len == 0 || strcmp(aep__buf_string(&next), execution->id) == 0)
            break;
        found = tree->store->ops->get(tree->store, aep__buf_string(&next), &at, err);
        aep__buf_clear(&next);
        if (found <= 0)
            break;
        if (aep__order_before(&latest, &at.origins[AEP__ORIGIN_STARTED])) {
            latest = at.origins[AEP__ORIGIN_STARTED];
            name(&ret->latest, &at);
        }
        if (at.cut_from)
            name(&ret->open, &at);
        if (caused_by(&at))
            aep__buf_text(&next, caused_by(&at));
    }
    if (found > 0)
        found = next.len > 0 && strcmp(aep__buf_string(&next), execution->id) == 0;
    aep__tracked_done(&at);
    aep__buf_done(&next);
    return found < 0 ? -1 : found;
}

static void done_circle(struct circle *circle)
{
    aep__buf_done(&circle->latest);
    aep__buf_done(&circle->open);
}

/* Opens a circle at another execution, or closes one there, which is a circle no more. */
static int change_other(const struct aep__tree *tree, const char *id, bool open, aep_error *err)
{
    struct aep__tracked other;
    aep__tracked_init(&other);
    int found = tree->store->ops->get(tree->store, id, &other, err);
    int result = found < 0 ? err->code : AEP_OK;
    if (found > 0 && open) {
        set(&other, &other.cut_from, other.parent_id);
        result = leave(tree, &other, is_open(&other), err);
        stand_alone(&other, NULL);
    } else if (found > 0) {
        struct aep__buf parent = {0};
        aep__buf_text(&parent, other.cut_from ? other.cut_from : "");
        result = join(tree, &other, aep__buf_string(&parent), err);
        aep__buf_done(&parent);
    }
    if (result == AEP_OK && found > 0)
        result = put(tree, &other, err);
    if (result == AEP_OK && found > 0)
        result = move_children(tree, &other, err);
    aep__tracked_done(&other);
    return result;
}

/* Away from the parent that its cause named till now. The circle that this breaks is closed again. */
static int part(const struct aep__tree *tree, struct aep__tracked *execution, bool was_open,
                aep_error *err)
{
    struct circle circle = {0};
    const char *parent = caused_by(execution);
    int found = parent ? find_circle(tree, execution, parent, &circle, err) : 0;
    int result = found < 0 ? err->code : AEP_OK;
    if (result == AEP_OK && known_parent(execution))
        result = leave(tree, execution, was_open, err);
    bool elsewhere = found > 0 && circle.open.len > 0 &&
                     strcmp(aep__buf_string(&circle.open), execution->id) != 0;
    set(execution, &execution->cut_from, NULL);
    stand_alone(execution, NULL);
    if (result == AEP_OK && elsewhere) {
        result = put(tree, execution, err); /* that way leads no further */
        if (result == AEP_OK)
            result = change_other(tree, aep__buf_string(&circle.open), false, err);
        if (result == AEP_OK)
            result = aep__tree_refresh(tree, execution, err);
    }
    done_circle(&circle);
    return result;
}

/* Under the execution that its cause names; where that makes a circle, it is opened. */
static int unite(const struct aep__tree *tree, struct aep__tracked *execution, const char *parent,
                 aep_error *err)
{
    struct circle circle = {0};
    bool unseen = execution->change == 0 && execution->children == 0; /* no way leads to it */
    int found = unseen ? 0 : find_circle(tree, execution, parent, &circle, err);
    int result = found < 0 ? err->code : AEP_OK;
    bool own = found > 0 && strcmp(aep__buf_string(&circle.latest), execution->id) == 0;
    if (own)
        set(execution, &execution->cut_from, parent);
    else if (found > 0)
        result = put(tree, execution, err);
    if (result == AEP_OK && found > 0 && !own)
        result = change_other(tree, aep__buf_string(&circle.latest), true, err);
    if (result == AEP_OK && found > 0 && !own)
        result = aep__tree_refresh(tree, execution, err);
    if (result == AEP_OK && !own)
        result = join(tree, execution, parent, err);
    done_circle(&circle);
    return result;
}

int aep__tree_link(const struct aep__tree *tree, struct aep__tracked *execution, bool was_open,
                   aep_error *err)
{
    struct aep__tracked parent;
    int result = AEP_OK, found = 0;
    aep__tracked_init(&parent);
    if (execution->parent_named)
        found = same_text(execution->parent_named, execution->id)
                    ? 0
                    : find_named(tree, execution->parent_named, &parent, err);
    if (found < 0)
        result = err->code;
    bool stays = found > 0 && same_text(parent.id, caused_by(execution));
    if (result == AEP_OK && !stays) {
        result = part(tree, execution, was_open, err);
        if (result == AEP_OK && found > 0)
            result = unite(tree, execution, parent.id, err);
        else
            stand_alone(execution, execution->parent_named);
        if (result == AEP_OK)
            result = move_children(tree, execution, err);
    }
    aep__tracked_done(&parent);
    if (result == AEP_OK && execution->failed)
        result = aep__error_memory(err);
    return result;
}

static int link_again(void *user, struct aep__tracked *execution, aep_error *err)
{
    const struct aep__tree *tree = *(const struct aep__tree **)user;
    int result = aep__tree_link(tree, execution, is_open(execution), err);
    return result == AEP_OK ? put(tree, execution, err) : result;
}

int aep__tree_adopt(const struct aep__tree *tree, const char *named, aep_error *err)
{
    struct aep__ids ids = {0};
    int result = tree->store->ops->caused_by(tree->store, named, aep__ids_keep, &ids, err);
    if (result == AEP_OK)
        result = aep__ids_each(&ids, tree->store, link_again, &tree, err);
    aep__ids_done(&ids);
    return result;
}

int aep__tree_remove(const struct aep__tree *tree, const struct aep__tracked *execution, bool less,
                     aep_error *err)
{
    int result = change_above(tree, known_parent(execution),
                              (struct change){-1, -is_open(execution), AEP__UNKNOWN_US, less}, err);
    return result == AEP_OK && execution->children > 0
               ? each_child(tree, execution->id, link_again, &tree, err)
               : result;
}

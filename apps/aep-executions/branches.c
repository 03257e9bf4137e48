/* SPDX-License-Identifier: Apache-2.0 */
/* Depth first, with a stack of its own: a chain may be longer than the process's. Of an execution that
 * is not its turn yet only id and time are held. */
#include "branches.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

#include "base/error.h"

#define DEPTH_MAX 100000 /* deeper than any: the store is damaged, and its tree goes round */
#define LINES_MAX 24     /* levels that are drawn; deeper ones stand where these end */

struct node {
    char *id;
    int64_t started_at;
};

/* The children of one execution, and which one's turn it is. */
struct level {
    struct node *nodes;
    size_t count, next;
};

struct walk {
    struct aep__store *store;
    bool utf8;
    aep__branches_fn fn;
    void *user;
    struct level *levels;
    size_t depth, depth_cap;
    struct aep__tracked execution;
    struct aep__buf lines;
    aep_error *err;
};

/* ---- one level ------------------------------------------------------------------------------ */

struct finding {
    struct level level;
    size_t cap;
    bool failed;
};

static bool take_id(void *user, const char *id)
{
    struct finding *finding = user;
    struct level *level = &finding->level;
    struct node *nodes = aep__array_room(level->nodes, level->count, &finding->cap, sizeof *nodes);
    char *copy = nodes ? strdup(id) : NULL;
    level->nodes = nodes ? nodes : level->nodes;
    finding->failed = !copy;
    if (copy)
        level->nodes[level->count++] = (struct node){copy, AEP__UNKNOWN_US};
    return copy != NULL;
}

static int compare_nodes(const void *left, const void *right)
{
    const struct node *one = left, *other = right;
    if (one->started_at != other->started_at)
        return one->started_at < other->started_at ? -1 : 1;
    return strcmp(one->id, other->id);
}

static void free_level(struct level *level)
{
    for (size_t i = 0; i < level->count; i++)
        free(level->nodes[i].id);
    free(level->nodes);
}

static int date_nodes(struct walk *walk, struct level *level)
{
    int found = 0;
    for (size_t i = 0; found >= 0 && i < level->count; i++) {
        struct aep__tracked child;
        aep__tracked_init(&child);
        found = walk->store->ops->get(walk->store, level->nodes[i].id, &child, walk->err);
        level->nodes[i].started_at = child.started_at;
        aep__tracked_done(&child);
    }
    return found < 0 ? -1 : 0;
}

static bool add_level(struct walk *walk, struct level level)
{
    struct level *levels =
        aep__array_room(walk->levels, walk->depth, &walk->depth_cap, sizeof *levels);
    if (!levels)
        return false;
    walk->levels = levels;
    walk->levels[walk->depth++] = level;
    return true;
}

/* Finds the children of an execution and makes them the next level. */
static int descend(struct walk *walk, const char *id)
{
    struct finding finding = {0};
    if (walk->depth == DEPTH_MAX)
        return 0;
    int code = walk->store->ops->children(walk->store, id, take_id, &finding, walk->err);
    if (code == AEP_OK && finding.failed)
        code = aep__error_memory(walk->err);
    int result = code == AEP_OK ? date_nodes(walk, &finding.level) : -1;
    if (finding.level.count > 1)
        qsort(finding.level.nodes, finding.level.count, sizeof *finding.level.nodes, compare_nodes);
    if (result == 0 && finding.level.count > 0 && add_level(walk, finding.level))
        return 0;
    if (result == 0 && finding.level.count > 0) {
        aep__error_memory(walk->err);
        result = -1;
    }
    free_level(&finding.level);
    return result;
}

/* ---- the walk ------------------------------------------------------------------------------- */

/* Of each level above a bar if more of it follows, then the branch itself. */
static const char *draw_lines(struct walk *walk)
{
    aep__buf_clear(&walk->lines);
    for (size_t i = 0; i < walk->depth && i < LINES_MAX; i++) {
        const struct level *level = &walk->levels[i];
        bool more = level->next < level->count, last = i + 1 == walk->depth;
        aep__buf_text(&walk->lines, !walk->utf8 ? (last   ? (more ? "|- " : "`- ")
                                                   : more ? "|  "
                                                          : "   ")
                                    : last      ? (more ? "├─ " : "└─ ")
                                    : more      ? "│  "
                                                : "   ");
    }
    return aep__buf_string(&walk->lines);
}

/* Shows one and goes to its children. 1, 0 it is gone or enough, -1. */
static int visit(struct walk *walk, const char *id, bool *ret_stop)
{
    int found = walk->store->ops->get(walk->store, id, &walk->execution, walk->err);
    if (found > 0)
        *ret_stop = !walk->fn(walk->user, &walk->execution, draw_lines(walk));
    if (found > 0 && !*ret_stop && descend(walk, id) < 0)
        found = -1;
    return found;
}

static int walk_on(struct walk *walk, bool stop)
{
    int found = 0;
    while (found >= 0 && !stop && walk->depth > 0) {
        struct level *level = &walk->levels[walk->depth - 1];
        if (level->next < level->count) {
            found = visit(walk, level->nodes[level->next++].id, &stop);
        } else {
            free_level(level);
            walk->depth--;
        }
    }
    return found < 0 ? -1 : 1;
}

int aep__branches_walk(struct aep__store *store, const char *id, bool utf8, aep__branches_fn fn,
                       void *user, aep_error *err)
{
    struct walk walk = {.store = store, .utf8 = utf8, .fn = fn, .user = user, .err = err};
    bool stop = false;
    aep__tracked_init(&walk.execution);
    int found = visit(&walk, id, &stop);
    if (found > 0)
        found = walk_on(&walk, stop);
    while (walk.depth > 0)
        free_level(&walk.levels[--walk.depth]);
    free(walk.levels);
    aep__buf_done(&walk.lines);
    aep__tracked_done(&walk.execution);
    return found;
}

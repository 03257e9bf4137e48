/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of the list: executions in order, below those that are unfolded what they started. The line
 * under the cursor keeps its place, whatever comes and goes around it:
 *
 *     roster ─▶ places, sorted ─▶ each with its branches if unfolded ─▶ the cursor's group put back
 *               where it was ─▶ lines */
#ifndef AEP_EXECUTIONS_OUTLINE_H
#define AEP_EXECUTIONS_OUTLINE_H

#include "roster.h"
#include "sorting.h"

#include "track/row.h"
#include "track/store.h"

/** Ids that are unfolded; with `all`, those that are not. */
struct aep__folds {
    char **ids;
    size_t count, cap;
    bool all;
};
bool aep__folds_open(const struct aep__folds *folds, const char *id);
void aep__folds_set(struct aep__folds *folds, const char *id, bool open);
/** Folds or unfolds all. */
void aep__folds_reset(struct aep__folds *folds, bool all);

struct aep__line {
    const struct aep__brief *brief; /* NULL: children of the line's parent that are not shown */
    const struct aep__brief *wants; /* a descendant that wants more attention; NULL: none */
    uint32_t hidden;                /* children that are not shown, where brief is NULL */
    uint8_t state;                  /* enum aep__state */
    uint8_t depth;
    bool last; /* of its siblings */
};

struct aep__outline {
    struct aep__line *lines;
    size_t count, cap;
    struct aep__roster roster;   /* what the lines are about */
    struct aep__roster children; /* those below what is unfolded */
    int64_t wake_us; /* the earliest time after `clock_us` at which a state may be another one */
    bool failed;
};

struct aep__outline_wish {
    const struct aep__filter *filter;
    const struct aep__view *view;
    const struct aep__folds *folds;
    const struct aep__sorting *sorting;
    bool reverse, needs_human;
    const char *pinned; /* the execution under the cursor; NULL: none */
    size_t pinned_at;   /* its line until now */
};

/** Makes it anew, of what the roster has after its update. */
int aep__outline_load(struct aep__outline *outline, struct aep__store *store,
                      const struct aep__outline_wish *wish, aep_error *err);
void aep__outline_done(struct aep__outline *outline);
/** The line of an execution; outline->count if it has none. */
size_t aep__outline_find(const struct aep__outline *outline, const char *id);

#endif

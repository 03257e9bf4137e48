/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of executions: a started event's cause names its parent, an execution or any event of one.
 * Root, depth, the counts of children, and how long silence may last are kept as events come: the
 * silence of an execution counts from the latest event of itself and its descendants, and one that
 * runs or waits keeps those above it running. */
#ifndef AEP_TRACK_TREE_H
#define AEP_TRACK_TREE_H

#include "track/store.h"

#define AEP__DEPTH_MAX 10000 /* of a way up or down: more are a circle that a damaged store holds */

struct aep__later;

struct aep__tree {
    struct aep__store *store;
    int64_t abandon_after_us;
    struct aep__later *later; /* what is left to do for others */
};

/** Its place as the store has it, for an execution that was read before others moved. */
int aep__tree_refresh(const struct aep__tree *tree, struct aep__tracked *execution, aep_error *err);
/** Sets an execution's place by what caused it; its parent counts it, and its descendants' places follow
 * later. The execution itself is the caller's to put, afterwards.
 * @was_open  it counts as an open child of its parent of before */
int aep__tree_link(const struct aep__tree *tree, struct aep__tracked *execution, bool was_open,
                   aep_error *err);
/** Sets when its silence is too long; the caller puts it. */
int aep__tree_time(const struct aep__tree *tree, struct aep__tracked *execution, aep_error *err);
/** Sets since when it and its descendants are quiet, for one that has lost events. */
int aep__tree_quiet(const struct aep__tree *tree, struct aep__tracked *execution, aep_error *err);
/** After the put: tells its parent of its end, and later those above of its latest event.
 * @was_open  before
 * @less      it has lost events, and theirs may be quiet for longer */
int aep__tree_rise(const struct aep__tree *tree, const struct aep__tracked *execution,
                   bool was_open, bool less, aep_error *err);
/** Links those again that name it, or one of its events, as their cause. */
int aep__tree_adopt(const struct aep__tree *tree, const char *named, aep_error *err);
/** It is no more, and its row is removed: its parent counts it no longer, its children are linked again.
 * @less  its events are another's now: its parent may be quiet for longer */
int aep__tree_remove(const struct aep__tree *tree, const struct aep__tracked *execution, bool less,
                     aep_error *err);

#endif

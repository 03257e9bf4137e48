/* SPDX-License-Identifier: Apache-2.0 */
/* The fold: what the events of one execution add up to. No clock, no I/O; the order in which events
 * come, and how often, makes no difference to the result.
 *
 * Most events change the result as they are. Some could change what others count for (a second end,
 * an end that comes before the progress that preceded it, anything after an inferred end): then all of
 * the execution's events are folded again, in their order. */
#ifndef AEP_TRACK_FOLD_H
#define AEP_TRACK_FOLD_H

#include "track/tracked.h"
#include "track/observation.h"

/** Adds one event, which must belong to this execution and be new to it. True: *execution is what it
 * adds up to now. False: fold all its events again, this one included; *execution is of no use. */
bool aep__fold(struct aep__tracked *execution, const struct aep__observation *event);

/** Takes one event of those that are folded again. */
typedef void (*aep__fold_fn)(void *fold, const struct aep__observation *event);
/** Calls fn for each event of one execution, in their order. 0, or -1: it could not. */
typedef int (*aep__fold_each)(void *user, aep__fold_fn fn, void *fold);
/** Folds all events of an execution; `each` is called twice. What no event says (its place in the tree,
 * delivery, skew) stays. 0, or -1: each failed, or out of memory. */
int aep__fold_again(struct aep__tracked *execution, aep__fold_each each, void *user);

#endif

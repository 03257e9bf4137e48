/* SPDX-License-Identifier: Apache-2.0 */
/* The fold: what the events of one execution add up to. No clock, no I/O; the order in which events
 * come, and how often, makes no difference to the result.
 *
 * Nearly every event changes the result as it is. One that changes what others count for (an end that comes
 * before the progress that preceded it, the explicit one that comes after an inferred one) has all of the
 * execution's events folded again, in their order. */
#ifndef AEP_TRACK_FOLD_H
#define AEP_TRACK_FOLD_H

#include "track/tracked.h"
#include "track/observation.h"

/** Adds one event, which must belong to this execution and be new to it. True: *execution is what it
 * adds up to now. False: fold all its events again, this one included; *execution is of no use.
 * @end  the number of the event that ended it; looked at only if aep__fold_compares() */
bool aep__fold(struct aep__tracked *execution, const struct aep__observation *event,
               const struct aep__sequence *end);
/** Whether the numbers of the event and of the one that ended the execution say which is its end. */
bool aep__fold_compares(const struct aep__tracked *execution, const struct aep__observation *event);

/** Adds one event to an execution whose events cannot be folded again: it may begin it, or end it better
 * than an inferred end did, else it only counts. */
void aep__fold_fixed(struct aep__tracked *execution, const struct aep__observation *event);

/** Takes one event of those that are folded again. */
typedef void (*aep__fold_fn)(void *fold, const struct aep__observation *event);
/** Calls fn for each event of one execution, in their order. 0, or -1: it could not. */
typedef int (*aep__fold_each)(void *user, aep__fold_fn fn, void *fold);
/** Folds all events of an execution; `each` is called twice. What no event says (its place in the tree,
 * delivery, skew) stays. 0, or -1: each failed, or out of memory. */
int aep__fold_again(struct aep__tracked *execution, aep__fold_each each, void *user);

#endif

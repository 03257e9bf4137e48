/* SPDX-License-Identifier: Apache-2.0 */
/* Later: what a change of one execution means for others in its tree, done once for a transaction, however
 * many events say so:
 *
 *     above   since when they are quiet, and when their silence is too long: from the deepest up
 *     below   their root and depth: from the top down
 *
 * Until then the store has those of before. */
#ifndef AEP_TRACK_LATER_H
#define AEP_TRACK_LATER_H

#include "track/tree.h"

struct aep__later;

/** NULL: out of memory. */
struct aep__later *aep__later_new(void);
void aep__later_free(struct aep__later *later);
/** Forgets what there is to do, after a rollback. */
void aep__later_forget(struct aep__later *later);

/** An execution below this one was changed.
 * @quiet_since  its latest event, and its descendants'
 * @less         it has lost events or is below this one no longer: look at all that are */
int aep__later_above(struct aep__later *later, const char *id, int64_t quiet_since, bool less,
                     aep_error *err);
/** This one has another root or depth, and has children. */
int aep__later_below(struct aep__later *later, const char *id, aep_error *err);
/** Does all of it. Errors: the store's */
int aep__later_do(const struct aep__tree *tree, aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The executions that a screen, or a follower of changes, can hold: of each state the newest ones, those
 * that want attention first. So it stays small, however many the store has. */
#ifndef AEP_EXECUTIONS_ROSTER_H
#define AEP_EXECUTIONS_ROSTER_H

#include "track/filter.h"
#include "track/store.h"

struct aep__roster {
    struct aep__tracked **rows; /* owned */
    size_t count, cap;
    bool more;   /* the store has others */
    bool failed; /* out of memory */
};

/** Empties it; usable again. */
void aep__roster_clear(struct aep__roster *roster);
void aep__roster_done(struct aep__roster *roster);
/** Adds a copy. False: out of memory. */
bool aep__roster_add(struct aep__roster *roster, const struct aep__tracked *execution);
const struct aep__tracked *aep__roster_find(const struct aep__roster *roster, const char *id);

/** Fills it, empty before.
 * @filter     its `roots` counts for those that run or are over: a child that waits, or is stalled, is
 *             found all the same
 * @clock_us   for their states */
int aep__roster_load(struct aep__roster *roster, struct aep__store *store,
                     const struct aep__filter *filter, int64_t clock_us, aep_error *err);

#endif

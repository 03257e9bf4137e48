/* SPDX-License-Identifier: Apache-2.0 */
/* States: how many executions are in each, and who waits; kept until something has changed. */
#ifndef AEP_SERVE_STATES_H
#define AEP_SERVE_STATES_H

#include "base/buf.h"
#include "track/store.h"

struct aep__serve;

struct aep__states {
    int64_t number, as_of_us; /* when it was counted: change number, clock */
    int64_t counts[AEP__STATE_COUNT];
    struct aep__waits waits;
};

/** Counted at most once a second unless something has changed. NULL: *err, the store's. */
const struct aep__states *aep__states_get(struct aep__serve *serve, struct aep__store *store,
                                          aep_error *err);
/** Appends "states":{…},"at_least":[…]: numbers by state, and the states of which there may be more. */
void aep__states_add_counts(struct aep__buf *out, const int64_t counts[AEP__STATE_COUNT],
                            unsigned at_least);
/** Appends the same of all, and "needs_you":N: executions by state, and how many wait for a person. Errors: the
 * store's */
int aep__states_add(struct aep__buf *out, struct aep__serve *serve, struct aep__store *store,
                    aep_error *err);

#endif

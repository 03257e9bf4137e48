/* SPDX-License-Identifier: Apache-2.0 */
/* Patience: how much silence of each agent, and of each of its tools, is nothing unusual. Remembers the
 * gaps of those seen last, and writes them to the store before a commit. */
#ifndef AEP_TRACK_PATIENCE_H
#define AEP_TRACK_PATIENCE_H

#include "track/tracked.h"
#include "track/store.h"

struct aep__patience;

/** NULL: out of memory. */
struct aep__patience *aep__patience_new(struct aep__store *store);
void aep__patience_free(struct aep__patience *patience);

/** Learns how long an open execution was silent before this event; before the event is folded. */
int aep__patience_learn(struct aep__patience *patience, const struct aep__tracked *execution,
                        const struct aep__observation *event, aep_error *err);
/** Sets the execution's patience_us: what its latest event asks for, else what follows from usual_us, the
 * 99th percentile of the gaps, which it sets, too. */
int aep__patience_set(struct aep__patience *patience, struct aep__tracked *execution,
                      aep_error *err);
int aep__patience_flush(struct aep__patience *patience, aep_error *err);
void aep__patience_forget(struct aep__patience *patience);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* How an execution looks: the words for its state, its ages, its name in a tree. */
#ifndef AEP_EXECUTIONS_LOOK_H
#define AEP_EXECUTIONS_LOOK_H

#include "aep/amount.h"
#include "base/buf.h"
#include "track/row.h"

/** The colour of a state (ESC [ … m). */
const char *aep__look_colour(enum aep__state state);
/** Appends "stalled", "running?", and with `more` also what it waits for: "waiting human". */
void aep__look_state(struct aep__buf *out, const struct aep__tracked *execution,
                     const struct aep__view *view, bool more);
/** "12s", "4m12s" from one instant to another; "-": one is not known. */
struct aep__amount aep__look_span(int64_t from_us, int64_t to_us);
/** "2.5s"; "-": not known. */
struct aep__amount aep__look_duration(double ms);
/** "1/3": children that are open, of all. */
struct aep__amount aep__look_children(const struct aep__tracked *execution);
/** Appends the current step with how far it is: "3/7 42% compile". */
void aep__look_step(struct aep__buf *out, const struct aep__tracked *execution);

#endif

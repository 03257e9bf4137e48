/* SPDX-License-Identifier: Apache-2.0 */
/* Settling: what has become of events whose fate was not known when they were taken into the store. All
 * that a spool's cursor has passed is one fact, written for many events at once; of each execution that
 * has some of them the row is written once. */
#ifndef AEP_TRACK_SETTLE_H
#define AEP_TRACK_SETTLE_H

#include "track/store.h"

/** So many events of an execution have another fate than they had. */
struct aep__fate_change {
    enum aep__fate was, fate;
    int64_t count;
};

/** Settles some of a spool's events, and writes the rows of their executions, within a transaction. Sets up
 * to where that has been done. Errors: the store's */
int aep__settle(struct aep__store *store, const struct aep__settling *what, aep_position *ret_next,
                aep_error *err);
/** Writes the row of an execution, whose events have changed so. Errors: the store's */
int aep__settle_row(struct aep__store *store, struct aep__tracked *execution,
                    const struct aep__fate_change *changes, unsigned count, aep_error *err);

#endif

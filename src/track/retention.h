/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: what becomes of executions that have ended, a little at a time.
 *
 *     bodies_us, failed_bodies_us after its end   its events' bodies go; its facts are fixed
 *     executions_us after its end                 it goes, and leaves a tombstone for twice that time
 *     the store is larger than max_bytes          those that ended first go
 *
 * Never one that is open or pinned, nor one that has open children. A late event does not raise the
 * dead: it is dropped (belonging.h). Children of one that is gone are their own roots. */
#ifndef AEP_TRACK_RETENTION_H
#define AEP_TRACK_RETENTION_H

#include "track/ingest.h"

#define AEP__RETENTION_ROWS 1000 /* that a step changes at most */

struct aep__retention {
    int64_t executions_us, bodies_us, failed_bodies_us; /* 0: never */
    int64_t max_bytes;                                  /* 0: no limit */
    int64_t bytes;                                      /* of the store, when it was looked at */
    bool over;                                          /* that is more than max_bytes */
    bool stuck; /* and nothing is left that may be removed */
};

/** Does one step, in a transaction of its own. Sets whether there is more to do.
 * @now_us  the wall clock
 * Errors: the store's; roll back then */
int aep__retention_step(struct aep__retention *retention, struct aep__ingest *ingest,
                        int64_t now_us, bool *ret_more, aep_error *err);

/** Pins an execution, or no longer, within a transaction. 1; 0: there is none of that id; -1. */
int aep__retention_pin(struct aep__ingest *ingest, const char *id, bool pinned, aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a record's fate, and waiting for it.
 *
 * The relay knows, and is asked over its control socket while one listens; it alone can tell parked
 * from acknowledged. Where none listens the cursor does: what is below it is finished. */
#ifndef AEP_CLIENT_WAIT_H
#define AEP_CLIENT_WAIT_H

#include "client/publisher.h"

/** What is waited for: a record, or everything below a position. */
struct aep__target {
    bool flush;
    aep_position position;
    uint64_t spool; /* as in receipts */
};

/** As aep_publisher_flush(). */
int aep__wait_all(aep_publisher *pub, int timeout_ms, aep_error *err);

/** Under the lock: what this receipt is about; segment 0: nothing to wait for.
 * Errors: AEP_EINVAL its size; AEP_ESPOOL the spool that it was in is gone */
int aep__target_of_receipt(struct aep__process *process, const aep_receipt *receipt,
                           struct aep__target *ret, aep_error *err);
/** Under the lock: everything accepted so far. Errors: AEP_ESPOOL */
int aep__target_of_all(struct aep__process *process, struct aep__target *ret, aep_error *err);
/** Under the lock: whether the spool is still the one it was made for. Errors: AEP_ESPOOL */
int aep__target_check(const struct aep__process *process, const struct aep__target *target,
                      aep_error *err);
/** Under the lock: whether the files alone tell that it is finished. */
bool aep__target_finished(struct aep__process *process, const struct aep__target *target);

/** Sends the question; false: the relay is gone or does not listen. */
bool aep__target_ask(int fd, uint64_t id, const struct aep__target *target);
/** Receives one answer: 1 with *ret_id and *ret_code (AEP_OK, AEP_EPARKED, AEP_EDEAD, or AEP_ERELAY:
 * not understood); 0 none now; -1 the relay is gone. */
int aep__target_answer(int fd, uint64_t *ret_id, int *ret_code);

#endif

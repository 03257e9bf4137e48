/* SPDX-License-Identifier: Apache-2.0 */
/* The fate of a record, and waiting for it.
 *
 * While a relay listens, it is asked over its control socket. Otherwise the files tell: what is
 * below the cursor is finished, and acknowledged unless a side log holds it. */
#ifndef AEP_CLIENT_WAIT_H
#define AEP_CLIENT_WAIT_H

#include "client/publisher.h"

enum aep__asks {
    AEP__ASKS_RECORD, /* the fate of the record that ends at the position */
    AEP__ASKS_ALL,    /* whether all below the position is finished */
    AEP__ASKS_BROKER, /* whether the broker's state differs from other_than */
};

/** The target of a wait. */
struct aep__target {
    enum aep__asks asks;
    aep_position position;
    enum aep_broker_state other_than;
    uint64_t spool; /* as in receipts */
    int code;       /* what aep__targets_judge() found */
    struct aep__target *next;
};

#define AEP__REFUSED_MS 2100 /* between looks whether Kafka refuses the relay: no event tells */

/** As aep_publisher_flush(). */
int aep__wait_all(aep_publisher *pub, int timeout_ms, aep_error *err);

/** Under the lock: the target of this receipt; segment 0: nothing to wait for.
 * Errors: AEP_EINVAL its size; AEP_ESPOOL the spool that it was in is gone */
int aep__target_of_receipt(struct aep__process *process, const aep_receipt *receipt,
                           struct aep__target *ret, aep_error *err);
/** Under the lock: everything accepted so far. Errors: AEP_ESPOOL */
int aep__target_of_all(struct aep__process *process, struct aep__target *ret, aep_error *err);
/** Under the lock: whether the spool is still the one it was made for. Errors: AEP_ESPOOL */
int aep__target_check(const struct aep__process *process, const struct aep__target *target,
                      aep_error *err);
/** Under the lock: sets the codes of a list, in one pass, to what the files alone tell: AEP_OK,
 * AEP_EPARKED, AEP_EDEAD; AEP_ESPOOL as aep__target_check(); AEP_EDEFERRED not known yet, which is
 * all that they tell of the broker. */
void aep__targets_judge(struct aep__process *process, struct aep__target *list);

/** Whether a relay could still change that result: parked records are sent later. */
bool aep__target_wants_relay(const struct aep__target *target);

/** Sends the question; false: the relay is gone or does not listen. */
bool aep__target_ask(int fd, uint64_t id, const struct aep__target *target);
/** Receives one answer: 1 with *ret_id and *ret_code (AEP_OK, AEP_EPARKED, AEP_EDEAD, or AEP_ERELAY:
 * not understood); 0 none now; -1 the relay is gone. */
int aep__target_answer(int fd, uint64_t *ret_id, int *ret_code);

/** While one waits for a relay whose settings Kafka refuses: starts another, as ours may be better
 * (aep__process_wants_contender). Takes the lock. */
void aep__wait_contend(aep_publisher *pub, struct aep__process *process);

#endif

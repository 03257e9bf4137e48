/* SPDX-License-Identifier: Apache-2.0 */
/* Parked topics: what Kafka does not take now because the topic is missing or forbidden, so that it
 * does not hold up the others.
 *
 *     tail ─▶ side log "parked-<topic>-<hash>" ─▶ its own lane ─▶ sink
 *
 * While the log holds something, all of the topic's records go through it: that keeps their order.
 * Once it is sent to its end it is drained; it is removed when the cursor has passed the last record
 * that was in it, since a relay that ends before may read those records once more and must know
 * them. */
#ifndef AEP_DELIVER_PARKED_H
#define AEP_DELIVER_PARKED_H

#include "deliver/flight.h"
#include "deliver/topic.h"
#include "spool/sidelog.h"

struct aep__parked {
    struct aep__sidelog log;
    struct aep__lane lane;
    uint64_t read_at; /* the next entry to send */
    bool drained;
};

/** Opens the side logs that there are. Errors: AEP_ESPOOL, AEP_ENOMEM. */
int aep__parked_load(struct aep__core *core, aep_error *err);
void aep__parked_done(struct aep__core *core);
/** The topic was refused: from now on its records are parked. */
void aep__parked_begin(struct aep__core *core, struct aep__topic *topic);
/** Appends a flight's record; then it is ASIDE. False, said in the log: the disk takes none. */
bool aep__parked_add(struct aep__core *core, struct aep__flight *flight, struct aep__slice raw);
/** Sends what the gate lets through; takes note of what is finished. */
void aep__parked_pump(struct aep__core *core, struct aep__topic *topic);
/** Syncs all logs. 0, or -1 with errno. */
int aep__parked_sync(struct aep__core *core);
/** Drops what is parked; returns how many records. */
uint64_t aep__parked_purge(struct aep__core *core);

struct aep__parked_sum {
    uint64_t records, bytes;
    const struct aep__topic *forbidden; /* one that may not be written; NULL: none */
    const struct aep__topic *early;     /* one whose events are stamped ahead; NULL: none */
};
struct aep__parked_sum aep__parked_sum(struct aep__core *core);
/** Whether a record is parked and not sent yet / whether one before that position is. */
bool aep__parked_holds(struct aep__core *core, aep_position position);
bool aep__parked_holds_before(struct aep__core *core, aep_position position);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Parked topics: records that Kafka does not accept yet, because the topic is missing or forbidden or
 * their time is ahead of the broker's clock, are set aside so that they do not block the others.
 *
 *     tail ─▶ side log "parked-<topic>-<hash>" ─▶ its own lane ─▶ sink
 *
 * While the log holds something, all records of the topic go through it, which keeps their order.
 * Once everything in it is sent it is drained. It is removed only when the cursor has passed its
 * last record: until then the next relay might read those records again, and must recognize
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

/** Opens all existing side logs. Errors: AEP_ESPOOL, AEP_ENOMEM. */
int aep__parked_load(struct aep__core *core, aep_error *err);
void aep__parked_done(struct aep__core *core);
/** Parks the topic's records from now on; call it when the topic was refused. */
void aep__parked_begin(struct aep__core *core, struct aep__topic *topic);
/** Appends a flight's record, which is then ASIDE. False: the write failed; the log has the
 * reason. */
bool aep__parked_add(struct aep__core *core, struct aep__flight *flight, struct aep__slice raw);
/** Sends what the gate lets through, and notes in the side log what is finished. */
void aep__parked_pump(struct aep__core *core, struct aep__topic *topic);
/** Syncs all logs. 0, or -1 with errno. */
int aep__parked_sync(struct aep__core *core);
/** Drops all parked records; returns how many. */
uint64_t aep__parked_purge(struct aep__core *core);

struct aep__parked_sum {
    uint64_t records, bytes;
    const struct aep__topic *forbidden; /* one that we may not write to; NULL: none */
    const struct aep__topic *early;     /* one whose events are stamped ahead; NULL: none */
};
struct aep__parked_sum aep__parked_sum(struct aep__core *core);
/** The lowest ordinal of what will be read from the logs again; UINT64_MAX: nothing will. */
uint64_t aep__parked_first(struct aep__core *core);
/** Whether a record is parked and not sent yet / whether one before that position is. */
bool aep__parked_holds(struct aep__core *core, aep_position position);
bool aep__parked_holds_before(struct aep__core *core, aep_position position);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters: records that Kafka refuses for good. They stay in the side log "dead" until a
 * command drops or replays them; when the log is full, the oldest are removed.
 *
 * Replay: first the letters are marked in the file, so that a request survives the relay; then they
 * are sent one at a time, and removed from the file in batches once acknowledged. */
#ifndef AEP_DELIVER_DEAD_H
#define AEP_DELIVER_DEAD_H

#include "deliver/flight.h"
#include "spool/sidelog.h"

#define AEP__DEAD_BATCH 256

struct aep__core;

/* A letter whose replay is over. */
struct aep__dead_result {
    uint64_t ordinal;
    bool sent;
};

struct aep__dead {
    struct aep__sidelog log;
    struct aep__lane lane; /* of one flight: the letter being replayed */
    uint64_t max_bytes;
    struct aep__buf buried; /* ordinals of letters whose records may be read again, ascending */
    bool replaying;
    uint64_t replay_at;
    bool moved; /* the file was rewritten while a letter was in flight */
    struct aep__dead_result results[AEP__DEAD_BATCH];
    unsigned result_count;
};

/** After the cursor and the parked logs. Errors: AEP_ESPOOL, AEP_ENOMEM */
int aep__dead_load(struct aep__core *core, aep_error *err);
void aep__dead_done(struct aep__core *core);
/** Appends a record to the log. False: the write failed; relay.log has the reason. */
bool aep__dead_bury(struct aep__core *core, const struct aep__flight *flight, struct aep__slice raw,
                    const char *error);
int aep__dead_sync(struct aep__core *core);
/** Marks letters for replay / removes them; ordinal NULL: all. Returns how many; -1: errno. */
int64_t aep__dead_replay(struct aep__core *core, const uint64_t *ordinal);
int64_t aep__dead_drop(struct aep__core *core, const uint64_t *ordinal);
/** Whether a record that is read again is a dead letter already. */
bool aep__dead_buried(const struct aep__dead *dead, uint64_t ordinal);
/** Removes letters that were sent from the file, and the mark from letters refused again. */
void aep__dead_settle(struct aep__core *core);
/** Continues the replay. */
void aep__dead_pump(struct aep__core *core);
/** Whether a record is a dead letter. */
bool aep__dead_holds(struct aep__core *core, aep_position position);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery: from a record to its fate.
 *
 *     offer ─┬─ topic takes records ─▶ SENT ─ report ─┬─ acknowledged ─▶ DONE
 *            ├─ topic is parked ─▶ ASIDE              ├─ refused topic ─▶ HELD, then parked: ASIDE
 *            ├─ no record of Kafka's ─▶ ASIDE (dead)  ├─ refused message ─▶ dead: ASIDE
 *            └─ gate not open ─▶ HELD ─▶ SENT         └─ anything else ─▶ HELD ─▶ SENT
 *
 *     ASIDE ─ side log synced ─▶ DONE
 *
 * Records of a topic go in order: none is sent while an older one of the topic is HELD. */
#ifndef AEP_DELIVER_DELIVERY_H
#define AEP_DELIVER_DELIVERY_H

#include "base/buf.h"
#include "deliver/flight.h"
#include "deliver/sink.h"
#include "deliver/topic.h"
#include "spool/record.h"

#include <errno.h>

struct aep__core;

/** Takes over a NEW flight from the tail. False: the sink is full, the flight is unchanged. */
bool aep__delivery_offer(struct aep__core *core, struct aep__flight *flight,
                         const struct aep__record *record);
/** Takes over a NEW flight from the tail that a purge drops. False: it had a fate already, from an
 * earlier relay. */
bool aep__delivery_drop(struct aep__core *core, struct aep__flight *flight,
                        const struct aep__record *record);
/** Sends a flight of any lane; adds the header x-aep-seq. FULL: the flight is unchanged; otherwise
 * it is SENT or settled. */
enum aep__verdict aep__delivery_send(struct aep__core *core, struct aep__flight *flight,
                                     struct aep__message *message);
/** The sink has reported a flight. */
void aep__delivery_reported(struct aep__core *core, void *record, enum aep__verdict verdict,
                            const char *error, bool forbidden);
/** Moves gates, resends held records, syncs side logs. Once per turn of the loop. */
void aep__delivery_step(struct aep__core *core);
/** Drops everything unsent: the records already read at once, the rest of the tail as it is read.
 * Returns how many were dropped at once. */
uint64_t aep__delivery_purge(struct aep__core *core);
/** The flight is finished. */
void aep__delivery_finish(struct aep__core *core, struct aep__flight *flight, enum aep__fate fate);
/** The flight's record cannot be read, now or later: counted, logged, finished. */
void aep__delivery_lose(struct aep__core *core, struct aep__flight *flight);
/** The flight's record is in a side log; it is finished once that is synced. */
void aep__delivery_aside(struct aep__core *core, struct aep__flight *flight, enum aep__fate fate);
/** Reads a flight's record again, whatever lane it is in. False: errno; see aep__fetch_passes(). */
bool aep__delivery_fetch(struct aep__core *core, struct aep__flight *flight, struct aep__buf *buf,
                         struct aep__record *ret);

/** Whether a record that could not be read for this errno is still there: the relay is short of
 * descriptors or memory now. */
static inline bool aep__fetch_passes(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM;
}

static inline struct aep__slice aep__record_raw(const struct aep__record *record)
{
    return (struct aep__slice){record->meta.data - AEP__RECORD_HEAD, record->size};
}

#endif

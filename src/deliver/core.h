/* SPDX-License-Identifier: Apache-2.0 */
/* The core: brings a spool's records to a sink, and each of them to its fate.
 *
 *     spool ─ tail ─▶ flights ─ delivery ─▶ sink ─▶ (Kafka)
 *               ▲        │  ▲       │
 *            cursor ◀────┘  │       ├─ refused topic ─▶ parked log ─▶ (again, once it is allowed)
 *       (what is finished)  │       └─ refused message ─▶ dead letters
 *                           └── reports
 *
 * It knows a spool, a sink, a clock, counters and a log, but no loop, socket or process: the relay
 * runs it, and so do tests, with their own sink and clock.
 *
 * Invariant: the cursor stands at the first record that is not finished: acknowledged, or durable in
 * a side log. Only reports move it.
 *
 * Threads: all functions run in one thread; only syncer.c deals with the syncer's. */
#ifndef AEP_DELIVER_CORE_H
#define AEP_DELIVER_CORE_H

#include "deliver/dead.h"
#include "deliver/latency.h"
#include "deliver/pace.h"
#include "deliver/sink.h"
#include "deliver/syncer.h"
#include "deliver/tail.h"
#include "deliver/topic.h"
#include "spool/counters.h"
#include "spool/missed.h"
#include "spool/spool.h"

/** What a core works with, for aep__core_init(); all borrowed for its life. */
struct aep__core_inputs {
    struct aep__spool *spool; /* whose lock the caller holds */
    struct aep__counters *counters;
    struct aep__pace *pace; /* the caller reads its clock before each turn */
    void (*log)(void *user, enum aep_log_level level, const char *text);
    void *log_user;
    uint64_t dead_max_bytes; /* of the dead letters */
    bool sync_segments;      /* what publishers append is synced here (spool.sync=batch) */
    bool sync_cursor;        /* not where spool.sync=never */
};

struct aep__core {
    struct aep__spool *spool; /* these as in aep__core_inputs */
    struct aep__counters *counters;
    struct aep__pace *pace;
    void (*log)(void *user, enum aep_log_level level, const char *text);
    void *log_user;
    bool sync_segments, sync_cursor;
    struct aep__sink *sink; /* borrowed; set before a turn, not NULL then */
    int cursor_fd;          /* -1: not open */
    struct aep__syncer syncer;
    struct aep__missed missed;
    bool missed_told; /* that it cannot be written */
    struct aep__topics topics;
    struct aep__tail tail;
    struct aep__dead dead;
    struct aep__latency latency;
    uint64_t acknowledged;   /* records, not yet in the counters */
    int64_t aside_synced_us; /* when side logs were last synced */
    bool aside;              /* some flight waits for that */
    bool finished;           /* some flight was finished since aep__core_settle() */
    bool orphan;             /* the spool's folder is gone: nothing more is written */
    bool started;
};

/** Ready for aep__core_start(), or for aep__core_done(). */
void aep__core_init(struct aep__core *core, const struct aep__core_inputs *inputs);
/** Reads cursor and side logs as the previous core left them. core->sink must be set: parked topics
 * are opened. Errors: AEP_ESPOOL, AEP_EIO, AEP_ENOMEM. */
int aep__core_start(struct aep__core *core, aep_error *err);
/** After the sink's last report. */
void aep__core_done(struct aep__core *core);

/** A turn is: the sink's serve(), settle, aep__delivery_step(), aep__tail_pump(), settle. A finished
 * record can be asked for by its position until settle(); then it leaves the lane and the cursor passes
 * it. */
void aep__core_settle(struct aep__core *core);
/** Writes down which records were dropped, before they leave their place; what fails is logged. */
void aep__core_note_missed(struct aep__core *core, bool durable);
/** Takes back what the sink still holds and closes its topics; then the sink can be freed or
 * replaced. */
void aep__core_detach(struct aep__core *core);
/** At a clean end, after abandon(): moves the cursor as far as possible and syncs it.
 * @tidy  if everything is finished, nothing that was delivered stays on disk */
void aep__core_stop(struct aep__core *core, bool tidy);

/** The number of records that the sink holds now. */
unsigned aep__core_in_flight(struct aep__core *core);
/** Whether everything below a position has reached its destination or is parked. */
bool aep__core_arrived_below(const struct aep__core *core, aep_position position);
/** Whether everything that was there when it last looked is finished, and nothing is waiting to be
 * resent. */
bool aep__core_idle(struct aep__core *core);
/** How far the spool has been read. */
aep_position aep__core_reached(const struct aep__core *core);

enum aep__standing {
    AEP__STANDING_OPEN,     /* in flight, or not read yet */
    AEP__STANDING_FINISHED, /* *ret_fate holds */
    AEP__STANDING_NONE,     /* no record ends there */
};
/** The fate of the record that ends at a position. */
enum aep__standing aep__core_standing(struct aep__core *core, aep_position position,
                                      enum aep__fate *ret_fate);

/** Writes a line to the log. */
void aep__core_log(struct aep__core *core, enum aep_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

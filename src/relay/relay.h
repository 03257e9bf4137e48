/* SPDX-License-Identifier: Apache-2.0 */
/* The relay: one process per spool that reads what publishers append and delivers it.
 *
 *     spool ─ tail ─▶ flights ─ delivery ─▶ sink ─▶ Kafka
 *               ▲        │  ▲       │
 *            cursor ◀────┘  │       ├─ refused topic ─▶ parked log ─▶ (again, once it is allowed)
 *       (what is finished)  │       └─ refused message ─▶ dead letters
 *                           └── reports
 *
 * Invariant: the cursor stands at the first record that is not finished: acknowledged, or durable in
 * a side log. It moves for delivery reports and for nothing else.
 *
 * Threads: one loop around poll(2) (relay.c) runs everything here; librdkafka's threads are met
 * only in its queue, the syncer's only in syncer.c. */
#ifndef AEP_RELAY_RELAY_H
#define AEP_RELAY_RELAY_H

#include "config/config.h"
#include "relay/broker.h"
#include "relay/dead.h"
#include "relay/log.h"
#include "relay/missed.h"
#include "relay/report.h"
#include "relay/server.h"
#include "relay/sink.h"
#include "relay/syncer.h"
#include "relay/tail.h"
#include "relay/topic.h"
#include "spool/counters.h"

enum aep__relay_end {
    AEP__RELAY_RUNS,
    AEP__RELAY_STOPS,  /* asked to: a bounded flush, then the end */
    AEP__RELAY_YIELDS, /* to a contender: no flush */
    AEP__RELAY_IDLE,   /* nothing to do */
    AEP__RELAY_ORPHAN, /* the folder is gone: nothing is written any more */
};

struct aep__relay {
    struct aep__spool spool;
    const aep_config *config; /* borrowed */
    bool foreground;
    bool plain; /* the broker lets us use no idempotent producer */

    int lock_fd, bell_fd, cursor_fd, signal_fd; /* -1: not open */
    struct aep__log log;
    struct aep__counters counters;
    struct aep__syncer syncer;
    struct aep__missed missed;

    struct aep__sink *sink;
    struct aep__sink_events sink_events;
    struct aep__broker broker;

    struct aep__topics topics;
    struct aep__tail tail;
    struct aep__dead dead;
    struct aep__server server;
    struct aep__report report;

    enum aep__relay_end ending;
    int64_t end_by_us;       /* STOPS: when the flush ends */
    int64_t now_us;          /* the loop's clock, monotonic */
    int64_t wall_us;         /* the same moment on the wall clock */
    int64_t due_us;          /* when the loop has to run again at the latest */
    int64_t active_us;       /* when something was last read or reported */
    int64_t tick_us;         /* when the next tick is due; INT64_MAX: none */
    int64_t ticked_us;       /* when the last one was */
    int64_t aside_synced_us; /* when side logs were last synced */
    bool aside;              /* some flight waits for that */
    bool finished;           /* some flight was finished since the waiters were last told */
    bool bell_heard;         /* since the last tick */
    bool sink_readable;      /* its descriptor is */
    bool sealed_idle;        /* since it was last active */
    bool started;
    bool unlocked;        /* at an idle end */
    unsigned in_flight;   /* of all topics, as last counted */
    int64_t looked_us;    /* when the folder was last looked for */
    int64_t renew_us;     /* when a broken sink is to be replaced; 0: it is not broken */
    char fingerprint[33]; /* of the kafka.* settings: what tells contenders apart */
};

/** Runs one on a spool whose lock it holds, until it ends. relay->sink may be set (a contender's). */
int aep__relay_run(struct aep__relay *relay, aep_error *err);
/** Says that the loop has to run again at at_us. */
void aep__relay_due(struct aep__relay *relay, int64_t at_us);
/** Makes a tick come within 100 ms, at which status, syncs and removals follow what has changed. */
void aep__relay_tick_soon(struct aep__relay *relay);
/** The same after something that ends a time of quiet. */
void aep__relay_touch(struct aep__relay *relay);
/** Makes the sink that the spool's mode asks for. Errors: AEP_ECONFIG, AEP_ENOMEM. */
int aep__relay_make_sink(struct aep__relay *relay, aep_error *err);
/** Begins to end. */
void aep__relay_end(struct aep__relay *relay, enum aep__relay_end ending);

#endif

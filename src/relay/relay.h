/* SPDX-License-Identifier: Apache-2.0 */
/* The relay: one process per spool, which runs a core (deliver/core.h) on the spool and on Kafka, or
 * on the sink of local mode. Its own are the loop, the lock, the control socket, status and log, the
 * broker's state, and the end.
 *
 *     bell, signals, sink, clients ─ poll(2) ─▶ turn: sink ▶ core ▶ waiters ▶ status
 *
 * Threads: the loop (relay.c) runs everything here; librdkafka's threads reach it only through its
 * queue. */
#ifndef AEP_RELAY_RELAY_H
#define AEP_RELAY_RELAY_H

#include "base/log.h"
#include "config/config.h"
#include "deliver/core.h"
#include "relay/broker.h"
#include "relay/departed.h"
#include "relay/renewal.h"
#include "relay/report.h"
#include "relay/server.h"
#include "upgrade/successor.h"

#define AEP__RELAY_LOG "relay.log" /* in the spool folder */

enum aep__relay_end {
    AEP__RELAY_RUNS,
    AEP__RELAY_BECOMES, /* its successor: a flush, then the end; runs on if that cannot be done in time */
    AEP__RELAY_STOPS,  /* asked to: a bounded flush, then the end */
    AEP__RELAY_YIELDS, /* to a contender: no flush */
    AEP__RELAY_IDLE,   /* nothing to do */
    AEP__RELAY_ORPHAN, /* the folder is gone: writes nothing any more */
};

struct aep__relay {
    struct aep__spool spool;
    const aep_config *config; /* borrowed */
    bool foreground;

    int lock_fd; /* -1: not open; set at the start: left by the program that this one was */
    int bell_fd, signal_fd; /* -1: not open */
    struct aep__log log;
    struct aep__counters counters;
    struct aep__pace pace;
    struct aep__core core;
    struct aep__sink *sink; /* the core's, once that runs */
    struct aep__sink_events sink_events;
    unsigned sink_can; /* what the cluster grants, as far as is known */
    struct aep__broker broker;
    struct aep__departed departed;
    struct aep__server server;
    struct aep__report report;
    struct aep__successor successor;

    enum aep__relay_end ending;
    int64_t end_by_us;     /* when the flush ends */
    int64_t looked_us;     /* when the folder was last looked for */
    int64_t sealed_for_us; /* the segment was sealed in the time of quiet that began then */
    struct aep__renewal renewal;
    int64_t verify_us;  /* from when on the broker is asked whether it answers, whatever is sent */
    bool bell_heard;    /* since the last tick */
    bool sink_readable; /* its descriptor is */
    bool unlocked;      /* at an idle end */
    bool proven;        /* it has done something: its start was not in vain */
    char fingerprint[33]; /* of what the client is made of: what tells contenders apart */
};

/** Prepares a relay whose spool, config, log, counters and foreground are set; the rest is zero. */
void aep__relay_init(struct aep__relay *relay);
/** Runs a relay whose spool's lock is held, until it ends. relay->sink may be set (a
 * contender's). */
int aep__relay_run(struct aep__relay *relay, aep_error *err);
/** Makes the sink that the spool's mode asks for. Errors: AEP_ECONFIG, AEP_ENOMEM. */
int aep__relay_make_sink(struct aep__relay *relay, aep_error *err);
/** Gives up what it has taken, and frees it. */
void aep__relay_free_sink(struct aep__relay *relay);
/** Begins to end. */
void aep__relay_end(struct aep__relay *relay, enum aep__relay_end ending);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A sink: where records are delivered to. Kafka; that of local mode, which takes records only to make
 * room and delivers them nowhere; one that stands in while no client of Kafka can be made. Another is
 * one file, and a row in the table of tests/unit/sink_kinds.h: tests/unit/relay/test_sinks.c holds
 * each of them against what is said here.
 *
 *     core ── send ──▶ sink          takes a copy, or says why not
 *     core ◀─ reported ── sink       once for each that was taken, from serve() or abandon()
 *
 * Of one topic, records arrive in the order in which they were sent: once one is refused, those
 * after it come back, and none is taken (FULL) until the refusal has been reported.
 *
 * All functions are called in one thread; only free() may block on the network, for a bounded time.
 * Callbacks come only from within serve(), abandon() and free(). */
#ifndef AEP_DELIVER_SINK_H
#define AEP_DELIVER_SINK_H

#include "aep/aep.h"
#include "base/message.h"

#include <stdbool.h>
#include <stdint.h>

/** The result of a record, or of the attempt to hand it over. If records of a topic come back for
 * several reasons, the first in this list decides. */
enum aep__verdict {
    AEP__VERDICT_TAKEN,   /* send() only: a report will follow */
    AEP__VERDICT_FULL,    /* send() only: try again after the next report */
    AEP__VERDICT_DONE,    /* acknowledged (local mode: removed) */
    AEP__VERDICT_REFUSED, /* its topic is missing or forbidden */
    AEP__VERDICT_SUSPECT, /* the broker refused a message of its batch */
    AEP__VERDICT_EARLY,   /* so far as SUSPECT, for its time: it may be taken once that has come */
    AEP__VERDICT_INVALID, /* it can never be sent */
    AEP__VERDICT_LATER,   /* not sent, through no fault of its own: retry later */
    AEP__VERDICT_BACK,    /* called back before it was sent: resend at once */
    AEP__VERDICT_BROKEN,  /* the sink has failed for good: free it and make another */
};

/** How a sink reports to its owner. */
struct aep__sink_events {
    /** @record  what send() was given
     * @error   librdkafka's name of the error, or a description, static; "" for none
     * @forbidden  REFUSED: for want of a right */
    void (*reported)(void *user, void *record, enum aep__verdict verdict, const char *error,
                     bool forbidden);
    /** A sign of the broker's state (broker.h). reason is borrowed. */
    void (*broker)(void *user, enum aep_broker_state state, const char *reason);
    void (*log)(void *user, enum aep_log_level level, const char *text);
    void *user;
};

struct aep__sink;

struct aep__sink_ops {
    /** Readable when serve() must be called; -1: never. */
    int (*fd)(const struct aep__sink *sink);
    /** Delivers pending reports and events.
     * @readable  fd() is
     * Returns false when the sink is BROKEN. */
    bool (*serve)(struct aep__sink *sink, bool readable);
    /** A handle for a topic (name NUL-terminated, legal); NULL: errno. close before free(). */
    void *(*topic_open)(struct aep__sink *sink, const char *name);
    void (*topic_close)(struct aep__sink *sink, void *topic);
    /** Hands over one message with its headers; the sink copies it.
     * @record    comes back in the report
     * Returns TAKEN, or FULL, DONE, REFUSED, INVALID, LATER, BROKEN: no report follows. */
    enum aep__verdict (*send)(struct aep__sink *sink, void *topic,
                              const struct aep__message *message, void *record,
                              const char **ret_error, bool *ret_forbidden);
    /** Whether records are wanted while the spool has this size; NULL: always. */
    bool (*wants)(const struct aep__sink *sink, uint64_t used_bytes);
    /** Asks the broker for a sign of life; events->broker() tells. No-op while one is awaited. */
    void (*verify)(struct aep__sink *sink);
    /** Gives up records that were taken but not sent: reports each, as BACK or with its result. */
    void (*abandon)(struct aep__sink *sink);
    /** After abandon(), topics closed. */
    void (*free)(struct aep__sink *sink);
};

/** What a sink declares that it can do. */
enum aep__sink_can {
    /* Records stay in the spool: on disk they are where they are wanted, and they are let go, unread,
     * only to make room. */
    AEP__SINK_CAN_RETAIN = 1,
    /* What it sends twice arrives once (Kafka: an idempotent producer). A sink that breaks because its
     * destination does not grant that takes it back: the next one is made without. */
    AEP__SINK_CAN_DEDUPLICATE = 2,
};

struct aep__sink {
    const struct aep__sink_ops *ops;
    unsigned can;    /* enum aep__sink_can */
    unsigned window; /* records that it takes before the oldest of them must be finished */
};

static inline bool aep__sink_retains(const struct aep__sink *sink)
{
    return sink->can & AEP__SINK_CAN_RETAIN;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A sink: where records are delivered. There are three: Kafka; local mode, which takes records only
 * to make room and delivers them nowhere; and a stand-in for while no Kafka client can be made. To
 * add one, write one file and a row in the table of tests/unit/sink_kinds.h;
 * tests/unit/relay/test_sinks.c checks every sink against the rules below.
 *
 *     core ── send ──▶ sink          takes a copy, or says why not
 *     core ◀─ reported ── sink       once for each that was taken, from serve() or abandon()
 *
 * The records of a topic arrive in the order in which they were sent: once one is refused, those
 * after it come back, and no more are taken (FULL) until the refusal has been reported.
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
    AEP__VERDICT_EARLY,   /* like SUSPECT, but because of its timestamp: valid later */
    AEP__VERDICT_INVALID, /* it can never be sent */
    AEP__VERDICT_LATER,   /* not sent, through no fault of its own: retry later */
    AEP__VERDICT_BACK,    /* called back before it was sent: resend at once */
    AEP__VERDICT_BROKEN,  /* the sink has failed for good: free it and make another */
};

/** How a sink reports to its owner. */
struct aep__sink_events {
    /** @record  what send() was given
     * @error   librdkafka's name of the error, or a description, static; "" for none
     * @forbidden  REFUSED: a permission is missing */
    void (*reported)(void *user, void *record, enum aep__verdict verdict, const char *error,
                     bool forbidden);
    /** A sign of the broker's state (broker.h). reason is borrowed. */
    void (*broker)(void *user, enum aep_broker_state state, const char *reason);
    void (*log)(void *user, enum aep_log_level level, const char *text);
    void *user;
};

struct aep__sink;

struct aep__sink_ops {
    /** A descriptor that is readable when serve() must be called; -1: there is none. */
    int (*fd)(const struct aep__sink *sink);
    /** Delivers pending reports and events.
     * @readable  whether fd() is
     * Returns false when the sink is BROKEN. */
    bool (*serve)(struct aep__sink *sink, bool readable);
    /** A handle for a topic (a valid name, NUL-terminated); NULL with errno. Close it before
     * free(). */
    void *(*topic_open)(struct aep__sink *sink, const char *name);
    void (*topic_close)(struct aep__sink *sink, void *topic);
    /** Hands over one message with its headers; the sink copies it.
     * @record    comes back in the report
     * Returns TAKEN, or FULL, DONE, REFUSED, INVALID, LATER, BROKEN: no report follows. */
    enum aep__verdict (*send)(struct aep__sink *sink, void *topic,
                              const struct aep__message *message, void *record,
                              const char **ret_error, bool *ret_forbidden);
    /** Whether records are wanted while the spool reaches from here to there; NULL: always. */
    bool (*wants)(const struct aep__sink *sink, aep_position begin, aep_position end);
    /** Asks the broker for a sign of life; the answer comes through events->broker(). Does nothing
     * while an answer is pending. */
    void (*verify)(struct aep__sink *sink);
    /** Gives up the records that were taken but not sent, and reports each as BACK or with its
     * result. */
    void (*abandon)(struct aep__sink *sink);
    /** Call it after abandon(), with all topics closed. */
    void (*free)(struct aep__sink *sink);
};

/** A sink's capabilities, which it declares. */
enum aep__sink_can {
    /* Records are meant to stay in the spool; they are removed, unread, only to make room. */
    AEP__SINK_CAN_RETAIN = 1,
    /* A record that it sends twice arrives once (Kafka: an idempotent producer). A sink that breaks
     * because its destination does not permit this clears the bit; the next sink is made without
     * it. */
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

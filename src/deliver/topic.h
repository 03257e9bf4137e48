/* SPDX-License-Identifier: Apache-2.0 */
/* Topics: for each one that records name, the sink's handle, and a gate that keeps its records in
 * order when the sink refuses one.
 *
 *              a report is not "acknowledged"        nothing of it is in flight any more
 *     OPEN ──────────────────────────────▶ DRAINING ─┬─ refused ─▶ CLOSED ─ time passes ─▶ NARROW
 *      ▲                                             ├─ later ───▶ CLOSED                    │
 *      │                                             ├─ suspect ─────────────────────────▶   │
 *      ├───────────────────── called back ───────────┘                                       │
 *      └──────────────── acknowledged, and no suspect is left ───────────────────────────────┘
 *
 * NARROW: one record in flight at a time, so that a refusal concerns that record alone. */
#ifndef AEP_DELIVER_TOPIC_H
#define AEP_DELIVER_TOPIC_H

#include "base/topic_name.h"
#include "deliver/flight.h"
#include "deliver/sink.h"

#define AEP__TOPIC_BUCKETS 64

enum aep__gate {
    AEP__GATE_OPEN,
    AEP__GATE_DRAINING,
    AEP__GATE_CLOSED,
    AEP__GATE_NARROW,
};

struct aep__core;

struct aep__topic {
    struct aep__topic *next; /* in its bucket */
    unsigned bucket;
    void *handle; /* the sink's; NULL: not open */
    enum aep__gate gate;
    enum aep__verdict cause;    /* DRAINING: REFUSED, SUSPECT, EARLY, LATER or BACK */
    bool forbidden;             /* REFUSED: a permission is missing */
    bool early;                 /* REFUSED because of its events' timestamps */
    const char *error;          /* static: the refusal's name */
    unsigned sent;              /* flights SENT, of any lane */
    unsigned held;              /* flights HELD or SUSPECT in the tail's lane */
    unsigned suspects;          /* flights SUSPECT, of any lane */
    uint64_t sent_bytes;        /* of those SENT */
    uint64_t window_bytes;      /* their limit, once a batch was too large; 0: none */
    bool culprit;               /* NARROW: the faulty message was found */
    unsigned refusals;          /* in a row: how long CLOSED lasts */
    int64_t wake_us;            /* CLOSED: until then */
    struct aep__parked *parked; /* its side log; NULL: none */
    size_t name_len;
    char name[];
};

struct aep__topics {
    struct aep__topic *buckets[AEP__TOPIC_BUCKETS];
    struct aep__topic *newest; /* found last */
    unsigned count;
};

/** NULL: no record of it has come, or not for long. */
struct aep__topic *aep__topic_find(const struct aep__topics *topics, struct aep__slice name);
/** Finds or makes a topic; its handle is open. NULL: out of memory. */
struct aep__topic *aep__topic_get(struct aep__core *core, struct aep__slice name);
/** Visits all topics: NULL gives the first; returns NULL after the last. Make or free no topic in
 * between. */
struct aep__topic *aep__topics_next(const struct aep__topics *topics,
                                    const struct aep__topic *topic);
/** Closes all handles (before the sink is freed); they reopen when needed. */
void aep__topics_close(struct aep__core *core);
void aep__topics_done(struct aep__core *core);

/** Whether one more of its records may be sent now. */
static inline bool aep__topic_may_send(const struct aep__topic *topic)
{
    if (topic->gate == AEP__GATE_OPEN)
        return topic->window_bytes == 0 || topic->sent_bytes < topic->window_bytes;
    return topic->gate == AEP__GATE_NARROW && topic->sent == 0;
}

#endif

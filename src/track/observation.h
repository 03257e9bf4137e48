/* SPDX-License-Identifier: Apache-2.0 */
/* An observation: an execution's event as a source delivers it, with what the fold needs of it read
 * once from its JSON. Any namespace and any kind of `*.agent.execution.KIND.vN` is one; whatever else
 * a source holds is rejected with a reason, and counted. Members that are not known change nothing.
 *
 * Texts are slices of the JSON, or of the observation's own memory where they had to be decoded, and
 * valid until the next aep__observe(). */
#ifndef AEP_TRACK_OBSERVATION_H
#define AEP_TRACK_OBSERVATION_H

#include "base/json.h"
#include "event/kinds.h"
#include "spool/fate.h"
#include "track/order.h"

#define AEP__KIND_OTHER                                                                            \
    (-1) /* beside enum aep_kind: an event of an execution, of a kind of its own */

/** What an execution waits for, from the newest progress. */
enum aep__waiting {
    AEP__WAITING_NOT,
    AEP__WAITING_HUMAN,
    AEP__WAITING_PERMISSION,
    AEP__WAITING_TIMER,
    AEP__WAITING_RATE_LIMIT,
    AEP__WAITING_CHILD,
    AEP__WAITING_UNKNOWN, /* it says that it waits, not for what */
    AEP__WAITING_COUNT,
};
/** "human", …; NULL for NOT and UNKNOWN. */
const char *aep__waiting_word(enum aep__waiting waiting);

/** A number that a spool gave its event (header x-aep-seq): comparable within one spool. */
struct aep__sequence {
    bool known;
    uint8_t spool[16];
    uint64_t ordinal;
};

struct aep__observation {
    /* of the envelope */
    struct aep__order order; /* timestamp, event_id */
    char event_id[AEP_ID_SIZE];
    int kind; /* enum aep_kind, or AEP__KIND_OTHER */
    struct aep__slice event_type, tenant_id, source, correlation_id;
    struct aep__slice causation_id; /* data NULL: none; a UUID in lower case */

    /* of the payload: data NULL, NAN or INT64_MIN where it has none */
    struct aep__slice agent_name, session_id;
    struct aep__slice user_request;           /* started */
    struct aep__slice current_step;           /* progress */
    struct aep__slice result_summary;         /* completed */
    struct aep__slice error_code, error_type; /* failed */
    struct aep__slice error_message;
    double progress_percent, steps_completed, steps_total;
    double duration_ms;
    int64_t when_us; /* started_at, completed_at or failed_at */
    bool inferred;
    enum aep__waiting waiting; /* of metadata */
    double expect_within_s;
    struct aep__slice tool, phase;

    /* of the source, for the caller to set */
    struct aep__sequence sequence;
    enum aep__fate fate;
    bool skew; /* its timestamp was more than 16 s ahead of the clock when it arrived */

    struct aep__slice body; /* the JSON itself */
};

/** Why something in a source is no observation. */
enum aep__rejection {
    AEP__REJECTED_NOT, /* it is one */
    AEP__REJECTED_JSON,
    AEP__REJECTED_TYPE, /* no event of an execution */
    AEP__REJECTED_MEMBERS, /* event_id, timestamp, tenant_id, correlation_id or agent_name is missing or
                              wrong */
    AEP__REJECTED_EMPTY, /* no value, as a tombstone */
    AEP__REJECTED_SIZE,  /* larger than 1 MiB and limits.message_bytes */
    AEP__REJECTED_COUNT,
};
/** "not JSON", "another type", … */
const char *aep__rejection_text(enum aep__rejection rejection);

/** Reads observations, with memory that it uses again. Zero it before the first. */
struct aep__observer {
    struct aep__json json;
    struct aep__buf scratch, texts;
};

/** Reads an event's JSON, which is borrowed, into *ret; what the source knows is left zero. */
enum aep__rejection aep__observe(struct aep__observer *observer, struct aep__slice body,
                                 struct aep__observation *ret);
void aep__observer_done(struct aep__observer *observer);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* An envelope: the message that Kafka gets for an event, and its memory. envelope_make.h makes it.
 *
 * Settings are made once per publisher and read-only afterwards. A struct aep__envelope is the
 * result and the memory behind it: one per thread, used again and again, so that a warm one
 * allocates nothing. Its message is valid until its next use, and as long as what the caller passed
 * in: an unchanged traceparent is not copied. x-aep-seq is not here: the relay adds it. */
#ifndef AEP_EVENT_ENVELOPE_H
#define AEP_EVENT_ENVELOPE_H

#include "aep/aep.h"
#include "base/clock.h"
#include "base/message.h"
#include "event/redact.h"
#include "event/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- settings ------------------------------------------------------------------------------- */

struct aep__envelope_settings {
    /* set by the owner before aep__envelope_settings_prepare(), which copies the texts */
    const char *tenant_id, *namespace_, *source;
    const char *environment;              /* header x-environment; NULL or "": none */
    const char *traceparent, *tracestate; /* of the process's environment; NULL: none */
    bool single_topic;                    /* topic.layout=single */
    bool cloudevents;                     /* wire.cloudevents */
    bool ids_strict;                      /* ids.strict */
    bool capture_request;                 /* false: user_request is written as "" */
    size_t field_bytes;                   /* limits.field_bytes */
    size_t message_bytes;                 /* limits.message_bytes */
    struct aep__redactor *redactor;       /* borrowed; NULL: off */
    /* makes ids; NULL for aep__id_make() (tests have their own) */
    void (*make_id)(int64_t wall_us, uint8_t bytes[16]);

    /* made by prepare */
    struct aep__buf texts; /* of everything below */
    /* ","tenant_id":"…","namespace":"…","source":"…","correlation_id": (behind the timestamp) */
    struct aep__slice middle;
    struct aep__slice tenant, environment_value, ce_source;
    struct aep__slice env_traceparent, env_tracestate; /* valid ones only */
};

/** Checks and copies the texts. Errors: AEP_ECONFIG names the option ("namespace"); AEP_ENOMEM */
int aep__envelope_settings_prepare(struct aep__envelope_settings *settings, aep_error *err);
void aep__envelope_settings_done(struct aep__envelope_settings *settings);

/* ---- result --------------------------------------------------------------------------------- */

struct aep__envelope {
    struct aep__message message;
    char event_id[AEP_ID_SIZE];
    char correlation_id[AEP_CORRELATION_ID_SIZE];
    char causation_id[AEP_CORRELATION_ID_SIZE];
    char session_id[AEP_CORRELATION_ID_SIZE]; /* "" where the event has none */
    char timestamp[AEP__TIME_SIZE];
    int64_t timestamp_us;
    struct aep__slice traceparent, tracestate; /* as in the headers; tracestate may be absent */
    struct aep__text_counts counts;

    /* its memory */
    char made_traceparent[56];
    char made_schema_ref[272];
    struct aep__text text;
    struct aep__buf value, payload;
    size_t payload_at; /* in value */
};

void aep__envelope_done(struct aep__envelope *envelope);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "event/headers.h"

#include "event/trace.h"

#include <string.h>

/* A caller's tracestate that holds a secret is left out: a mark would not be valid there. */
static bool is_clean_state(struct aep__envelope *envelope,
                           const struct aep__envelope_settings *settings, struct aep__slice state)
{
    if (!state.data || !aep__tracestate_valid(state.data, state.len))
        return false;
    if (!settings->redactor)
        return true;
    aep__buf_clear(&envelope->text.clean);
    size_t count =
        aep__redact_text(settings->redactor, state.data, state.len, &envelope->text.clean);
    envelope->text.counts.redacted += count;
    return count == 0 && !envelope->text.clean.failed;
}

/* The caller's, else the environment's, else our own. A tracestate belongs to its traceparent. */
static void choose_trace(struct aep__envelope *envelope,
                         const struct aep__envelope_settings *settings,
                         const struct aep__value *parent, const struct aep__value *state,
                         const uint8_t event_id[16])
{
    struct aep__slice own_state = {state->text, state->len};
    envelope->traceparent = settings->env_traceparent;
    envelope->tracestate = settings->env_tracestate;
    if (parent->given) {
        envelope->traceparent = (struct aep__slice){NULL, 0};
        if (parent->text && aep__traceparent_valid(parent->text, parent->len))
            envelope->traceparent = (struct aep__slice){parent->text, parent->len};
    }
    if (parent->given || state->given)
        envelope->tracestate = own_state;
    if (!envelope->traceparent.data) {
        aep__traceparent_make(envelope->correlation_id, strlen(envelope->correlation_id), event_id,
                              envelope->made_traceparent);
        envelope->traceparent =
            (struct aep__slice){envelope->made_traceparent, AEP__TRACEPARENT_SIZE - 1};
        envelope->tracestate = (struct aep__slice){NULL, 0};
    }
    if (envelope->tracestate.data != settings->env_tracestate.data &&
        !is_clean_state(envelope, settings, envelope->tracestate))
        envelope->tracestate = (struct aep__slice){NULL, 0};
}

static void add_header(struct aep__message *message, struct aep__slice name,
                       struct aep__slice value)
{
    message->headers[message->header_count++] = (struct aep__header){name, value};
}

static void add_cloudevents(struct aep__envelope *envelope,
                            const struct aep__envelope_settings *settings,
                            const struct aep__envelope_names *names)
{
    struct aep__message *message = &envelope->message;
    add_header(message, AEP__SLICE("content-type"), AEP__SLICE("application/json"));
    add_header(message, AEP__SLICE("ce_specversion"), AEP__SLICE("1.0"));
    add_header(message, AEP__SLICE("ce_id"),
               (struct aep__slice){envelope->event_id, AEP_ID_SIZE - 1});
    add_header(message, AEP__SLICE("ce_type"), names->event_type);
    add_header(message, AEP__SLICE("ce_source"), settings->ce_source);
    add_header(message, AEP__SLICE("ce_time"),
               (struct aep__slice){envelope->timestamp, AEP__TIME_SIZE - 1});
    add_header(message, AEP__SLICE("ce_subject"), names->correlation);
    add_header(message, AEP__SLICE("ce_correlationid"), names->correlation);
    add_header(message, AEP__SLICE("ce_causationid"), names->causation);
    add_header(message, AEP__SLICE("ce_tenantid"), settings->tenant);
    add_header(message, AEP__SLICE("ce_schemaref"), names->schema_ref);
}

void aep__headers_make(struct aep__envelope *envelope,
                       const struct aep__envelope_settings *settings,
                       const struct aep__envelope_names *names, const struct aep__value *parent,
                       const struct aep__value *state, const uint8_t event_id[16])
{
    struct aep__message *message = &envelope->message;
    message->header_count = 0;
    choose_trace(envelope, settings, parent, state, event_id);
    add_header(message, AEP__SLICE("traceparent"), envelope->traceparent);
    if (envelope->tracestate.data)
        add_header(message, AEP__SLICE("tracestate"), envelope->tracestate);
    add_header(message, AEP__SLICE("x-traceparent"), envelope->traceparent);
    add_header(message, AEP__SLICE("x-correlation-id"), names->correlation);
    add_header(message, AEP__SLICE("x-causation-id"), names->causation);
    add_header(message, AEP__SLICE("x-tenant"), settings->tenant);
    if (names->schema_hash)
        add_header(message, AEP__SLICE("x-schema-hash"), aep__slice_text(names->schema_hash));
    if (settings->environment_value.len)
        add_header(message, AEP__SLICE("x-environment"), settings->environment_value);
    if (settings->cloudevents)
        add_cloudevents(envelope, settings, names);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of an event: trace context, ids, tenant, schema hash, CloudEvents in binary mode.
 * They point into the envelope, its settings, and what the caller passed in. */
#ifndef AEP_EVENT_HEADERS_H
#define AEP_EVENT_HEADERS_H

#include "event/envelope.h"
#include "event/facts.h"

/* The names of an event. */
struct aep__envelope_names {
    struct aep__slice event_type, topic, schema_ref;
    const char *schema_hash; /* NULL: its schema is not ours */
    struct aep__slice correlation, causation;
};

/** Makes envelope->message.headers, and on the way envelope->traceparent and tracestate.
 * @parent, @state  the caller's trace context; an invalid one is ignored */
void aep__headers_make(struct aep__envelope *envelope,
                       const struct aep__envelope_settings *settings,
                       const struct aep__envelope_names *names, const struct aep__value *parent,
                       const struct aep__value *state, const uint8_t event_id[16]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `aep publish`: one event from options (publish.c), many from stdin (lines.c), or
 * only the envelope (preview.c). An event to publish is named members, or an aep_event. */
#ifndef AEP_APP_PUBLISH_H
#define AEP_APP_PUBLISH_H

#include "event/kinds.h"
#include "session.h"

#define AEP__FIELDS_MAX (AEP__MEMBERS_MAX + 3) /* and causation_id, traceparent, tracestate */

/** One event, borrowed from options or a line. */
struct aep__draft {
    int kind; /* enum aep_kind; -1: any other event */
    aep_field fields[AEP__FIELDS_MAX];
    size_t field_count;
    aep_event event; /* of any other type */
};

/** Publishes it. Errors: as aep_publish_fields(), aep_publish_event(). */
int aep__draft_publish(const struct aep__draft *draft, aep_publisher *publisher,
                       aep_receipt *receipt, aep_error *err);
/** Appends the envelope that it would be published as, and a newline. Errors: the same. */
int aep__draft_preview(const struct aep__draft *draft, const aep_config *config,
                       struct aep__buf *out, aep_error *err);

/** `publish --stdin`. Returns the exit status.
 * @wait_ms  -1: does not wait for Kafka */
int aep__publish_lines(const struct aep__args *args, int wait_ms);

#endif

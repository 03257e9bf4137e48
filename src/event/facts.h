/* SPDX-License-Identifier: Apache-2.0 */
/* Facts: one event of the four kinds as its caller gave it, a value for each member that its kind
 * has, in the order of the kinds table. Callers have structs (aep_started, …) or named fields; both
 * end here. (aep_event, in the public header, is an event of any other type.) */
#ifndef AEP_EVENT_FACTS_H
#define AEP_EVENT_FACTS_H

#include "aep/aep.h"
#include "event/kinds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One member's value: text or JSON in text, a number in number where text is NULL. */
struct aep__value {
    const char *text;
    size_t len;
    double number;
    bool given;
};

/** One event as its caller gave it. Borrowed texts. */
struct aep__facts {
    enum aep_kind kind;
    struct aep__value values[AEP__MEMBERS_MAX]; /* by the member's index in aep__kinds[kind] */
    struct aep__value causation_id, traceparent, tracestate;
    int64_t now_us;          /* the wall clock; 0: read it */
    const uint8_t *event_id; /* 16 bytes that it gets; NULL: a new one */
    int64_t last_us; /* of the previous event of this execution, 0: none; never earlier than that */
};

/** Reads one of the public structs (const aep_started * …, as the kind says) into *facts.
 * Errors: AEP_EINVAL: its size was not set, or it has members that this library does not know */
int aep__facts_from_struct(enum aep_kind kind, const void *args, struct aep__facts *facts,
                           aep_error *err);
/** Reads named members. Errors: AEP_EINVAL names the field: unknown to the kind, or twice */
int aep__facts_from_fields(enum aep_kind kind, const aep_field *fields, size_t count,
                           struct aep__facts *facts, aep_error *err);
/** Gives a text member a value if the caller gave none; a name that the kind lacks is fine. */
void aep__facts_default_text(struct aep__facts *facts, const char *name, const char *text);
void aep__facts_default_number(struct aep__facts *facts, const char *name, double number);

#endif

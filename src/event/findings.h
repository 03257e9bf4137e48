/* SPDX-License-Identifier: Apache-2.0 */
/* Every code that aep_validate() can find, for help texts and the reference. The codes are stable.
 */
#ifndef AEP_EVENT_FINDINGS_H
#define AEP_EVENT_FINDINGS_H

#include "aep/aep.h"

#include <stddef.h>

/* X(name, severity, code, meaning) */
#define AEP__FINDINGS(X)                                                                           \
    X(JSON, ERROR, "json", "not JSON as RFC 8259 has it")                                          \
    X(DUPLICATE, ERROR, "duplicate", "a duplicate name in an object")                              \
    X(ENCODING, ERROR, "encoding", "invalid UTF-8 or a lone surrogate")                            \
    X(DEPTH, ERROR, "depth", "nested too deeply")                                                  \
    X(OBJECT, ERROR, "object", "the event is not a JSON object")                                   \
    X(MISSING, ERROR, "missing", "a required member is missing")                                   \
    X(NULL, ERROR, "null", "a required member is null")                                            \
    X(BLANK, ERROR, "blank", "a required member is blank")                                         \
    X(TYPE, ERROR, "type", "a member has the wrong type")                                          \
    X(UUID, ERROR, "uuid", "event_id is not a UUID in canonical form")                             \
    X(TIME, ERROR, "time", "a time is not RFC 3339")                                               \
    X(ID, ERROR, "id", "an id is longer than 128 bytes or holds control characters")               \
    X(EVENT_TYPE, ERROR, "event_type", "event_type is not a.b.c.vN in lower case")                 \
    X(SCHEMA_REF, ERROR, "schema_ref", "schema_ref is not registry://a/b/c/vN")                    \
    X(SCHEMA_OTHER, ERROR, "schema_other", "schema_ref belongs to another event type")             \
    X(RANGE, ERROR, "range", "a number is out of range")                                           \
    X(UNKNOWN, ERROR, "unknown", "a payload member that this kind does not have")                  \
    X(MISMATCH, ERROR, "mismatch", "the payload contradicts the envelope's correlation_id")        \
    X(CORRELATION_UUID, WARNING, "correlation_uuid", "correlation_id is not a UUID")               \
    X(CAUSATION_UUID, WARNING, "causation_uuid", "causation_id is not a UUID")                     \
    X(VERSION, WARNING, "version", "event_id is not a UUID of version 7")                          \
    X(NO_CAUSATION, WARNING, "no_causation", "there is no causation_id")                           \
    X(NO_SCHEMA_REF, WARNING, "no_schema_ref", "there is no schema_ref")                           \
    X(PARTITION_KEY, WARNING, "partition_key", "partition_key is not the correlation_id")

struct aep__finding_code {
    enum aep_severity severity;
    const char *code;
    const char *meaning;
};

/** All of them, in that order. */
extern const struct aep__finding_code aep__finding_codes[];
extern const size_t aep__finding_code_count;

#endif

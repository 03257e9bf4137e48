/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of JSON that several answers have. */
#ifndef AEP_SERVE_WIRE_H
#define AEP_SERVE_WIRE_H

#include "track/store.h"

/** Appends {"delivery":"acked","event":{…}} on one line; "event":null: its body is no longer kept. */
void aep__wire_add_event(struct aep__buf *out, const struct aep__stored_event *event);
/** Appends an event's JSON on one line, its text valid UTF-8. */
void aep__wire_add_body(struct aep__buf *out, struct aep__slice body);
/** Appends a string, or null. */
void aep__wire_add_text(struct aep__buf *out, const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* W3C Trace Context (Level 1): checks a traceparent or tracestate; makes a traceparent. */
#ifndef AEP_EVENT_TRACE_H
#define AEP_EVENT_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEP__TRACEPARENT_SIZE 56 /* 00-<32>-<16>-<2> and a NUL */

/** §3.2: lower-case hex, ids not zero, version not ff; a later version may go on behind "-". */
bool aep__traceparent_valid(const char *text, size_t len);
/** §3.3: at most 32 key=value members and 512 bytes, no key twice. */
bool aep__tracestate_valid(const char *text, size_t len);
/** Makes one: trace id = the correlation id's bytes if it is a UUID other than nil, else a hash of
 * it; parent id = the last 8 bytes of the event id; neither is ever zero; sampled. */
void aep__traceparent_make(const char *correlation_id, size_t len, const uint8_t event_id[16],
                           char text[AEP__TRACEPARENT_SIZE]);

#endif

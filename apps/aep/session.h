/* SPDX-License-Identifier: Apache-2.0 */
/* What a publishing verb works with: the configuration in force, a publisher, and the ids of the
 * execution that it runs within. */
#ifndef AEP_APP_SESSION_H
#define AEP_APP_SESSION_H

#include "config/config.h"
#include "options.h"

/* clang-format off */
/** The rows of --traceparent and --tracestate, for the verbs' tables. */
#define AEP__TRACEPARENT_OPTION                                                                    \
    {"traceparent", 0, AEP__ARGUMENT_VALUE, "W3C",                                                 \
     "Trace context. Default: TRACEPARENT of the environment, else a new one. An invalid value is " \
     "reported and replaced.", NULL, NULL, NULL}
#define AEP__TRACESTATE_OPTION                                                                     \
    {"tracestate", 0, AEP__ARGUMENT_VALUE, "W3C", "Default: TRACESTATE of the environment.",       \
     NULL, NULL, NULL}
#define AEP__TRACE_OPTIONS AEP__TRACEPARENT_OPTION, AEP__TRACESTATE_OPTION
/* clang-format on */

struct aep__session {
    aep_config *config; /* resolved */
    aep_publisher *publisher;
    uint64_t dead_before; /* as aep__session_note_dead() found it */
};

/** Resolves the configuration and opens a publisher. Close it also after an error.
 * Errors: as aep__args_config(), aep_publisher_open(). */
int aep__session_open(struct aep__session *session, const struct aep__args *args, aep_error *err);
void aep__session_close(struct aep__session *session);

/** The option `name` (a payload member or causation_id) if it was given; else, for those that `aep
 * run` passes to its command (correlation_id, causation_id, session_id, agent_name), the
 * environment's; else NULL. */
const char *aep__session_id(const struct aep__args *args, const char *name);

/** Reports a --traceparent or --tracestate that is not valid W3C. The event is still published,
 * with the library's own in its place: an event is worth more than its trace. */
void aep__session_check_trace(const struct aep__args *args);

/** The milliseconds of --wait[=MS]: its value, else 10 s. *ret unchanged if not given.
 * Errors: AEP_EINVAL. */
int aep__session_wait_ms(const struct aep__args *args, int *ret, aep_error *err);

/** After a wait that ended with AEP_EDEFERRED: if the relay that was started cannot run, *err says why instead. */
void aep__session_explain(const struct aep__session *session, int code, aep_error *err);
/** Remembers how many dead letters the spool has had, for aep__session_deliver(). */
void aep__session_note_dead(struct aep__session *session);
/** Waits at most wait_ms until everything in the spool has been delivered.
 * Errors: as aep_publisher_flush(); AEP_EDEAD Kafka has refused events for good since
 * aep__session_note_dead(). */
int aep__session_deliver(struct aep__session *session, int wait_ms, aep_error *err);

#endif

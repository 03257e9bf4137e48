/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the broker, from errors and successes as they come in.
 *
 * A success always counts. One broker of several that fails shows nothing: the state stays as it
 * was, not known if it was that. It gives the reason should all be down. A refused login is not forgotten because the same brokers then close their
 * connections: it stays the verdict until a login succeeds, or until half a minute passes without
 * another refusal while connections fail. */
#ifndef AEP_RELAY_BROKER_H
#define AEP_RELAY_BROKER_H

#include "aep/aep.h"

#include <stdbool.h>
#include <stdint.h>

#define AEP__BROKER_REASON 160

struct aep__broker {
    enum aep_broker_state state;
    int64_t since_us;                /* wall clock */
    int64_t refused_us;              /* wall clock, when a login was last refused */
    char reason[AEP__BROKER_REASON]; /* why it is not connected */
    char hint[AEP__BROKER_REASON];   /* why one of its brokers failed last */
};

/** Whether other settings may help: login or TLS failed, or no client can be made. */
static inline bool aep__broker_refused(const struct aep__broker *broker)
{
    return broker->state == AEP_BROKER_AUTH_FAILED || broker->state == AEP_BROKER_MISCONFIGURED;
}

/** Takes a sign in; UNKNOWN: one broker failed, perhaps not all. True if the verdict changed. */
bool aep__broker_note(struct aep__broker *broker, enum aep_broker_state sign, const char *reason,
                      int64_t wall_us);

#endif

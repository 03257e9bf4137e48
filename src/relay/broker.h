/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the broker, from errors and successes as they come in.
 *
 * A success always counts. If one broker of several fails, the state stays as it was (perhaps
 * unknown); that failure is kept as the reason in case all brokers are down. A refused login
 * remains the verdict even if the same brokers then close their connections, until a login
 * succeeds, or until connections have failed for half a minute without another refusal. */
#ifndef AEP_RELAY_BROKER_H
#define AEP_RELAY_BROKER_H

#include "aep/aep.h"

#include <stdbool.h>
#include <stdint.h>

#define AEP__BROKER_REASON 160

struct aep__broker {
    enum aep_broker_state state;
    int64_t since_us;                /* wall clock, when the state last changed: its owner's */
    int64_t refused_us;              /* monotonic, when a login was last refused */
    char reason[AEP__BROKER_REASON]; /* why it is not connected */
    char hint[AEP__BROKER_REASON];   /* why one of its brokers failed last */
};

/** Whether other settings may help: login or TLS failed, or no client can be made. */
static inline bool aep__broker_refused(const struct aep__broker *broker)
{
    return broker->state == AEP_BROKER_AUTH_FAILED || broker->state == AEP_BROKER_MISCONFIGURED;
}

/** Takes a sign into account; UNKNOWN: one broker failed, perhaps not all. True if the state
 * changed.
 * @now_us  monotonic */
bool aep__broker_note(struct aep__broker *broker, enum aep_broker_state sign, const char *reason,
                      int64_t now_us);

#endif

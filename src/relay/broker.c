/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/broker.h"

#include <stdio.h>

#define REFUSAL_LASTS_US 30000000

/* The new state: the sign, weighed against what is already known. */
static enum aep_broker_state weigh(const struct aep__broker *broker, enum aep_broker_state sign,
                                   int64_t now_us)
{
    bool failed = sign == AEP_BROKER_UNKNOWN || sign == AEP_BROKER_UNREACHABLE;
    if (failed && broker->state == AEP_BROKER_AUTH_FAILED &&
        now_us - broker->refused_us < REFUSAL_LASTS_US)
        return AEP_BROKER_AUTH_FAILED;
    if (sign != AEP_BROKER_UNKNOWN)
        return sign;
    /* "All brokers are down" comes only once, and it came when they refused. */
    return broker->state == AEP_BROKER_AUTH_FAILED ? AEP_BROKER_UNREACHABLE : broker->state;
}

static void set_text(char to[AEP__BROKER_REASON], const char *text)
{
    snprintf(to, AEP__BROKER_REASON, "%s", text);
}

bool aep__broker_note(struct aep__broker *broker, enum aep_broker_state sign, const char *reason,
                      int64_t now_us)
{
    enum aep_broker_state state = weigh(broker, sign, now_us);
    if (sign == AEP_BROKER_AUTH_FAILED) {
        broker->refused_us = now_us;
        set_text(broker->reason, reason);
    } else if (sign == AEP_BROKER_MISCONFIGURED) {
        set_text(broker->reason, reason);
    } else if (sign == AEP_BROKER_CONNECTED) {
        broker->hint[0] = broker->reason[0] = '\0';
    } else if (sign == AEP_BROKER_UNKNOWN) {
        set_text(broker->hint, reason);
    }
    /* "1/1 brokers are down" tells less than why the last one went down. */
    if (state == AEP_BROKER_UNREACHABLE)
        set_text(broker->reason, broker->hint[0] ? broker->hint : reason);
    if (state == broker->state)
        return false;
    broker->state = state;
    return true;
}

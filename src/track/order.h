/* SPDX-License-Identifier: Apache-2.0 */
/* The order of events within an execution: by timestamp, then by event_id. Whoever sees the same events
 * orders them alike, in whatever order they came. */
#ifndef AEP_TRACK_ORDER_H
#define AEP_TRACK_ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct aep__order {
    int64_t at_us; /* since 1970; INT64_MIN: before every event */
    uint8_t id[16];
};

#define AEP__ORDER_NONE ((struct aep__order){.at_us = INT64_MIN})

static inline bool aep__order_before(const struct aep__order *one, const struct aep__order *other)
{
    if (one->at_us != other->at_us)
        return one->at_us < other->at_us;
    return memcmp(one->id, other->id, sizeof one->id) < 0;
}

static inline bool aep__order_known(const struct aep__order *order)
{
    return order->at_us != INT64_MIN;
}

#endif

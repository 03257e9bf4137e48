/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/flight.h"

#include "deliver/topic.h"

#include <stdlib.h>

/* Adds to the counts that a flight is in by its state. */
static void count(struct aep__flight *flight, int64_t by)
{
    struct aep__lane *lane = flight->lane;
    switch (flight->state) {
    case AEP__FLIGHT_SUSPECT:
        flight->topic->suspects += (unsigned)by;
        /* fall through */
    case AEP__FLIGHT_HELD:
        lane->held += (unsigned)by;
        if (lane->kind == AEP__LANE_TAIL)
            flight->topic->held += (unsigned)by;
        break;
    case AEP__FLIGHT_SENT:
        lane->sent += (unsigned)by;
        flight->topic->sent += (unsigned)by;
        flight->topic->sent_bytes += (uint64_t)by * (flight->end - flight->offset);
        break;
    case AEP__FLIGHT_ASIDE:
        lane->aside += (unsigned)by;
        break;
    }
}

void aep__flight_set(struct aep__flight *flight, enum aep__flight_state state)
{
    count(flight, -1);
    flight->state = (uint8_t)state;
    count(flight, 1);
}

struct aep__flight *aep__lane_push(struct aep__lane *lane)
{
    if (!lane->ring)
        lane->ring = calloc(lane->capacity, sizeof *lane->ring);
    if (!lane->ring || aep__lane_full(lane))
        return NULL;
    struct aep__flight *flight = aep__lane_at(lane, lane->tail++);
    *flight = (struct aep__flight){.lane = lane, .state = AEP__FLIGHT_NEW};
    return flight;
}

void aep__lane_unpush(struct aep__lane *lane)
{
    lane->tail--;
}

void aep__lane_pop(struct aep__lane *lane)
{
    lane->head++;
}

void aep__lane_done(struct aep__lane *lane)
{
    free(lane->ring);
    lane->ring = NULL;
    lane->head = lane->tail = 0;
    lane->held = lane->sent = lane->aside = 0;
}

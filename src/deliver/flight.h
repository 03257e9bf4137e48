/* SPDX-License-Identifier: Apache-2.0 */
/* Flights: the records between spool and fate. A lane is a ring of them in the order in which they
 * were read; the relay has one lane for the spool's tail and one for each parked topic.
 *
 *     head                                     tail
 *      | done | done | sent | held | done | sent |
 *      └─ popped when done: everything before the head is finished; the cursor stands at the head
 *
 * Flights do not move while they are in the ring, so a sink may keep pointers to them. */
#ifndef AEP_DELIVER_FLIGHT_H
#define AEP_DELIVER_FLIGHT_H

#include "aep/aep.h"

#include "spool/fate.h"

#include <stdbool.h>
#include <stdint.h>

struct aep__topic;
struct aep__parked;

enum aep__flight_state {
    AEP__FLIGHT_NEW,
    AEP__FLIGHT_HELD,    /* to be sent once its topic accepts records */
    AEP__FLIGHT_SUSPECT, /* the same; the broker refused the batch it was in */
    AEP__FLIGHT_SENT,    /* a report will come */
    AEP__FLIGHT_ASIDE,   /* in a side log, not yet durable there */
    AEP__FLIGHT_DONE,
};

enum aep__lane_kind {
    AEP__LANE_TAIL,
    AEP__LANE_PARKED,
    AEP__LANE_DEAD,
};

struct aep__flight {
    struct aep__topic *topic;
    struct aep__lane *lane;
    uint64_t ordinal;
    uint64_t segment, offset, end; /* where the record stands, or stood, in the spool */
    uint64_t at, next;             /* its entry in the side log that it was read from, if any */
    int64_t timestamp_ms;          /* the record's */
    uint8_t state;                 /* enum aep__flight_state */
    uint8_t fate;                  /* enum aep__fate; valid once it is DONE or ASIDE */
};

struct aep__lane {
    struct aep__flight *ring;   /* NULL until the first is pushed */
    uint64_t head, tail;        /* counts; ring index: modulo capacity */
    uint32_t capacity;          /* a power of two */
    uint8_t kind;               /* enum aep__lane_kind */
    unsigned held;              /* flights HELD or SUSPECT */
    unsigned sent;              /* SENT */
    unsigned aside;             /* ASIDE */
    struct aep__parked *parked; /* whose lane it is; NULL: not a parked topic's */
};

static inline struct aep__flight *aep__lane_at(const struct aep__lane *lane, uint64_t number)
{
    return &lane->ring[number & (lane->capacity - 1)];
}

static inline bool aep__lane_empty(const struct aep__lane *lane)
{
    return lane->head == lane->tail;
}

static inline bool aep__lane_full(const struct aep__lane *lane)
{
    return lane->tail - lane->head == lane->capacity;
}

/** Adds a flight at the tail, zeroed, NEW. NULL: full or out of memory. */
struct aep__flight *aep__lane_push(struct aep__lane *lane);
/** Removes the newest flight, which is NEW and was not sent. */
void aep__lane_unpush(struct aep__lane *lane);
/** Changes a flight's state and the counts of its lane and topic. */
void aep__flight_set(struct aep__flight *flight, enum aep__flight_state state);
/** Removes the oldest flight, which is DONE. */
void aep__lane_pop(struct aep__lane *lane);
void aep__lane_done(struct aep__lane *lane);

#endif

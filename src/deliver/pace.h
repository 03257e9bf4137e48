/* SPDX-License-Identifier: Apache-2.0 */
/* Pace: what time it is, and when the loop must run again.
 *
 *     due    the latest time for the next turn
 *     tick   within 100 ms of the last one: what may lag behind (syncs, status, counters) catches up
 *     active when something last happened; what waits for quiet counts from there
 *
 * The clock is read once per turn, so that a turn sees one moment; tests bring their own clock. */
#ifndef AEP_DELIVER_PACE_H
#define AEP_DELIVER_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct aep__clock {
    int64_t (*mono_us)(void); /* monotonic */
    int64_t (*wall_us)(void); /* since 1970 */
};

struct aep__pace {
    struct aep__clock clock;
    int64_t now_us;    /* this turn's moment, monotonic */
    int64_t wall_us;   /* the same on the wall clock */
    int64_t due_us;    /* INT64_MAX: no turn is due */
    int64_t tick_us;   /* when the next tick is due; INT64_MAX: none */
    int64_t ticked_us; /* when the last tick was */
    int64_t active_us;
};

/** Reads the clock; the first tick is due at once. */
void aep__pace_init(struct aep__pace *pace, struct aep__clock clock);
void aep__pace_read(struct aep__pace *pace);
/** The loop must run again at at_us at the latest. */
void aep__pace_due(struct aep__pace *pace, int64_t at_us);
/** Makes a tick come within 100 ms. */
void aep__pace_tick_soon(struct aep__pace *pace);
/** Makes a pending tick come at once. */
void aep__pace_hurry(struct aep__pace *pace);
/** Something happened: a quiet period ends, and a tick comes soon. */
void aep__pace_touch(struct aep__pace *pace);
/** Whether the tick is due; if so, it counts as done. */
bool aep__pace_tick(struct aep__pace *pace);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* An execution's state at an instant: what `aep list` shows. Facts and two instants are stored, so that
 * the state is a comparison, here and in SQL. The first row that matches counts:
 *
 *     completed, failed   an explicit end, or an inferred one that is not about silence
 *     abandoned           an inferred end says so, and nothing came after it
 *     waiting             its newest progress says so; for days, if need be
 *     abandoned           silent beyond abandons_at
 *     stalled             silent beyond stalls_at
 *     running             else */
#ifndef AEP_TRACK_STATE_H
#define AEP_TRACK_STATE_H

#include "base/buf.h"
#include "track/tracked.h"

enum aep__state {
    AEP__STATE_COMPLETED,
    AEP__STATE_FAILED,
    AEP__STATE_ABANDONED,
    AEP__STATE_WAITING,
    AEP__STATE_STALLED,
    AEP__STATE_RUNNING,
    AEP__STATE_COUNT,
};

/** "completed", …; and back, AEP__STATE_COUNT if there is none. */
const char *aep__state_word(enum aep__state state);
enum aep__state aep__state_find(const char *word, size_t len);

/** @clock_us  up to when the sources have been read: silence after that is not known to be any */
enum aep__state aep__state_of(const struct aep__tracked *execution, int64_t clock_us);
/** Since when: the end, the event that says it waits, the latest event that counts, or the start. */
int64_t aep__state_since(const struct aep__tracked *execution, enum aep__state state);
/** Appends why: "event", "silence 14 min, usual 40 s", "inferred: process 4711 is gone".
 * @clock_us  as above */
void aep__state_basis(const struct aep__tracked *execution, enum aep__state state, int64_t clock_us,
                      struct aep__buf *out);
/** The same rule as an SQL expression that gives enum aep__state; its only parameter, written as the
 * caller's SQL has it (":clock"), is clock_us. */
void aep__state_sql(struct aep__buf *out, const char *clock);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A meter: what an ingest has taken since it began, as numbers for a monitoring system. Agents beyond the
 * first 200 are counted together.
 *
 *     take, add ─▶ taken ─ commit ─▶ counted ─▶ read
 *                    ▲               │
 *                    └── roll back ──┘      what is taken again after a rollback counts once
 *
 * Threads: read may be called by any, the rest by that of the ingest. */
#ifndef AEP_TRACK_METER_H
#define AEP_TRACK_METER_H

#include "track/ingest.h"
#include "track/state.h"

#include <pthread.h>

#define AEP__METER_AGENTS 200
#define AEP__METER_NAME 256 /* bytes of a name, the NUL included */
#define AEP__METER_BUCKETS 12

enum aep__meter_basis { AEP__BASIS_EVENT, AEP__BASIS_INFERRED, AEP__BASIS_COUNT };

struct aep__meter_agent {
    char name[AEP__METER_NAME];
    uint64_t started;
    uint64_t ended[AEP__STATE_WAITING][AEP__BASIS_COUNT]; /* completed, failed, abandoned */
};

struct aep__meter_numbers {
    int64_t tallies[AEP__TALLY_COUNT];
    struct aep__meter_agent *agents; /* by name; then all others, "other" */
    unsigned agent_count;
    struct aep__meter_agent others;
    uint64_t durations[AEP__METER_BUCKETS + 1]; /* of those that ended; the last: longer ones */
    double duration_s;                          /* their sum */
};

struct aep__meter {
    struct aep__meter_numbers taken;
    bool changed; /* it differs from counted */
    pthread_mutex_t mutex;
    struct aep__meter_numbers counted; /* under the mutex */
};

/** The upper ends of the buckets, seconds. */
extern const double aep__meter_bounds[AEP__METER_BUCKETS];

void aep__meter_init(struct aep__meter *meter);
void aep__meter_done(struct aep__meter *meter);
/** An event that is new, and its execution after that.
 * @was_open  it had not ended before */
void aep__meter_take(struct aep__meter *meter, const struct aep__observation *event,
                     const struct aep__tracked *execution, bool was_open);
/** What a batch has counted. */
void aep__meter_add(struct aep__meter *meter, const int64_t tallies[AEP__TALLY_COUNT]);
/** What has been taken is stored; or it is not, and is forgotten. */
void aep__meter_commit(struct aep__meter *meter);
void aep__meter_roll_back(struct aep__meter *meter);
/** Makes *ret a copy of what is stored, to be freed. False: out of memory. */
bool aep__meter_read(struct aep__meter *meter, struct aep__meter_numbers *ret);
void aep__meter_numbers_done(struct aep__meter_numbers *numbers);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The delivery state of each record of a spool, from the files that the relay keeps: what lies
 * below its cursor is finished, and of that what is in no side log has been acknowledged. */
#ifndef AEP_APP_STATES_H
#define AEP_APP_STATES_H

#include "aep/aep.h"
#include "spool/spool.h"
#include "spool/status.h"

enum aep__state {
    AEP__STATE_SPOOLED, /* on disk, not finished; in local mode all are */
    AEP__STATE_ACKED,
    AEP__STATE_PARKED,
    AEP__STATE_DEAD,
    AEP__STATE_COUNT,
};

struct aep__state_side {
    uint64_t segment, offset; /* where the record began */
    enum aep__state state;
};

struct aep__states {
    const struct aep__spool *spool; /* borrowed */
    aep_position finished;
    struct aep__status status;     /* magic 0: the relay has written none */
    struct aep__state_side *sides; /* by position */
    size_t side_count, side_max;
    bool failed;                     /* no memory for more of them */
    uint64_t parked_seen, dead_seen; /* as the status said when sides were read */
};

/** Reads it for the first time. Errors: AEP_ESPOOL, AEP_ENOMEM. */
int aep__states_init(struct aep__states *states, const struct aep__spool *spool, aep_error *err);
/** Looks at the files again. Errors: as above; the old state stands. */
int aep__states_refresh(struct aep__states *states, aep_error *err);
void aep__states_done(struct aep__states *states);

/** Of the record that begins there. */
enum aep__state aep__states_of(const struct aep__states *states, aep_position begin);
/** Whether everything before a position is finished. */
bool aep__states_is_past(const struct aep__states *states, aep_position position);
/** "spooled", "acked", "parked", "dead". */
const char *aep__state_name(enum aep__state state);

#endif

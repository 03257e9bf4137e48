/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for events in the spool, by their ids: what tells whether an execution that somebody was
 * about to start or to end was started or ended. And the rule that keeps it sound: no segment is removed
 * before it has been searched for the events that the roll asks about. */
#ifndef AEP_SPOOL_ROLL_SEARCH_H
#define AEP_SPOOL_ROLL_SEARCH_H

#include "spool/roll.h"

struct aep__sought {
    uint8_t id[16];
    bool effect; /* any event that is caused by it, and that the search asks for, will do */
    bool found;
    aep_position from; /* it is not before that; segment 0: anywhere */
};

struct aep__search {
    struct aep__sought *sought;
    size_t count;
    aep_position below;                             /* only before that; segment 0: all there is */
    bool (*asks_for)(struct aep__slice event_type); /* effects; NULL: none */
};

/** Reads the segments that there are, also those that the cursor has passed, and marks what it finds.
 * Errors: AEP_ESPOOL, AEP_EIO, AEP_ENOMEM: then what was not found is not known. */
int aep__roll_search(struct aep__spool *spool, const struct aep__search *search, aep_error *err);

/** Before segments below a position are removed: looks in them for every event that the roll asks about,
 * and notes in the roll which are there. Costs next to nothing if it asks about none.
 * Errors: as above: remove nothing. Threads: the relay's, under its lock. */
int aep__roll_release(struct aep__spool *spool, aep_position below, aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A source: a spool, followed beside its relay without disturbing it, from where the store says that it was
 * read to. What had been delivered and removed before it was read has to come from Kafka; what had been put
 * aside is read from the side logs. What becomes of events that are on disk as they are read is written
 * later, once the relay's cursor has passed them. */
#ifndef AEP_TRACK_SOURCE_SPOOL_H
#define AEP_TRACK_SOURCE_SPOOL_H

#include "spool/follow.h"
#include "spool/spool.h"
#include "track/ingest.h"

#define AEP__COUNT_MISSED                                                                          \
    "missed" /* in the store: events that were removed before they were read */

struct aep__source_spool {
    struct aep__spool spool;
    struct aep__follower follower;
    struct aep__bookmark position; /* what is stored, or will be with the transaction */
    bool moved;                    /* it is not stored yet */
    bool numbered;                 /* the number of the next event is known */
    uint64_t ordinal;              /* it, as x-aep-seq has it */
    aep_position skip_at; /* events from there on have numbers from skip_to on; segment 0: none */
    uint64_t skip_to;
    aep_position aside;   /* first, what was put aside from there on, */
    aep_position beyond;  /* and before this, is read; segment 0: nothing */
    uint64_t aside_count; /* of so many, which are missed if they leave their logs before that */
    aep_position settled; /* before that it is known what has become of events, */
    uint64_t aside_known; /* as side logs and what is missed were in these versions */
    uint64_t missed;   /* events that had been removed before they were read, since it was opened */
    uint64_t untold;   /* of these, not yet counted in the store */
    int64_t read_us;   /* the wall clock when what was its end had been read */
    bool removed;      /* its folder has been removed; */
    bool gone;         /* and it is known what has become of its events */
    char problem[384]; /* why it cannot be read; "" if it can */
};

/** Opens one, and goes to where the store stands. Errors: the spool's and the store's. */
int aep__source_spool_open(struct aep__source_spool *source, const char *path,
                           struct aep__store *store, aep_error *err);
void aep__source_spool_close(struct aep__source_spool *source);
/** Takes at most `most` events into the store, within its transaction, and puts the position. Sets how
 * many, and whether the end was reached, or a problem. Errors: the store's; roll back and close it
 * then, for it does not stand where the store does. */
int aep__source_spool_read(struct aep__source_spool *source, struct aep__ingest *ingest,
                           unsigned most, unsigned *ret_count, bool *ret_end, aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A source: a spool, read beside its relay without disturbing it, from where the store says that it was
 * read to. What has been delivered and removed meanwhile has to come from Kafka. */
#ifndef AEP_TRACK_SOURCE_SPOOL_H
#define AEP_TRACK_SOURCE_SPOOL_H

#include "spool/fates.h"
#include "spool/read.h"
#include "spool/spool.h"
#include "track/ingest.h"

#define AEP__COUNT_MISSED                                                                          \
    "missed" /* in the store: events that were removed before they were read */

struct aep__source_spool {
    struct aep__spool spool;
    struct aep__reader reader;
    struct aep__fates fates;
    struct aep__bookmark position; /* what is stored, or will be with the transaction */
    bool numbered;                 /* the number of the next event is known */
    uint64_t ordinal;              /* it, as x-aep-seq has it */
    aep_position skip_at; /* events from there on have numbers from skip_to on; segment 0: none */
    uint64_t skip_to;
    uint64_t missed;   /* events that had been removed before they were read, since it was opened */
    uint64_t untold;   /* of these, not yet counted in the store */
    int watch_fd;      /* inotify: readable when there may be more; -1: none */
    int64_t read_us;   /* the wall clock when what was its end had been read */
    bool gone;         /* its folder has been removed */
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

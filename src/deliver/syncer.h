/* SPDX-License-Identifier: Apache-2.0 */
/* Syncs to disk beside the relay's loop, so that no record waits for a slow disk: a thread that
 * does one job at a time and touches nothing else. It starts with the first job. */
#ifndef AEP_DELIVER_SYNCER_H
#define AEP_DELIVER_SYNCER_H

#include "spool/spool.h"

#include <pthread.h>

/* Syncs the segments from `from` to `to`, the folder if it has new names, and the cursor; then
 * removes what the cursor has passed, or frees its space (spool/retire.h). */
struct aep__sync_job {
    uint64_t from, to; /* 0: no segment */
    bool folder, cursor;
    uint64_t remove_below; /* 0: nothing */
    bool roll;             /* the roll, before that */
    bool give_back;        /* free the space of finished records in the cursor's segment */
};

/* errno of the last sync or removal that failed; 0: none failed. */
struct aep__sync_errors {
    int sync, remove;
    uint64_t segment; /* the newest that was not synced; 0: the folder's names or the cursor */
    bool pending;     /* a job is under way */
};

struct aep__syncer {
    const struct aep__spool *spool; /* borrowed */
    int cursor_fd;                  /* borrowed */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool started, ending, busy;
    struct aep__sync_job job;
    uint64_t removed; /* segments below this one are removed */
    int64_t roll_us;  /* up to when the roll is synced; the job's */
    struct aep__sync_errors errors;
};

/** @first  the cursor's segment; those below it no longer exist */
void aep__syncer_init(struct aep__syncer *syncer, const struct aep__spool *spool, int cursor_fd,
                      uint64_t first);
/** Ends the thread after its current job. */
void aep__syncer_done(struct aep__syncer *syncer);
/** Gives it a job; false while it has one. */
bool aep__syncer_ask(struct aep__syncer *syncer, const struct aep__sync_job *job);
/** What failed since the last call. */
struct aep__sync_errors aep__syncer_errors(struct aep__syncer *syncer);
/** Waits until it is idle. */
void aep__syncer_settle(struct aep__syncer *syncer);
/** Segments below this one are removed. */
uint64_t aep__syncer_removed(struct aep__syncer *syncer);

#endif

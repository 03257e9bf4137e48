/* SPDX-License-Identifier: Apache-2.0 */
/* Syncing to disk beside the relay's loop, so that no record waits for a disk that takes its time:
 * a thread that does one job at a time and touches nothing else. It starts with the first job. */
#ifndef AEP_RELAY_SYNCER_H
#define AEP_RELAY_SYNCER_H

#include "spool/spool.h"

#include <pthread.h>

/* Segments from `from` to `to`, the folder if names are new, the cursor. */
struct aep__sync_job {
    uint64_t from, to; /* 0: no segment */
    bool folder;
    int cursor_fd; /* -1: not the cursor */
};

struct aep__syncer {
    const struct aep__spool *spool; /* borrowed */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool started, ending, busy;
    struct aep__sync_job job;
    int error; /* errno of the last job that failed; 0 */
};

void aep__syncer_init(struct aep__syncer *syncer, const struct aep__spool *spool);
/** Ends the thread after the job it has. */
void aep__syncer_done(struct aep__syncer *syncer);
/** Gives it a job; false while it has one. */
bool aep__syncer_ask(struct aep__syncer *syncer, const struct aep__sync_job *job);
/** errno of a job that failed since the last call; 0. */
int aep__syncer_error(struct aep__syncer *syncer);
/** Does a job at once. 0, or -1 with errno. */
int aep__sync_now(const struct aep__spool *spool, const struct aep__sync_job *job);

#endif

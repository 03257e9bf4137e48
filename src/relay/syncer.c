/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/syncer.h"

#include "spool/segment.h"

#include <errno.h>
#include <unistd.h>

void aep__syncer_init(struct aep__syncer *syncer, const struct aep__spool *spool)
{
    *syncer = (struct aep__syncer){.spool = spool};
    pthread_mutex_init(&syncer->mutex, NULL);
    pthread_cond_init(&syncer->changed, NULL);
}

static int sync_segment(const struct aep__spool *spool, uint64_t number)
{
    int fd = aep__segment_open(spool, number, false, NULL);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1; /* retired meanwhile */
    int result = fdatasync(fd);
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

int aep__sync_now(const struct aep__spool *spool, const struct aep__sync_job *job)
{
    int result = 0;
    for (uint64_t number = job->from; job->from && number <= job->to; number++)
        if (sync_segment(spool, number) < 0)
            result = -1;
    if (job->folder && aep__spool_sync(spool) < 0)
        result = -1;
    if (job->cursor_fd >= 0 && fdatasync(job->cursor_fd) < 0)
        result = -1;
    return result;
}

static void *run_syncer(void *arg)
{
    struct aep__syncer *syncer = arg;
    pthread_mutex_lock(&syncer->mutex);
    for (;;) {
        while (!syncer->busy && !syncer->ending)
            pthread_cond_wait(&syncer->changed, &syncer->mutex);
        if (!syncer->busy)
            break;
        struct aep__sync_job job = syncer->job;
        pthread_mutex_unlock(&syncer->mutex);
        int error = aep__sync_now(syncer->spool, &job) < 0 ? errno : 0;
        pthread_mutex_lock(&syncer->mutex);
        if (error)
            syncer->error = error;
        syncer->busy = false;
    }
    pthread_mutex_unlock(&syncer->mutex);
    return NULL;
}

bool aep__syncer_ask(struct aep__syncer *syncer, const struct aep__sync_job *job)
{
    if (!syncer->started)
        syncer->started = pthread_create(&syncer->thread, NULL, run_syncer, syncer) == 0;
    if (!syncer->started) {
        if (aep__sync_now(syncer->spool, job) < 0)
            syncer->error = errno;
        return true;
    }
    pthread_mutex_lock(&syncer->mutex);
    bool free = !syncer->busy;
    if (free) {
        syncer->job = *job;
        syncer->busy = true;
        pthread_cond_signal(&syncer->changed);
    }
    pthread_mutex_unlock(&syncer->mutex);
    return free;
}

int aep__syncer_error(struct aep__syncer *syncer)
{
    pthread_mutex_lock(&syncer->mutex);
    int error = syncer->error;
    syncer->error = 0;
    pthread_mutex_unlock(&syncer->mutex);
    return error;
}

void aep__syncer_done(struct aep__syncer *syncer)
{
    if (syncer->started) {
        pthread_mutex_lock(&syncer->mutex);
        syncer->ending = true;
        pthread_cond_signal(&syncer->changed);
        pthread_mutex_unlock(&syncer->mutex);
        pthread_join(syncer->thread, NULL);
    }
    pthread_cond_destroy(&syncer->changed);
    pthread_mutex_destroy(&syncer->mutex);
}

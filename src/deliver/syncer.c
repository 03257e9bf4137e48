/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/syncer.h"

#include "spool/retire.h"
#include "spool/roll.h"
#include "spool/segment.h"

#include <errno.h>
#include <unistd.h>

void aep__syncer_init(struct aep__syncer *syncer, const struct aep__spool *spool, int cursor_fd,
                      uint64_t first)
{
    *syncer = (struct aep__syncer){.spool = spool, .cursor_fd = cursor_fd, .removed = first};
    pthread_mutex_init(&syncer->mutex, NULL);
    pthread_cond_init(&syncer->changed, NULL);
}

static int sync_segment(const struct aep__spool *spool, uint64_t number)
{
    int fd = aep__segment_open(spool, number, false, NULL);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1; /* removed meanwhile */
    int result = fdatasync(fd);
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

static void note_error(int *error, int result)
{
    if (result < 0 && *error == 0)
        *error = errno;
}

/* All of it, whatever fails. 0, or errno of the first that failed. */
static int sync_all(const struct aep__syncer *syncer, const struct aep__sync_job *job,
                    uint64_t *ret_failed)
{
    int error = 0;
    *ret_failed = 0;
    for (uint64_t number = job->from; job->from && number <= job->to; number++) {
        int result = sync_segment(syncer->spool, number);
        note_error(&error, result);
        if (result < 0)
            *ret_failed = number;
    }
    if (job->folder)
        note_error(&error, aep__spool_sync(syncer->spool));
    if (job->cursor)
        note_error(&error, fdatasync(syncer->cursor_fd));
    return error;
}

/* Does the job. Called with the mutex held; releases it while it works. */
static void work(struct aep__syncer *syncer)
{
    struct aep__sync_job job = syncer->job;
    uint64_t failed, from = syncer->removed;
    pthread_mutex_unlock(&syncer->mutex);
    int sync_error = sync_all(syncer, &job, &failed);
    bool rolled = !job.roll || aep__roll_sync(syncer->spool, &syncer->roll_us) == 0;
    bool removes = !sync_error && job.remove_below > from;
    int remove_error = removes && !rolled ? errno
                       : removes && aep__retire_remove(syncer->spool, syncer->cursor_fd, from,
                                                       job.remove_below) < 0
                           ? errno
                           : 0;
    if (job.give_back && !sync_error)
        aep__retire_give_back(syncer->spool, syncer->cursor_fd);
    pthread_mutex_lock(&syncer->mutex);
    if (sync_error) {
        syncer->errors.sync = sync_error;
        syncer->errors.segment = failed;
    }
    if (remove_error)
        syncer->errors.remove = remove_error;
    else if (removes)
        syncer->removed = job.remove_below;
    syncer->busy = false;
    pthread_cond_broadcast(&syncer->changed);
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
        work(syncer);
    }
    pthread_mutex_unlock(&syncer->mutex);
    return NULL;
}

bool aep__syncer_ask(struct aep__syncer *syncer, const struct aep__sync_job *job)
{
    if (!syncer->started)
        syncer->started = pthread_create(&syncer->thread, NULL, run_syncer, syncer) == 0;
    pthread_mutex_lock(&syncer->mutex);
    bool free = !syncer->busy;
    if (free) {
        syncer->job = *job;
        syncer->busy = true;
        if (syncer->started)
            pthread_cond_broadcast(&syncer->changed);
        else
            work(syncer);
    }
    pthread_mutex_unlock(&syncer->mutex);
    return free;
}

struct aep__sync_errors aep__syncer_errors(struct aep__syncer *syncer)
{
    pthread_mutex_lock(&syncer->mutex);
    struct aep__sync_errors errors = syncer->errors;
    errors.pending = syncer->busy;
    syncer->errors = (struct aep__sync_errors){0};
    pthread_mutex_unlock(&syncer->mutex);
    return errors;
}

void aep__syncer_settle(struct aep__syncer *syncer)
{
    pthread_mutex_lock(&syncer->mutex);
    while (syncer->busy)
        pthread_cond_wait(&syncer->changed, &syncer->mutex);
    pthread_mutex_unlock(&syncer->mutex);
}

uint64_t aep__syncer_removed(struct aep__syncer *syncer)
{
    pthread_mutex_lock(&syncer->mutex);
    uint64_t removed = syncer->removed;
    pthread_mutex_unlock(&syncer->mutex);
    return removed;
}

void aep__syncer_done(struct aep__syncer *syncer)
{
    if (syncer->started) {
        pthread_mutex_lock(&syncer->mutex);
        syncer->ending = true;
        pthread_cond_broadcast(&syncer->changed);
        pthread_mutex_unlock(&syncer->mutex);
        pthread_join(syncer->thread, NULL);
    }
    pthread_cond_destroy(&syncer->changed);
    pthread_mutex_destroy(&syncer->mutex);
}

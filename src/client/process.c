/* SPDX-License-Identifier: Apache-2.0 */
#include "client/process.h"

#include "base/clock.h"
#include "base/error.h"
#include "client/handle.h"
#include "client/spawn.h"
#include "client/setup.h"
#include "spool/bell.h"
#include "spool/cursor.h"
#include "spool/kept.h"
#include "spool/segment.h"
#include "spool/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROBE_US 100000          /* between looks for a relay, and between our own syncs */
#define ASK_US 2000000           /* between looks at the relay's status */
#define START_INTERVAL_MS 2000   /* after a failed start, across all processes */
#define CONTEND_US 60000000      /* between our contenders with one relay: Kafka may be back */
#define SCRATCH_KEEP_BYTES 32768 /* a scratch that grew beyond this frees its memory */
#define FILE_SIZE_MIN (UINT64_C(1) << 30)

/* ---- the spool ---- */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* A descriptor that no longer refers to our file is forgotten, never closed: the host program has
 * closed it, and its number is free or belongs to another file. */
static void forget_foreign(struct aep__process *process)
{
    struct {
        int *fd;
        const struct aep__os_file *file;
    } const ours[] = {
        {&process->spool.dir_fd, &process->spool.folder},
        {&process->bell_fd, &process->bell},
        {&process->lock_fd, &process->lock},
        {&process->control_fd, &process->control},
        {&process->appender.fd, &process->appender.file},
        {&process->counters.fd, &process->counters.file},
    };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (!aep__os_is(*ours[i].fd, ours[i].file))
            *ours[i].fd = -1;
    if (process->counters.fd < 0)
        process->counters.slot = -1;
    aep__roll_own_check(&process->roll);
}

static void close_spool(struct aep__process *process)
{
    forget_foreign(process);
    aep__append_done(&process->appender);
    aep__counters_done(&process->counters);
    aep__roll_own_close(&process->roll);
    close_fd(&process->bell_fd);
    close_fd(&process->lock_fd);
    close_fd(&process->control_fd);
    aep__spool_done(&process->spool);
}

/* The host program has closed our descriptors; their numbers may be its own files now. */
static void forget_descriptors(struct aep__process *process)
{
    process->appender.fd = process->counters.fd = process->spool.dir_fd = -1;
    process->bell_fd = process->lock_fd = process->control_fd = process->roll.fd = -1;
    close_spool(process);
}

/* SIGXFSZ, or a write that stops short, would hit the host program in the middle of a segment. */
static int check_file_size_limit(aep_error *err)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur >= FILE_SIZE_MIN)
        return AEP_OK;
    return aep__error(err, AEP_ESPOOL, "RLIMIT_FSIZE",
                      "this process may write files of at most %llu bytes (ulimit -f); a spool "
                      "needs 1 GiB",
                      (unsigned long long)limit.rlim_cur);
}

static int check_room(const struct aep__process *process, uint64_t max_bytes, aep_error *err)
{
    uint64_t least = process->spool.segment_bytes * 4;
    if (max_bytes >= least)
        return AEP_OK;
    return aep__error(err, AEP_ECONFIG, "spool.max_bytes",
                      "the segments of %s have %llu bytes: spool.max_bytes must be at least %llu",
                      process->spool.path, (unsigned long long)process->spool.segment_bytes,
                      (unsigned long long)least);
}

static int open_files(struct aep__process *process, aep_error *err)
{
    process->bell_fd = aep__bell_open(&process->spool);
    if (process->bell_fd < 0 || !aep__os_identify_marked(process->bell_fd, &process->bell))
        return aep__bell_error(&process->spool, err);
    process->lock_fd = aep__lock_open(&process->spool);
    if (process->lock_fd < 0 || !aep__os_identify(process->lock_fd, &process->lock))
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot use %s/relay.lock",
                                process->spool.path);
    return AEP_OK;
}

static int open_spool(struct aep__process *process, aep_error *err)
{
    struct stat root;
    uint64_t max_bytes = (uint64_t)aep__config_int(process->pub->config, AEP__OPT_SPOOL_MAX_BYTES);
    if (stat("/", &root) == 0)
        process->root = (struct aep__os_file){.dev = root.st_dev, .ino = root.st_ino};
    int result = aep__setup_spool(process->pub->config, process->pub->dir, &process->spool, err);
    if (result != AEP_OK)
        return result;
    aep__append_init(&process->appender, &process->spool, max_bytes);
    aep__counters_init(&process->counters, &process->spool);
    result = check_room(process, max_bytes, err);
    if (result == AEP_OK)
        result = open_files(process, err);
    if (result != AEP_OK)
        close_spool(process);
    process->probed_us = 0;
    process->synced_us = aep__clock_mono_us();
    return result;
}

/* ---- making and freeing ---- */

static void init_mutexes(struct aep__process *process)
{
    pthread_mutex_init(&process->mutex, NULL);
    for (int i = 0; i < AEP__RUN_LOCKS; i++)
        pthread_mutex_init(&process->run_locks[i], NULL);
}

int aep__process_new(const struct aep_publisher *pub, struct aep__process **ret, aep_error *err)
{
    int result = check_file_size_limit(err);
    if (result != AEP_OK)
        return result;
    struct aep__process *process = calloc(1, sizeof *process);
    if (!process)
        return aep__error_memory(err);
    process->pub = pub;
    process->pid = getpid();
    process->spool.dir_fd = process->appender.fd = process->counters.fd = -1;
    process->bell_fd = process->lock_fd = process->control_fd = -1;
    aep__roll_own_init(&process->roll, &process->spool);
    init_mutexes(process);
    result = aep__setup_envelope(pub->config, pub->traceparent, pub->tracestate, &process->settings,
                                 err);
    if (result == AEP_OK)
        result = open_spool(process, err);
    if (result == AEP_OK)
        *ret = process;
    else
        aep__process_free(process);
    return result;
}

static void free_scratch(struct aep__scratch *scratch)
{
    if (!scratch)
        return;
    aep__envelope_done(&scratch->envelope);
    aep__buf_done(&scratch->record);
    free(scratch);
}

void aep__process_free(struct aep__process *process)
{
    if (!process)
        return;
    forget_foreign(process);
    aep__roll_own_done(&process->roll);
    aep__buf_done(&process->roll_body);
    close_spool(process);
    for (int i = 0; i < AEP__SCRATCH_POOL; i++)
        free_scratch(atomic_load(&process->pool[i]));
    aep__setup_envelope_done(&process->settings);
    pthread_mutex_destroy(&process->mutex);
    for (int i = 0; i < AEP__RUN_LOCKS; i++)
        pthread_mutex_destroy(&process->run_locks[i]);
    free(process);
}

/* ---- scratches: a handful of slots, each taken and given back by one atomic exchange ---- */

struct aep__scratch *aep__scratch_take(struct aep__process *process)
{
    for (int i = 0; i < AEP__SCRATCH_POOL; i++) {
        struct aep__scratch *scratch = NULL;
        if (atomic_load_explicit(&process->pool[i], memory_order_relaxed))
            scratch = atomic_exchange(&process->pool[i], NULL);
        if (scratch)
            return scratch;
    }
    return calloc(1, sizeof(struct aep__scratch));
}

static void shrink_scratch(struct aep__scratch *scratch)
{
    const struct aep__envelope *envelope = &scratch->envelope;
    size_t held = scratch->record.cap + envelope->value.cap + envelope->payload.cap +
                  envelope->text.decoded.cap + envelope->text.clean.cap;
    if (held <= SCRATCH_KEEP_BYTES)
        return;
    aep__envelope_done(&scratch->envelope);
    aep__buf_done(&scratch->record);
    memset(scratch, 0, sizeof *scratch);
}

void aep__scratch_put(struct aep__process *process, struct aep__scratch *scratch)
{
    shrink_scratch(scratch);
    for (int i = 0; i < AEP__SCRATCH_POOL; i++) {
        struct aep__scratch *none = NULL;
        if (atomic_compare_exchange_strong(&process->pool[i], &none, scratch))
            return;
    }
    free_scratch(scratch);
}

/* ---- what there is to say ---- */

void aep__process_notice(struct aep__process *process, enum aep__notice notice,
                         enum aep_log_level level, const char *format, ...)
{
    int64_t now_us = aep__clock_mono_us(), said_us = process->said_us[notice];
    if (process->notice_level || (said_us && now_us - said_us < process->pub->log_every_us))
        return;
    process->said_us[notice] = now_us;
    process->notice_level = (int)level;
    va_list args;
    va_start(args, format);
    vsnprintf(process->notice, sizeof process->notice, format, args);
    va_end(args);
}

/* ---- locking ---- */

static bool is_file(const struct stat *st, const struct aep__os_file *file)
{
    return st->st_dev == file->dev && st->st_ino == file->ino;
}

enum folder { FOLDER_OURS, FOLDER_DELETED, FOLDER_CLOSED };

static enum folder look_at_folder(const struct aep__process *process)
{
    struct stat st;
    if (process->spool.dir_fd < 0 || fstat(process->spool.dir_fd, &st) < 0 ||
        !is_file(&st, &process->spool.folder))
        return FOLDER_CLOSED;
    return st.st_nlink == 0 ? FOLDER_DELETED : FOLDER_OURS;
}

/* Whether our folder was moved away: there is another one at its path, or none. A path that we may not
 * follow tells nothing, nor does any after chroot(2). */
static bool folder_moved(const struct aep__process *process)
{
    struct stat st, root;
    bool there = lstat(process->pub->dir, &st) == 0;
    if (there ? is_file(&st, &process->spool.folder) : errno != ENOENT && errno != ENOTDIR)
        return false;
    return stat("/", &root) == 0 && is_file(&root, &process->root);
}

static bool folder_is_lost(const struct aep__process *process)
{
    enum folder folder = look_at_folder(process);
    return folder == FOLDER_DELETED || (folder == FOLDER_OURS && folder_moved(process));
}

static int reopen_spool(struct aep__process *process, aep_error *err)
{
    aep__process_notice(process, AEP__NOTICE_REOPENED, AEP_LOG_WARNING,
                        "the spool folder %s was deleted or moved: using a new one; undelivered "
                        "events went with the old one",
                        process->pub->dir);
    close_spool(process);
    aep__roll_own_lost(&process->roll);
    return open_spool(process, err);
}

/* New descriptors for the same folder: what is to be synced or counted is so still. */
static int replace_descriptors(struct aep__process *process, aep_error *err)
{
    struct aep__appender before = process->appender;
    struct aep__os_file folder = process->spool.folder;
    if (process->spool.dir_fd < 0 || !aep__os_is(process->spool.dir_fd, &folder))
        forget_descriptors(process);
    else
        close_spool(process);
    int result = open_spool(process, err);
    if (result == AEP_OK && aep__os_is(process->spool.dir_fd, &folder))
        aep__append_resume(&process->appender, &before);
    else if (result == AEP_OK)
        aep__roll_own_lost(&process->roll);
    return result;
}

static int ensure_open(struct aep__process *process, aep_error *err)
{
    switch (look_at_folder(process)) {
    case FOLDER_OURS:
        forget_foreign(process);
        if (process->bell_fd >= 0 && process->lock_fd >= 0)
            return AEP_OK;
        break;
    case FOLDER_DELETED:
        return reopen_spool(process, err);
    case FOLDER_CLOSED:
        break;
    }
    return replace_descriptors(process, err);
}

int aep__process_lock(struct aep__process *process, aep_error *err)
{
    pthread_mutex_lock(&process->mutex);
    int result = ensure_open(process, err);
    if (result != AEP_OK)
        aep__process_unlock(process);
    return result;
}

static bool probe_is_due(const struct aep__process *process)
{
    return process->now_us - process->probed_us >= PROBE_US;
}

/* All descriptors are looked at when a look for a relay is due. */
int aep__process_lock_quick(struct aep__process *process, aep_error *err)
{
    pthread_mutex_lock(&process->mutex);
    process->now_us = aep__clock_mono_us();
    bool quick = aep__append_ours(&process->appender) && !probe_is_due(process);
    int result = quick ? AEP_OK : ensure_open(process, err);
    if (result != AEP_OK)
        aep__process_unlock_quietly(process);
    return result;
}

void aep__process_unlock_quietly(struct aep__process *process)
{
    pthread_mutex_unlock(&process->mutex);
}

/* A callback that publishes may cause the next message: it does not run within itself. */
void aep__process_unlock(struct aep__process *process)
{
    char text[sizeof process->notice];
    int level = process->notice_level;
    if (level && atomic_exchange(&process->telling, true))
        level = 0;
    if (level) {
        memcpy(text, process->notice, sizeof text);
        process->notice_level = 0;
    }
    pthread_mutex_unlock(&process->mutex);
    if (!level)
        return;
    if (process->pub->log)
        process->pub->log(process->pub->log_user, (enum aep_log_level)level, text);
    atomic_store(&process->telling, false);
}

void aep__process_tell(struct aep__process *process)
{
    if (!atomic_load_explicit(&process->notice_level, memory_order_relaxed))
        return;
    pthread_mutex_lock(&process->mutex);
    aep__process_unlock(process);
}

/* ---- sync ---- */

/* After a failed sync the kernel may have dropped what was not on disk: later records must not
 * stand behind such a hole in the same file. */
static int sync_now(struct aep__process *process, aep_error *err)
{
    aep_error why;
    aep__roll_own_sync(&process->roll);
    int result = aep__append_sync(&process->appender, &why);
    process->synced_us = aep__clock_mono_us();
    if (result == AEP_OK) {
        process->dirty = false;
        return AEP_OK;
    }
    if (process->appender.fd >= 0 &&
        aep__segment_seal_early(&process->spool, process->appender.fd, 0) == 0)
        process->appender.sealed = true;
    aep__process_notice(process, AEP__NOTICE_SYNC, AEP_LOG_ERROR, "%s", why.text);
    return aep__error(err, result, why.field, "%s: accepted, but a loss of power may lose it",
                      why.text);
}

bool aep__process_relay_alive(const struct aep__process *process)
{
    return aep__lock_held(process->lock_fd);
}

void aep__process_sync_rest(struct aep__process *process)
{
    if (process->dirty && process->pub->sync == AEP__SYNC_BATCH &&
        !aep__process_relay_alive(process))
        sync_now(process, NULL);
}

/* ---- the relay ---- */

/* Where the spool ends; cheap while a segment is open. */
static bool find_tail(struct aep__process *process, aep_position *ret)
{
    bool named;
    ret->segment = process->appender.segment;
    if (process->appender.fd >= 0 &&
        aep__segment_look(process->appender.fd, &ret->offset, &named) == 0)
        return true;
    return aep__append_tail(&process->appender, ret, NULL) == AEP_OK;
}

/* Local mode needs a relay to make room, and to watch over executions. */
static bool needs_relay(struct aep__process *process)
{
    struct aep__cursor cursor;
    aep_position tail;
    if (!process->pub->local || process->roll.open > 0 || process->entrusted)
        return true;
    if (!find_tail(process, &tail) || aep__cursor_load(&process->spool, &cursor, NULL) != AEP_OK)
        return false;
    return aep__kept_exceeded(&process->spool, process->appender.max_bytes,
                              (aep_position){cursor.segment, cursor.offset}, tail);
}

bool aep__process_may_start(struct aep__process *process)
{
    return process->pub->relay_auto && needs_relay(process) &&
           aep__lock_may_start(process->lock_fd, START_INTERVAL_MS);
}

/* A contender that could not reach Kafka has proved nothing. */
static bool contended_lately(const struct aep__process *process, const struct aep__status *status,
                             int64_t now_us)
{
    return status->started_us == process->contended_with &&
           now_us - process->contended_us < CONTEND_US;
}

bool aep__process_wants_contender(struct aep__process *process)
{
    struct aep__status status;
    int64_t now_us = aep__clock_mono_us();
    if (!process->pub->relay_auto || process->pub->local || now_us - process->asked_us < ASK_US)
        return false;
    process->asked_us = now_us;
    if (aep__status_read(&process->spool, &status, NULL) != AEP_OK ||
        !aep__status_refused(&status) || contended_lately(process, &status, now_us) ||
        !aep__lock_may_contend(process->lock_fd, START_INTERVAL_MS))
        return false;
    process->contended_with = status.started_us;
    process->contended_us = now_us;
    return true;
}

/* In local mode no relay may run until then. */
void aep__process_opened(struct aep__process *process)
{
    if (process->pub->local && process->pub->relay_auto && !process->relay_seen)
        process->probed_us = 0;
}

/* At most every PROBE_US. A relay that ends looks at the tail once more after twice that time, so
 * that no event is stranded. */
bool aep__process_tend(struct aep__process *process)
{
    process->called = true;
    if (!probe_is_due(process))
        return false;
    process->probed_us = process->now_us;
    if (ensure_open(process, NULL) != AEP_OK ||
        (folder_moved(process) && reopen_spool(process, NULL) != AEP_OK))
        return false;
    process->relay_seen = aep__process_relay_alive(process);
    if (process->relay_seen) {
        process->relay_problem[0] = '\0';
        return aep__process_wants_contender(process);
    }
    if (process->dirty && process->pub->sync == AEP__SYNC_BATCH &&
        process->now_us - process->synced_us >= PROBE_US)
        sync_now(process, NULL);
    return aep__process_may_start(process);
}

/* ---- append ---- */

/* Each counts as at least one record. */
static void count_gaps(struct aep__process *process)
{
    uint64_t gaps = process->appender.gaps;
    if (gaps == 0)
        return;
    process->appender.gaps = 0;
    aep__counters_add(&process->counters, AEP__COUNT_lost, gaps);
    aep__process_notice(process, AEP__NOTICE_GAP, AEP_LOG_ERROR,
                        "somebody removed a segment from the middle of %s: its undelivered events "
                        "are lost",
                        process->pub->dir);
}

static void note_strays(struct aep__process *process)
{
    uint64_t strays = process->appender.strays;
    if (strays == 0)
        return;
    process->appender.strays = 0;
    aep__counters_add(&process->counters, AEP__COUNT_strayed, strays);
    aep__process_notice(
        process, AEP__NOTICE_STRAY, AEP_LOG_WARNING,
        "this program has closed descriptors of aep's, and may have opened files of its own in their "
        "place: %s is used through new ones, nothing is lost",
        process->pub->dir);
}

/* Each time only if the number is still the bell's: a byte into a pipe without a reader would end the
 * host program. */
static void ring(struct aep__process *process)
{
    if (aep__os_has_mark(process->bell_fd, &process->bell) || ensure_open(process, NULL) == AEP_OK)
        aep__bell_ring(process->bell_fd);
}

int aep__process_append(struct aep__process *process, const struct aep__scratch *scratch,
                        bool reserved, aep_position *ret, aep_error *err)
{
    const struct aep__buf *record = &scratch->record;
    int result = aep__append(&process->appender, record->data, record->len, reserved, ret, err);
    if ((result == AEP_ESPOOL || result == AEP_EIO) &&
        (folder_is_lost(process) || look_at_folder(process) == FOLDER_CLOSED)) {
        result = folder_is_lost(process) ? reopen_spool(process, err) : ensure_open(process, err);
        if (result == AEP_OK)
            result = aep__append(&process->appender, record->data, record->len, reserved, ret, err);
    }
    count_gaps(process);
    note_strays(process);
    if (result != AEP_OK)
        return result;
    ring(process);
    process->published = process->dirty = true;
    if (process->pub->sync == AEP__SYNC_ALWAYS)
        result = sync_now(process, err);
    return result;
}

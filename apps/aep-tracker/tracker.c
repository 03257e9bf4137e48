/* SPDX-License-Identifier: Apache-2.0 */
#include "tracker.h"

#include "news.h"

#include "aep/spools.h"

#include "base/clock.h"
#include "base/error.h"
#include "track/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LOG "tracker.log"
#define LOOK_US 1000000 /* between two looks at what nobody tells us */
#define BATCH 1000      /* events of a transaction */
#define BATCH_OVER 250  /* while retention has to make room: as many as its steps remove */
#define REST_US 20000   /* between two turns, so that events come in batches */
#define INDEX_ROWS 100  /* in one step */
#define BUSY_SHARE 40   /* a step waits so many times what the last one took */
#define IDLE_SHARE 3

static const char REPLACED[] = "its program was replaced";

/* ---- a turn ---- */

static bool read_batch(struct aep__tracker *tracker, bool *ret_end, aep_error *err)
{
    struct aep__writer *writer = &tracker->writer;
    int64_t now_us = aep__clock_wall_us();
    unsigned count = 0, most = tracker->keeping.retention.over ? BATCH_OVER : BATCH;
    int code = aep__writer_begin(writer, err);
    if (code == AEP_OK)
        code = aep__sources_read(&tracker->sources, &writer->ingest, most, &count, ret_end, err);
    int64_t as_of_us = *ret_end ? aep__sources_as_of(&tracker->sources, now_us) : 0;
    bool notes = as_of_us > 0 && (count > 0 || tracker->server.syncing > 0);
    if (code == AEP_OK && notes)
        code = aep__writer_note(writer, as_of_us, err);
    if (code == AEP_OK && notes)
        code = aep__sources_note(&tracker->sources, writer->store, err);
    if (code == AEP_OK)
        code = aep__writer_commit(writer, err);
    if (code != AEP_OK)
        return false;
    tracker->events += count;
    if (as_of_us > 0)
        tracker->as_of_us = as_of_us;
    if (count > 0)
        tracker->active_us = aep__clock_mono_us();
    tracker->unindexed |= count > 0;
    return true;
}

/* Under a living tracker somebody may remove the store: it is rebuilt from the sources. */
static void renew_store(struct aep__tracker *tracker)
{
    if (!tracker->writer.store || !aep__writer_replaced(&tracker->writer))
        return;
    aep__log_write(&tracker->log, AEP_LOG_WARNING, "%s has been removed or replaced",
                   aep__buf_string(&tracker->name));
    aep__sources_close(&tracker->sources);
    aep__writer_close(&tracker->writer);
    tracker->as_of_us = 0;
    tracker->unindexed = true;
}

/* False: the store cannot be used for now. */
static bool write_batch(struct aep__tracker *tracker, bool *ret_end)
{
    aep_error err;
    renew_store(tracker);
    if (!aep__writer_open(&tracker->writer))
        return false;
    aep__sources_look(&tracker->sources, tracker->writer.store);
    if (read_batch(tracker, ret_end, &err))
        return true;
    aep__sources_close(&tracker->sources);
    aep__writer_fail(&tracker->writer, &err);
    return false;
}

/* Retention has its turn after the readers, whom it does not hold up. */
static void keep_within(struct aep__tracker *tracker, bool rests)
{
    aep_error err;
    if (aep__keeping_turn(&tracker->keeping, &tracker->writer, rests, &err) == AEP_OK)
        return;
    aep__sources_close(&tracker->sources);
    aep__writer_fail(&tracker->writer, &err);
}

static void turn(struct aep__tracker *tracker)
{
    bool end = false;
    tracker->turn_us = aep__clock_mono_us();
    tracker->dirty = tracker->more = false;
    if (!write_batch(tracker, &end)) {
        aep__server_failed(&tracker->server, tracker->writer.problem);
        return;
    }
    if (!end)
        tracker->more = true;
    else if (!aep__sources_awaited(&tracker->sources))
        aep__server_synced(&tracker->server, tracker->as_of_us,
                           aep__sources_behind(&tracker->sources));
    keep_within(tracker, end);
    aep__news_tell(tracker);
}

/* ---- the index of texts ---- */

/* In small steps, which take a small part of the time: a larger one while no events wait. */
static void index_texts(struct aep__tracker *tracker)
{
    aep_error err;
    struct aep__store *store = tracker->writer.store;
    int64_t begun_us = aep__clock_mono_us();
    if (!store || !tracker->unindexed || begun_us < tracker->index_us)
        return;
    int more = store->ops->index_texts(store, INDEX_ROWS, &err);
    int64_t now_us = aep__clock_mono_us(), took_us = now_us - begun_us;
    tracker->unindexed = more > 0;
    tracker->index_us = now_us + (tracker->more ? BUSY_SHARE : IDLE_SHARE) * took_us;
    if (more == 0)
        tracker->index_us = now_us + LOOK_US;
    if (more >= 0)
        return;
    aep__sources_close(&tracker->sources);
    aep__writer_fail(&tracker->writer, &err);
}

/* ---- now and then ---- */

static void look_around(struct aep__tracker *tracker)
{
    aep_error err;
    int64_t now_us = aep__clock_mono_us();
    int64_t idle_us = aep__config_int(tracker->config, AEP__OPT_TRACK_IDLE_EXIT_S) * 1000000;
    if (now_us < tracker->looked_us + LOOK_US)
        return;
    tracker->looked_us = now_us;
    tracker->dirty = true;
    if (tracker->server.count > 0 || tracker->serve)
        tracker->active_us = now_us;
    if (tracker->serve)
        aep__sources_ask(&tracker->sources);
    if (!aep__link_locks(tracker->path, tracker->lock_fd))
        tracker->ending = "the lock has been removed";
    else if (aep__server_listen(&tracker->server, tracker->path, &err) != AEP_OK)
        aep__log_write(&tracker->log, AEP_LOG_ERROR, "%s", err.text);
    else if (now_us >= tracker->active_us + idle_us && !tracker->more && !tracker->unindexed &&
             !tracker->keeping.more)
        tracker->ending = "nothing to do";
    else if (aep__successor_look(&tracker->successor, now_us))
        tracker->ending = REPLACED;
}

/* ---- the loop ---- */

enum { POLL_SIGNAL, POLL_SERVER, POLL_COUNT = POLL_SERVER + AEP__SERVER_POLLS };

static void on_signal(struct aep__tracker *tracker)
{
    struct signalfd_siginfo info;
    while (read(tracker->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        tracker->ending = "stopped by a signal";
}

/* Events are read at once, but for those that follow close behind others: these wait for more. */
static int64_t next_turn_us(const struct aep__tracker *tracker)
{
    bool awaited = aep__sources_awaited(&tracker->sources) && !tracker->dirty;
    bool hurries =
        tracker->more || tracker->keeping.more || (tracker->server.syncing > 0 && !awaited);
    int64_t at_us = tracker->turn_us + (hurries ? 0 : REST_US);
    if (!hurries && !tracker->dirty && tracker->sources.look_us > at_us)
        at_us = tracker->sources.look_us;
    if (!tracker->writer.store && tracker->writer.retry_us > at_us)
        at_us = tracker->writer.retry_us;
    return at_us;
}

static bool make_polls(struct aep__tracker *tracker)
{
    size_t need = POLL_COUNT + aep__sources_polls_max(&tracker->sources);
    if (need <= tracker->polls_max)
        return true;
    struct pollfd *polls = realloc(tracker->polls, need * sizeof *polls);
    if (!polls)
        return false;
    tracker->polls = polls;
    tracker->polls_max = need;
    return true;
}

static void wait_for_something(struct aep__tracker *tracker, int64_t until_us)
{
    struct pollfd *polls = tracker->polls;
    int64_t wait_us = until_us - aep__clock_mono_us();
    polls[POLL_SIGNAL] = (struct pollfd){.fd = tracker->signal_fd, .events = POLLIN};
    size_t served = aep__server_polls(&tracker->server, polls + POLL_SERVER);
    struct pollfd *watched = polls + POLL_SERVER + served;
    /* That a spool has changed need not be heard twice. */
    size_t watching = tracker->dirty ? 0 : aep__sources_polls(&tracker->sources, watched);
    int found = poll(polls, POLL_SERVER + served + watching,
                     wait_us <= 0 ? 0 : (int)((wait_us + 999) / 1000));
    if (found <= 0)
        return;
    if (polls[POLL_SIGNAL].revents)
        on_signal(tracker);
    if (aep__sources_polled(&tracker->sources, watched, watching))
        tracker->dirty = true;
    aep__server_serve(tracker, polls + POLL_SERVER, served);
}

static void loop(struct aep__tracker *tracker)
{
    while (!tracker->ending) {
        if (!make_polls(tracker)) {
            tracker->ending = "out of memory";
            break;
        }
        int64_t look_us = tracker->looked_us + LOOK_US, turn_us = next_turn_us(tracker);
        int64_t until_us = look_us < turn_us ? look_us : turn_us;
        if (tracker->unindexed && tracker->writer.store && tracker->index_us < until_us)
            until_us = tracker->index_us;
        wait_for_something(tracker, until_us);
        if (!tracker->ending)
            look_around(tracker);
        if (!tracker->ending && aep__clock_mono_us() >= next_turn_us(tracker))
            turn(tracker);
        index_texts(tracker);
    }
}

/* ---- life ---- */

static int take_lock(struct aep__tracker *tracker, aep_error *err)
{
    bool taken;
    if (tracker->lock_fd >= 0 && aep__link_locks(tracker->path, tracker->lock_fd))
        return AEP_OK;
    if (tracker->lock_fd >= 0)
        close(tracker->lock_fd);
    tracker->lock_fd = aep__link_lock(tracker->path, &taken);
    if (tracker->lock_fd < 0)
        return aep__error_errno(err, AEP_EIO, "track.store", "cannot open %s.lock", tracker->path);
    return taken ? AEP_OK
                 : aep__error(err, AEP_ESTATE, NULL, "another tracker writes %s",
                              aep__buf_string(&tracker->name));
}

static int start(struct aep__tracker *tracker, struct aep__serve *serve, aep_error *err)
{
    struct aep__buf own = {0};
    int code = take_lock(tracker, err);
    if (code == AEP_OK && (tracker->signal_fd = aep__os_signals(err)) < 0)
        code = AEP_EIO;
    if (code == AEP_OK)
        aep__sources_begin(&tracker->sources, tracker->config, tracker->path);
    if (code == AEP_OK)
        code = aep__spools_own(tracker->config, &own, err);
    if (code == AEP_OK)
        code = aep__sources_add(&tracker->sources, aep__buf_string(&own), err);
    if (code == AEP_OK)
        code = aep__server_listen(&tracker->server, tracker->path, err);
    if (code == AEP_OK)
        tracker->serve = serve;
    if (code == AEP_OK && serve)
        code = aep__serve_start(serve, err);
    aep__buf_done(&own);
    return code;
}

/* How far it has been read is worth a last transaction: who reads the store next may come before
 * another tracker does. */
static void note_end(struct aep__tracker *tracker)
{
    aep_error err;
    struct aep__writer *writer = &tracker->writer;
    if (!writer->store || tracker->as_of_us == 0 || aep__writer_replaced(writer))
        return;
    if (aep__writer_begin(writer, &err) != AEP_OK ||
        aep__writer_note(writer, tracker->as_of_us, &err) != AEP_OK ||
        aep__sources_note(&tracker->sources, writer->store, &err) != AEP_OK ||
        aep__writer_commit(writer, &err) != AEP_OK)
        aep__writer_fail(writer, &err);
}

static void finish(struct aep__tracker *tracker)
{
    aep__successor_done(&tracker->successor);
    aep__serve_free(tracker->serve);
    tracker->serve = NULL;
    tracker->writer.meter = tracker->writer.ingest.meter = NULL; /* it was the server's */
    aep__server_stop(&tracker->server, tracker->path);
    note_end(tracker);
    aep__sources_done(&tracker->sources);
    aep__writer_close(&tracker->writer);
    if (tracker->signal_fd >= 0)
        close(tracker->signal_fd);
    free(tracker->polls);
    aep__buf_done(&tracker->name);
    /* The process keeps the lock to its end: waiting for the lock means waiting for that. */
}

static void close_log(struct aep__tracker *tracker)
{
    aep__log_done(&tracker->log);
    if (tracker->dir_fd >= 0)
        close(tracker->dir_fd);
}

int aep__tracker_take(struct aep__tracker *tracker, const aep_config *config, const char *store,
                      int lock_fd, struct aep__serve *serve, aep_error *err)
{
    *tracker = (struct aep__tracker){.config = config,
                                     .path = store,
                                     .dir_fd = -1,
                                     .lock_fd = lock_fd,
                                     .signal_fd = -1,
                                     .http_fd = -1};
    aep__server_init(&tracker->server);
    int code = aep__link_prepare(store, err);
    if (code == AEP_OK)
        code = aep__link_name(config, store, &tracker->name, err);
    if (code != AEP_OK) {
        aep__buf_done(&tracker->name);
        aep__serve_free(serve);
        return code;
    }
    tracker->dir_fd = aep__link_folder(store);
    aep__log_init(&tracker->log, tracker->dir_fd, LOG, serve != NULL);
    aep__successor_init(&tracker->successor, "aep-tracker", lock_fd >= 0, &tracker->log);
    aep__sources_init(&tracker->sources, &tracker->log);
    tracker->writer = (struct aep__writer){
        .where = aep__link_where(config, store),
        .abandon_after_us = aep__config_int(config, AEP__OPT_TRACK_ABANDON_AFTER_S) * 1000000,
        .meter = serve ? aep__serve_meter(serve) : NULL,
        .log = &tracker->log};
    aep__keeping_init(&tracker->keeping, config);
    tracker->active_us = aep__clock_mono_us();
    tracker->dirty = tracker->unindexed = true;
    code = start(tracker, serve, err);
    if (code == AEP_OK)
        return code;
    if (code != AEP_ESTATE)
        aep__log_write(&tracker->log, AEP_LOG_ERROR, "%s", err->text);
    if (code != AEP_ESTATE)
        tracker->serve = serve;
    finish(tracker);
    close_log(tracker);
    return code;
}

/* The lock is never free, and the socket listens on: nobody starts another one, clients wait. */
static void become(struct aep__tracker *tracker, const aep_config *settings)
{
    const struct aep__inherited left[] = {{AEP__TRACKER_LOCK_LEFT, tracker->lock_fd},
                                          {AEP__TRACKER_HTTP_LEFT, tracker->http_fd}};
    aep__successor_become(&tracker->successor, settings, left, sizeof left / sizeof *left);
}

void aep__tracker_go(struct aep__tracker *tracker, const aep_config *settings)
{
    aep__log_write(&tracker->log, AEP_LOG_INFO, "aep %s writes %s", AEP_VERSION,
                   aep__buf_string(&tracker->name));
    loop(tracker);
    bool replaced = tracker->ending == REPLACED;
    if (replaced)
        aep__log_write(&tracker->log, AEP_LOG_INFO, "renewed: aep-tracker %s -> %s", AEP_VERSION,
                       tracker->successor.trial.line);
    else
        aep__log_write(&tracker->log, AEP_LOG_INFO, "%s: exiting", tracker->ending);
    if (replaced && tracker->serve)
        tracker->http_fd = aep__serve_keep_listening(tracker->serve);
    finish(tracker);
    if (replaced)
        become(tracker, settings);
    else
        close_log(tracker);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/relay.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/os.h"
#include "deliver/ballast.h"
#include "deliver/delivery.h"
#include "deliver/parked.h"
#include "deliver/sink_local.h"
#include "relay/renewal.h"
#include "relay/sink_kafka.h"
#include "spool/bell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LOOK_US 5000000 /* for the folder's removal */
#define SEAL_AFTER_US 5000000
#define OPEN_US 1000000  /* between looks for open executions that keep it from an idle end */
#define LINGER_MS 200    /* between unlock and the last look at the tail */
#define FLUSH_US 5000000 /* of a relay that is asked to stop */
#define VERIFY_AFTER_US 250000

/* ---- the sink ---- */

static void on_broker(void *user, enum aep_broker_state sign, const char *reason)
{
    struct aep__relay *relay = user;
    if (!aep__broker_note(&relay->broker, sign, reason, aep__clock_mono_us()))
        return;
    relay->broker.since_us = aep__clock_wall_us();
    static const char *const texts[] = {
        [AEP_BROKER_UNKNOWN] = "unknown",         [AEP_BROKER_CONNECTED] = "connected",
        [AEP_BROKER_UNREACHABLE] = "unreachable", [AEP_BROKER_AUTH_FAILED] = "login refused",
        [AEP_BROKER_FORBIDDEN] = "forbidden",     [AEP_BROKER_LOCAL] = "none: local mode",
        [AEP_BROKER_MISCONFIGURED] = "no client",
    };
    aep__log_write(&relay->log, AEP_LOG_INFO, "broker: %s%s%s", texts[relay->broker.state],
                   relay->broker.reason[0] ? ": " : "", relay->broker.reason);
    aep__pace_hurry(&relay->pace); /* known at once */
    aep__pace_touch(&relay->pace);
}

static void on_reported(void *user, void *record, enum aep__verdict verdict, const char *error,
                        bool forbidden)
{
    struct aep__relay *relay = user;
    if (verdict == AEP__VERDICT_DONE)
        relay->renewal.acked_us = relay->pace.now_us;
    aep__delivery_reported(&relay->core, record, verdict, error, forbidden);
}

static void on_log(void *user, enum aep_log_level level, const char *text)
{
    struct aep__relay *relay = user;
    aep__log_write(&relay->log, level, "%s", text);
}

int aep__relay_make_sink(struct aep__relay *relay, aep_error *err)
{
    relay->sink_events = (struct aep__sink_events){
        .reported = on_reported,
        .broker = on_broker,
        .log = on_log,
        .user = relay,
    };
    if (relay->spool.local) {
        relay->broker = (struct aep__broker){.state = AEP_BROKER_LOCAL};
        int64_t max_bytes = aep__config_int(relay->config, AEP__OPT_SPOOL_MAX_BYTES);
        return aep__sink_local_new(&relay->sink, &relay->spool, (uint64_t)max_bytes, err);
    }
    return aep__sink_kafka_new(&relay->sink, relay->config, relay->sink_can, &relay->sink_events,
                               err);
}

void aep__relay_free_sink(struct aep__relay *relay)
{
    if (!relay->sink)
        return;
    relay->core.sink = relay->sink;
    aep__core_detach(&relay->core);
    relay->sink->ops->free(relay->sink);
    relay->core.sink = relay->sink = NULL;
}

static void serve_sink(struct aep__relay *relay)
{
    if (!relay->sink->ops->serve(relay->sink, relay->sink_readable))
        aep__renewal_broken(relay);
    aep__renewal_step(relay);
}

/* While it is not known whether the broker answers. An event that has just been sent asks that, too,
 * and would have to wait for the answer to a question before it. */
static void verify_broker(struct aep__relay *relay)
{
    if (relay->renewal.broken || relay->broker.state == AEP_BROKER_CONNECTED)
        return;
    if (relay->pace.now_us >= relay->verify_us || aep__core_in_flight(&relay->core) == 0)
        relay->sink->ops->verify(relay->sink);
    else
        aep__pace_due(&relay->pace, relay->verify_us);
}

/* ---- the end ---- */

void aep__relay_end(struct aep__relay *relay, enum aep__relay_end ending)
{
    if (ending <= AEP__RELAY_STOPS && relay->ending >= ending)
        return;
    relay->ending = ending;
    relay->end_by_us = relay->pace.now_us + FLUSH_US;
}

static bool flushed(struct aep__relay *relay)
{
    return aep__core_in_flight(&relay->core) == 0 && !relay->core.aside;
}

/* Before the first report nothing is known of it, and yet it may have what was sent. */
static bool broker_away(const struct aep__relay *relay)
{
    return relay->broker.state == AEP_BROKER_UNREACHABLE || aep__broker_refused(&relay->broker);
}

/* What was sent and not acknowledged stays this client's, which recognizes it when it sends it again: the
 * next one does not. But a broker that refuses us has nothing to acknowledge. */
static void run_on(struct aep__relay *relay)
{
    relay->ending = AEP__RELAY_RUNS;
    aep__successor_put_off(&relay->successor, "Kafka has not acknowledged what was sent",
                           relay->pace.now_us);
    aep__pace_due(&relay->pace,
                  relay->pace.now_us); /* for a bell that was heard and not answered */
}

static bool goes_on(struct aep__relay *relay)
{
    if (relay->ending == AEP__RELAY_RUNS)
        return true;
    if (relay->ending > AEP__RELAY_STOPS || flushed(relay))
        return false;
    bool late =
        relay->pace.now_us >= relay->end_by_us || (!relay->core.aside && broker_away(relay));
    if (late && relay->ending == AEP__RELAY_STOPS)
        return false;
    if (late && aep__broker_refused(&relay->broker))
        return false;
    if (late)
        run_on(relay);
    else
        aep__pace_due(&relay->pace, relay->end_by_us);
    return true;
}

/* Once another program stands in the place of ours, and runs. */
static void follow_successor(struct aep__relay *relay)
{
    struct aep__successor *successor = &relay->successor;
    if (aep__successor_look(successor, relay->pace.now_us))
        aep__relay_end(relay, AEP__RELAY_BECOMES);
    else
        aep__pace_due(&relay->pace, aep__successor_due_us(successor));
}

/* Those that end without it are started ever more slowly. Politeness comes with it: whoever waits
 * for the first event would wait for every other program on a busy machine. */
static void prove(struct aep__relay *relay)
{
    if (relay->proven)
        return;
    aep__lock_proved(relay->lock_fd);
    aep__os_wake_politely();
    relay->proven = true;
}

/* ---- idleness ---- */

/* A full disk may have no room for the socket's name: the drain goes on without. */
static void listen_if_possible(struct aep__relay *relay)
{
    aep_error err;
    if (relay->server.listen_fd < 0 && aep__server_start(relay, &err) != AEP_OK)
        aep__log_write(&relay->log, AEP_LOG_ERROR, "%s", err.text);
}

static bool nothing_to_do(struct aep__relay *relay)
{
    return relay->server.waiting <= relay->server.watching && aep__core_idle(&relay->core);
}

/* Unlocks, and looks at the tail once more: a publisher that saw the lock held has started no other
 * relay. True: there is something, and the lock is ours again. */
static bool wanted_after_all(struct aep__relay *relay)
{
    struct pollfd bell = {.fd = relay->bell_fd, .events = POLLIN};
    aep_position before = aep__core_reached(&relay->core);
    aep__server_stop(relay, true);
    aep__lock_release(relay->lock_fd);
    poll(&bell, 1, LINGER_MS);
    aep__tail_measure(&relay->core);
    bool more = aep__before(before, relay->core.tail.newest) || (bell.revents & POLLIN);
    if (!more || !aep__lock_take(relay->lock_fd))
        return false;
    listen_if_possible(relay);
    return true;
}

static void end_idle(struct aep__relay *relay)
{
    prove(relay);
    aep__tail_sync_now(&relay->core);
    aep__report_write(relay);
    if (wanted_after_all(relay)) {
        aep__pace_read(&relay->pace);
        relay->core.tail.waiting = false;
        aep__pace_touch(&relay->pace);
        return;
    }
    relay->unlocked = true;
    aep__relay_end(relay, AEP__RELAY_IDLE);
}

static bool sealed_idle(const struct aep__relay *relay)
{
    return relay->sealed_for_us == relay->pace.active_us;
}

/* Seals once for each time of quiet. True: the seal is still to be read. */
static bool seal_idle(struct aep__relay *relay)
{
    if (sealed_idle(relay))
        return false;
    relay->sealed_for_us = relay->pace.active_us;
    aep__pace_due(&relay->pace, relay->pace.now_us);
    return aep__tail_seal_idle(&relay->core);
}

static void rest(struct aep__relay *relay)
{
    int64_t idle_us = aep__config_int(relay->config, AEP__OPT_RELAY_IDLE_EXIT_S) * 1000000;
    bool stays = relay->foreground || idle_us <= 0 || relay->server.watching;
    int64_t end_us = stays ? INT64_MAX : relay->pace.active_us + idle_us;
    int64_t seal_us = relay->pace.active_us + SEAL_AFTER_US;
    if (relay->ending != AEP__RELAY_RUNS || !nothing_to_do(relay))
        return;
    if (end_us < seal_us)
        seal_us = end_us; /* nothing may be left on disk when it ends, either */
    if (relay->pace.now_us >= seal_us && seal_idle(relay))
        return;
    if (relay->pace.now_us >= end_us) {
        if (aep__departed_open(relay))
            end_us = relay->pace.now_us + OPEN_US;
        else
            end_idle(relay);
    }
    aep__pace_due(&relay->pace, sealed_idle(relay) ? end_us : seal_us);
}

/* What is looked at now and then, whatever happens. */
static void look_around(struct aep__relay *relay)
{
    if (relay->pace.now_us >= relay->looked_us + LOOK_US) {
        relay->looked_us = relay->pace.now_us;
        if (aep__spool_deleted(&relay->spool)) {
            aep__relay_end(relay, AEP__RELAY_ORPHAN);
            return;
        }
        aep__os_wake_politely();
        aep__ballast_keep(&relay->spool);
        listen_if_possible(relay);
        if (relay->report.fd < 0)
            aep__report_write(relay);
    }
    aep__pace_due(&relay->pace, relay->looked_us + LOOK_US);
}

/* ---- the loop ---- */

/* What may lag behind by 100 ms: syncs, status, counters. */
static void tick(struct aep__relay *relay)
{
    if (!aep__pace_tick(&relay->pace))
        return;
    relay->bell_heard = false;
    aep__tail_sync(&relay->core);
    aep__report_write(relay);
    aep__server_tell_broker(relay);
}

enum { POLL_SIGNAL, POLL_BELL, POLL_SINK, POLL_DEPARTED, POLL_SERVER };

static void on_signal(struct aep__relay *relay)
{
    struct signalfd_siginfo info;
    while (read(relay->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        aep__log_write(&relay->log, AEP_LOG_INFO, "stopping on signal %u", info.ssi_signo);
        aep__relay_end(relay, AEP__RELAY_STOPS);
    }
}

/* While there is more to read than can be sent, the bell says nothing new but that something is to
 * be synced: once between ticks is enough. */
static bool hears_bell(const struct aep__relay *relay)
{
    return relay->core.tail.waiting || !relay->bell_heard;
}

static void on_bell(struct aep__relay *relay)
{
    aep__bell_drain(relay->bell_fd);
    relay->bell_heard = true;
    aep__tail_rung(&relay->core);
    aep__pace_touch(&relay->pace);
}

static int poll_timeout(const struct aep__relay *relay)
{
    int64_t at_us =
        relay->pace.due_us < relay->pace.tick_us ? relay->pace.due_us : relay->pace.tick_us;
    int64_t wait_us = at_us - aep__clock_mono_us();
    return wait_us <= 0 ? 0 : (int)((wait_us + 999) / 1000);
}

static void wait_for_something(struct aep__relay *relay, bool more)
{
    struct pollfd polls[POLL_SERVER + 1 + AEP__SERVER_CLIENTS];
    polls[POLL_SIGNAL] = (struct pollfd){.fd = relay->signal_fd, .events = POLLIN};
    polls[POLL_BELL] =
        (struct pollfd){.fd = hears_bell(relay) ? relay->bell_fd : -1, .events = POLLIN};
    polls[POLL_SINK] = (struct pollfd){.fd = relay->sink->ops->fd(relay->sink), .events = POLLIN};
    polls[POLL_DEPARTED] = (struct pollfd){.fd = relay->departed.ready_fd, .events = POLLIN};
    size_t served = aep__server_polls(relay, polls + POLL_SERVER);
    int found = poll(polls, POLL_SERVER + served, more ? 0 : poll_timeout(relay));
    aep__pace_read(&relay->pace);
    relay->pace.due_us = INT64_MAX;
    relay->sink_readable = found > 0 && polls[POLL_SINK].revents;
    if (found <= 0)
        return;
    if (polls[POLL_SIGNAL].revents)
        on_signal(relay);
    if (polls[POLL_BELL].revents)
        on_bell(relay);
    if (polls[POLL_DEPARTED].revents)
        aep__departed_heard(relay);
    aep__server_serve(relay, polls + POLL_SERVER, served);
}

/* What is finished is told, and the cursor follows. */
static void settle(struct aep__relay *relay)
{
    if (relay->core.finished || relay->server.waiting)
        aep__server_tell_waits(relay);
    if (relay->core.finished)
        prove(relay);
    aep__core_settle(&relay->core);
}

/* One turn: what came back, what can go. The cursor is stored before more is sent, so that at any
 * instant no more than the sink's window lies beyond it. Only once the tail has been looked at is a
 * flush over: the segment may be another than it was. True: there is more to do. */
static bool turn(struct aep__relay *relay)
{
    serve_sink(relay);
    if (relay->ending > AEP__RELAY_STOPS)
        return false;
    settle(relay);
    aep__delivery_step(&relay->core);
    bool more = relay->ending == AEP__RELAY_RUNS && aep__tail_pump(&relay->core);
    if (relay->core.orphan)
        aep__relay_end(relay, AEP__RELAY_ORPHAN);
    verify_broker(relay);
    settle(relay);
    aep__server_tell_flushes(relay);
    tick(relay);
    aep__departed_step(relay);
    look_around(relay);
    follow_successor(relay);
    rest(relay);
    return more;
}

static void loop(struct aep__relay *relay)
{
    bool more = true;
    while (goes_on(relay)) {
        wait_for_something(relay, more);
        more = turn(relay);
    }
}

/* ---- life ---- */

static void mend_counters(struct aep__relay *relay)
{
    if (!aep__counters_damaged(&relay->spool))
        return;
    if (aep__counters_mend(&relay->spool) == 0)
        aep__log_write(&relay->log, AEP_LOG_WARNING,
                       "%s/counters was damaged and has been repaired: lost counters start from 0 "
                       "again",
                       relay->spool.path);
    else
        aep__log_write(&relay->log, AEP_LOG_ERROR,
                       "%s/counters is damaged (%s), so nothing is counted: remove it, and a new "
                       "one is made",
                       relay->spool.path, strerror(errno));
}

static int start(struct aep__relay *relay, aep_error *err)
{
    aep__lock_started(relay->lock_fd);
    aep__report_start(relay);
    relay->looked_us = relay->pace.now_us;
    mend_counters(relay);
    relay->verify_us = relay->pace.now_us + VERIFY_AFTER_US;
    relay->bell_fd = aep__bell_open(&relay->spool);
    if (relay->bell_fd < 0)
        return aep__bell_error(&relay->spool, err);
    relay->signal_fd = aep__os_signals(err);
    int result = relay->signal_fd < 0 ? AEP_EIO : AEP_OK;
    if (result == AEP_OK)
        result = aep__renewal_begin(relay, err);
    relay->core.sink = relay->sink;
    if (result == AEP_OK)
        result = aep__core_start(&relay->core, err);
    if (result != AEP_OK)
        return result;
    aep__report_write(relay); /* first: whoever can connect may look at it */
    listen_if_possible(relay);
    aep__ballast_keep(&relay->spool);
    aep__departed_begin(relay);
    return AEP_OK;
}

/* What is under way is given up, and what came back of it counts. */
static void finish(struct aep__relay *relay)
{
    if (relay->sink)
        relay->sink->ops->abandon(relay->sink);
    if (relay->ending != AEP__RELAY_ORPHAN && !relay->unlocked && relay->core.started) {
        aep__pace_read(&relay->pace);
        aep__server_tell_waits(relay);
        if (relay->ending <= AEP__RELAY_STOPS)
            prove(relay);
        aep__core_stop(&relay->core, relay->ending == AEP__RELAY_STOPS);
        aep__report_write(relay);
    }
    aep__relay_free_sink(relay);
}

static void close_all(struct aep__relay *relay)
{
    aep__server_stop(relay, !relay->unlocked && relay->ending != AEP__RELAY_ORPHAN);
    aep__departed_done(&relay->departed);
    aep__core_done(&relay->core);
    aep__report_done(relay);
    aep__successor_done(&relay->successor);
    int *const fds[] = {&relay->bell_fd, &relay->signal_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

void aep__relay_init(struct aep__relay *relay)
{
    const aep_config *config = relay->config;
    relay->bell_fd = relay->signal_fd = relay->report.fd = relay->server.listen_fd = -1;
    relay->sink_can = AEP__SINK_CAN_DEDUPLICATE;
    aep__departed_init(&relay->departed);
    aep__successor_init(&relay->successor, "aep-relay", relay->lock_fd >= 0, &relay->log);
    aep__pace_init(&relay->pace, (struct aep__clock){aep__clock_mono_us, aep__clock_wall_us});
    aep__core_init(&relay->core,
                   &(struct aep__core_inputs){
                       .spool = &relay->spool,
                       .counters = &relay->counters,
                       .pace = &relay->pace,
                       .log = on_log,
                       .log_user = relay,
                       .dead_max_bytes = (uint64_t)aep__config_int(config, AEP__OPT_DEAD_MAX_BYTES),
                       .sync_segments = aep__config_is(config, AEP__OPT_SPOOL_SYNC, "batch"),
                       .sync_cursor = !aep__config_is(config, AEP__OPT_SPOOL_SYNC, "never"),
                   });
}

int aep__relay_run(struct aep__relay *relay, aep_error *err)
{
    static const char *const endings[] = {"",
                                          "it was replaced",
                                          "stopped",
                                          "handed over",
                                          "nothing to do: exiting",
                                          "the spool folder is gone: exiting"};
    int result = start(relay, err);
    if (result == AEP_OK) {
        aep__log_write(&relay->log, AEP_LOG_INFO, "%s runs on %s",
                       relay->report.status.version_text, relay->spool.path);
        loop(relay);
        if (relay->ending == AEP__RELAY_BECOMES)
            aep__log_write(&relay->log, AEP_LOG_INFO, "renewed: %s -> %s",
                           relay->report.status.version_text, relay->successor.trial.line);
        else
            aep__log_write(&relay->log, AEP_LOG_INFO, "%s", endings[relay->ending]);
    } else {
        aep__lock_failed(relay->lock_fd);
    }
    finish(relay);
    close_all(relay);
    return result;
}

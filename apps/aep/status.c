/* SPDX-License-Identifier: Apache-2.0 */
/* aep status: what the files of each spool say, without a connection to anything; and a line about
 * the tracker, from `aep tracker status`. */
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "amount.h"
#include "ask.h"
#include "spool/backlog.h"
#include "options.h"
#include "out.h"
#include "program.h"
#include "runnable.h"
#include "spools.h"
#include "spool/fates.h"
#include "verbs.h"

#include "base/clock.h"
#include "base/json.h"
#include "client/spawn.h"
#include "config/config.h"
#include "spool/bell.h"
#include "spool/counters.h"
#include "spool/roll_count.h"

#define TRACKER "aep-tracker"

/* What is shown of one spool. */
struct view {
    const struct aep__spool *spool;
    struct aep__fates fates;
    struct aep__backlog backlog;
    aep_stats stats;
    bool counted; /* stats could be read */
    bool alive;
    const char *obstacle;     /* why no relay can be started; "" if one can */
    const aep_config *config; /* by which one is started; NULL: none is */
    struct aep__roll_counts roll;
};

struct report {
    struct aep__buf out;
    aep_error obstacle;
    aep_config *config; /* NULL: none, or one that starts no relay */
    bool json, failed;  /* failed: what cannot be read has been reported */
    size_t count;
};

static const char *const broker_texts[] = {
    [AEP_BROKER_UNKNOWN] = "unknown",
    [AEP_BROKER_CONNECTED] = "connected",
    [AEP_BROKER_UNREACHABLE] = "unreachable",
    [AEP_BROKER_AUTH_FAILED] = "authentication failed",
    [AEP_BROKER_FORBIDDEN] = "connected, but some topic is forbidden",
    [AEP_BROKER_LOCAL] = "none: this spool is in local mode",
    [AEP_BROKER_MISCONFIGURED] = "no client can be made of the settings",
};

static enum aep_broker_state broker_of(const struct view *view)
{
    int64_t state = view->spool->local ? AEP_BROKER_LOCAL : view->fates.status.broker;
    bool known = state >= 0 && state < (int64_t)(sizeof broker_texts / sizeof *broker_texts);
    return known ? (enum aep_broker_state)state : AEP_BROKER_UNKNOWN;
}

static uint64_t counter_at(const aep_stats *stats, int counter)
{
    static const size_t offsets[AEP__COUNTER_COUNT] = {
#define COUNTER_OFFSET(name, text) offsetof(aep_stats, name),
        AEP_COUNTERS(COUNTER_OFFSET)
#undef COUNTER_OFFSET
    };
    uint64_t value;
    memcpy(&value, (const char *)stats + offsets[counter], sizeof value);
    return value;
}

/* The upper edge, in microseconds, of the bucket that holds this percentile of the acknowledged
 * records; 0: there are none. */
static uint64_t latency_us(const struct aep__status *status, double share)
{
    static const double root = 1.4142135623730951;
    uint64_t sum = 0, so_far = 0;
    double edge_us = 32;
    for (int i = 0; i < AEP__LATENCY_BUCKETS; i++)
        sum += status->latency[i];
    for (int i = 0; sum > 0 && i < AEP__LATENCY_BUCKETS; i++, edge_us *= root) {
        so_far += status->latency[i];
        if ((double)so_far >= share * (double)sum)
            return (uint64_t)edge_us;
    }
    return 0;
}

/* ---- text ----------------------------------------------------------------------------------- */

static void add_since(struct aep__buf *out, int64_t wall_us)
{
    char text[AEP__TIME_SIZE];
    aep__clock_format(wall_us, text);
    aep__buf_format(out, " since %s", text);
}

/* Only a relay knows; what the last relay reported is out of date. */
static void add_broker_text(struct aep__buf *out, const struct view *view)
{
    const struct aep__status *status = &view->fates.status;
    enum aep_broker_state state = broker_of(view);
    bool old = !view->alive && state != AEP_BROKER_LOCAL;
    bool said = state != AEP_BROKER_UNKNOWN || status->reason[0];
    aep__buf_text(out, "  broker    ");
    if (old)
        aep__buf_text(out, said ? "unknown while no relay runs; last: " : "unknown yet");
    if (!old || said)
        aep__buf_text(out, broker_texts[state]);
    if (status->broker_since_us > 0)
        add_since(out, status->broker_since_us);
    if (status->reason[0]) {
        aep__buf_text(out, ": ");
        aep__out_plain(out, status->reason, strnlen(status->reason, sizeof status->reason));
    }
    aep__buf_byte(out, '\n');
}

/* Why no relay comes up: what prevents any, or what is wrong with the one that was started. */
static const char *find_reason(const struct view *view, aep_error *unfit)
{
    *unfit = (aep_error){0};
    if (view->obstacle[0] || !view->config || !aep__runnable_in_vain(view->spool))
        return view->obstacle;
    if (aep__runnable_relay(view->config, unfit) != AEP_OK)
        return unfit->text;
    return view->fates.status.reason[0] ? "" : AEP__LOCK_IN_VAIN;
}

static void add_relay_text(struct aep__buf *out, const struct view *view)
{
    const struct aep__status *status = &view->fates.status;
    aep__buf_format(out, "  relay     %s", view->alive ? "alive" : "not running");
    if (view->alive && status->pid > 0) {
        aep__buf_format(out, ", process %lld,", (long long)status->pid);
        add_since(out, status->started_us);
    }
    if (!view->alive && view->backlog.bytes > 0) {
        aep_error unfit;
        const char *reason = find_reason(view, &unfit);
        aep__buf_format(out, "%s%s", reason[0] ? ": " : "", reason);
    }
    aep__buf_byte(out, '\n');
    if (view->alive && status->version_text[0])
        aep__buf_format(out, "  version   %.*s\n", (int)sizeof status->version_text,
                        status->version_text);
}

/* What is set aside now; "none" if something once was, so that nobody takes the total for it. */
static void add_aside_text(struct aep__buf *out, const char *name, uint64_t now, uint64_t ever,
                           const char *what)
{
    if (now > 0)
        aep__buf_format(out, "  %-9s %llu now %s\n", name, (unsigned long long)now, what);
    else if (ever > 0)
        aep__buf_format(out, "  %-9s none now\n", name);
}

static void add_backlog_text(struct aep__buf *out, const struct view *view)
{
    const struct aep__status *status = &view->fates.status;
    aep__buf_format(out, "  on disk   %s\n", aep__amount_bytes(view->backlog.used_bytes).text);
    aep__buf_format(out, "  %-7s   ", aep__backlog_word(view->spool));
    if (view->backlog.counted)
        aep__buf_format(out, "%s, ", aep__amount_of(view->backlog.events, "event").text);
    aep__buf_format(out, "%s\n", aep__amount_bytes(view->backlog.bytes).text);
    add_aside_text(out, "parked", status->parked_now, view->stats.parked,
                   "(not taken by Kafka yet: `aep doctor`)");
    add_aside_text(out, "dead", status->dead_now, view->stats.dead, "(`aep dead list`)");
}

/* A process of another pid namespace may live or not: that is seen only from within. */
static void add_open_text(struct aep__buf *out, const struct view *view)
{
    const struct aep__roll_counts *roll = &view->roll;
    if (roll->open + roll->gone + roll->elsewhere + roll->damaged == 0)
        return;
    aep__buf_format(out, "  open      %s\n",
                    aep__amount_of(roll->open + roll->gone + roll->elsewhere, "execution").text);
    if (roll->gone)
        aep__buf_format(out, "            %llu of processes that are gone: %s\n",
                        (unsigned long long)roll->gone,
                        view->alive ? "the relay is about to declare them failed"
                                    : "the next relay declares them failed");
    if (roll->elsewhere)
        aep__buf_format(out,
                        "            %llu of processes in another pid namespace (a container): a "
                        "relay there can tell whether they live\n",
                        (unsigned long long)roll->elsewhere);
    if (roll->damaged)
        aep__buf_format(out, "            %llu damaged: they stay open\n",
                        (unsigned long long)roll->damaged);
}

static void add_latency_text(struct aep__buf *out, const struct view *view)
{
    const struct aep__status *status = &view->fates.status;
    if (latency_us(status, 0.5) > 0)
        aep__buf_format(out, "  latency   50 %% within %s, 95 %% within %s, 99 %% within %s\n",
                        aep__amount_ms((double)latency_us(status, 0.5) / 1000).text,
                        aep__amount_ms((double)latency_us(status, 0.95) / 1000).text,
                        aep__amount_ms((double)latency_us(status, 0.99) / 1000).text);
}

static void add_counters_text(struct aep__buf *out, const struct view *view)
{
    const char *heading = "  so far\n";
    for (int i = 0; i < AEP__COUNTER_COUNT; i++) {
        if (counter_at(&view->stats, i) == 0)
            continue;
        aep__buf_text(out, heading);
        heading = "";
        aep__buf_format(out, "  %12llu  %s\n", (unsigned long long)counter_at(&view->stats, i),
                        aep__counter_texts[i]);
    }
}

static void add_text(struct aep__buf *out, const struct view *view)
{
    aep__out_plain(out, view->spool->path, strlen(view->spool->path));
    aep__buf_byte(out, '\n');
    add_broker_text(out, view);
    add_relay_text(out, view);
    add_backlog_text(out, view);
    add_open_text(out, view);
    add_latency_text(out, view);
    add_counters_text(out, view);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void add_string(struct aep__buf *out, const char *name, const char *text, size_t size)
{
    aep__buf_format(out, ",\"%s\":", name);
    aep__json_add_string(out, text, strnlen(text, size));
}

static void add_count(struct aep__buf *out, const char *name, uint64_t count)
{
    aep__buf_format(out, ",\"%s\":%llu", name, (unsigned long long)count);
}

static void add_time(struct aep__buf *out, const char *name, int64_t wall_us)
{
    char text[AEP__TIME_SIZE];
    if (wall_us <= 0)
        return;
    aep__clock_format(wall_us, text);
    add_string(out, name, text, sizeof text);
}

static void add_json(struct aep__buf *out, const struct view *view)
{
    const struct aep__status *status = &view->fates.status;
    aep__buf_text(out, "{\"spool\":");
    aep__json_add_string(out, view->spool->path, strlen(view->spool->path));
    add_string(out, "uuid", view->spool->uuid_text, AEP_ID_SIZE);
    add_string(out, "mode", view->spool->local ? "local" : "kafka", 8);
    add_string(out, "broker", aep_broker_name(broker_of(view)), 64);
    add_time(out, "broker_since", status->broker_since_us);
    add_string(out, "reason", status->reason, sizeof status->reason);
    aep__buf_format(out, ",\"relay_alive\":%s", view->alive ? "true" : "false");
    add_count(out, "relay_pid", view->alive ? (uint64_t)status->pid : 0);
    add_time(out, "relay_started", view->alive ? status->started_us : 0);
    add_string(out, "relay_version", status->version_text, sizeof status->version_text);
    add_count(out, "used_bytes", view->backlog.used_bytes);
    add_count(out, "backlog_bytes", view->backlog.bytes);
    if (view->backlog.counted)
        add_count(out, "backlog_events", view->backlog.events);
    add_count(out, "in_flight", status->in_flight);
    add_count(out, "parked_now", status->parked_now);
    add_count(out, "parked_bytes", status->parked_bytes);
    add_count(out, "dead_now", status->dead_now);
    add_count(out, "dead_bytes", status->dead_bytes);
    add_count(out, "executions_open", view->roll.open);
    add_count(out, "executions_gone", view->roll.gone);
    add_count(out, "executions_elsewhere", view->roll.elsewhere);
    add_count(out, "executions_damaged", view->roll.damaged);
    add_count(out, "latency_p50_us", latency_us(status, 0.5));
    add_count(out, "latency_p95_us", latency_us(status, 0.95));
    add_count(out, "latency_p99_us", latency_us(status, 0.99));
    aep__buf_text(out, ",\"counters\":{");
    for (int i = 0; view->counted && i < AEP__COUNTER_COUNT; i++)
        aep__buf_format(out, "%s\"%s\":%llu", i ? "," : "", aep__counter_names[i],
                        (unsigned long long)counter_at(&view->stats, i));
    aep__buf_text(out, "}}");
}

/* ---- the verb ------------------------------------------------------------------------------- */

/* Reads the counters. What is wrong with them hides nothing else. */
static void read_counters(struct report *report, struct view *view)
{
    aep_error err;
    view->counted = aep__counters_sum(view->spool, &view->stats, &err) == AEP_OK;
    if (!view->counted) {
        report->failed = true;
        aep__out_say("%s, so nothing is counted: remove it, and a new one is made", err.text);
    } else if (aep__counters_damaged(view->spool)) {
        aep__out_say("%s/counters is damaged: some earlier counts are lost; the next relay "
                     "repairs it",
                     view->spool->path);
    }
}

static int show_spool(void *user, struct aep__spool *spool)
{
    struct report *report = user;
    struct view view = {.spool = spool,
                        .stats.size = sizeof view.stats,
                        .alive = aep__ask_alive(spool),
                        .obstacle = report->obstacle.text,
                        .config = report->config};
    aep_error err;
    int code = aep__fates_init(&view.fates, spool, &err);
    if (code == AEP_OK)
        code = aep__backlog_measure(spool, &view.fates, &view.backlog, &err);
    if (code == AEP_OK)
        read_counters(report, &view);
    aep__roll_count(spool, &view.roll);
    if (code == AEP_OK && report->json) {
        aep__buf_text(&report->out, report->count++ ? ",\n" : "");
        add_json(&report->out, &view);
    } else if (code == AEP_OK) {
        aep__buf_text(&report->out, report->count++ ? "\n" : "");
        add_text(&report->out, &view);
    } else {
        report->failed = true;
        aep__out_error(&err);
    }
    aep__fates_done(&view.fates);
    return AEP_OK;
}

/* Without a configuration, or with one that starts no relay, nothing is known to prevent one. */
static void find_obstacle(struct report *report)
{
    char path[PATH_MAX];
    aep_config *config = NULL;
    aep_error obstacle = {0};
    if (aep__config_load(NULL, &config, &obstacle) != AEP_OK ||
        !aep__config_is(config, AEP__OPT_RELAY_MODE, "auto")) {
        aep_config_free(config);
        return;
    }
    report->config = config;
    if (aep__spawn_find(&aep__spawned_relay, config, path, sizeof path, &obstacle) != AEP_OK)
        report->obstacle = obstacle;
}

static void add_tracker(struct report *report)
{
    char *const arguments[] = {"status", report->json ? "--json" : "--short", NULL};
    struct aep__buf told = {0};
    bool fine = aep__program_read(TRACKER, arguments, &told) && !told.failed && told.len > 0;
    if (report->json)
        aep__buf_text(&report->out, ",\"tracker\":");
    else if (report->count > 0)
        aep__buf_byte(&report->out, '\n');
    if (fine)
        aep__buf_add(&report->out, told.data, told.len);
    else
        aep__buf_text(&report->out,
                      report->json ? "null" : "tracker unknown: `aep tracker status` says why\n");
    aep__buf_done(&told);
}

static int run_status(struct aep__args *args)
{
    struct report report = {.json = aep__args_given(args, "json")};
    aep_error err;
    find_obstacle(&report);
    aep__buf_text(&report.out, report.json ? "{\"spools\":[" : "");
    int code = aep__spools_each(args, show_spool, &report, &err);
    report.failed |= code != AEP_OK;
    if (report.json)
        aep__buf_byte(&report.out, ']');
    else if (report.count == 0 && !report.failed)
        aep__buf_text(&report.out, "no spools\n");
    aep_config_free(report.config);
    if (code == AEP_OK && !aep__args_given(args, "spool"))
        add_tracker(&report);
    aep__buf_text(&report.out, report.json ? "}\n" : "");
    if (report.count == 0 && report.failed)
        aep__buf_clear(&report.out);
    int status = aep__out_finish(&report.out);
    if (code != AEP_OK)
        return aep__out_error(&err);
    if (!report.json && !aep__args_given(args, "spool") && !aep__spools_configured(args))
        aep__out_hint("status: publishing would be refused here: set KAFKA_BOOTSTRAP_SERVERS, or "
                      "AEP_MODE=local, in the environment or aep.conf");
    return report.failed ? AEP__EXIT_FAILED : status;
}

static const struct aep__flag options[] = {
    {"json", 0, AEP__ARGUMENT_NONE, NULL,
     "Prints a JSON object: an array of spools, and the tracker.", NULL, NULL, NULL},
    AEP__SPOOL_ONLY_OPTION,
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_status = {
    .name = "status",
    .summary = "shows spools, relay, broker and tracker: backlog, state, counters",
    .usage = "[--json] [--spool DIR]",
    .description =
        "Shows the configured spool and those beside it; if none is configured, all in "
        "$XDG_STATE_HOME/aep. The broker's state is the last one that the relay reported. The "
        "numbers under \"so far\" are counted over the spool's life; latency runs from an event's "
        "timestamp to its acknowledgement. The last line is about the tracker, unless --spool is "
        "given.",
    .options = options,
    .run = run_status,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: for Prometheus (text format 0.0.4). One table of metrics; labels are states, sources,
 * agents and the folders of local spools, never ids. */
#include "serve/answer.h"

#include "serve/filtering.h"
#include "serve/prometheus.h"

#include "base/clock.h"

#include <math.h>
#include <string.h>

struct scrape {
    struct aep__buf *out;
    struct aep__serve *serve;
    struct aep__store *store;         /* NULL: it cannot be read */
    const struct aep__states *states; /* the same */
    struct aep__meter_numbers meter;
};

/* ---- of the store --------------------------------------------------------------------------- */

static void add_build(const struct scrape *scrape)
{
    aep__prometheus_begin(scrape->out, "aep_build_info");
    aep__prometheus_label(scrape->out, "version", AEP_VERSION);
    aep__prometheus_value(scrape->out, 1);
}

static void add_states(const struct scrape *scrape)
{
    for (int i = 0; scrape->states && i < AEP__STATE_COUNT; i++) {
        aep__prometheus_begin(scrape->out, "aep_executions");
        aep__prometheus_label(scrape->out, "state", aep__state_word((enum aep__state)i));
        aep__prometheus_value(scrape->out, (double)scrape->states->counts[i]);
    }
}

static void add_waiting(const struct scrape *scrape)
{
    double seconds = 0;
    if (!scrape->states)
        return;
    int64_t oldest_us = scrape->states->waits.oldest_us;
    if (oldest_us != AEP__UNKNOWN_US)
        seconds = (double)(aep__clock_wall_us() - oldest_us) / 1e6;
    aep__prometheus_begin(scrape->out, "aep_execution_oldest_waiting_seconds");
    aep__prometheus_value(scrape->out, seconds > 0 ? seconds : 0);
}

static void add_bytes(const struct scrape *scrape)
{
    aep_error err;
    int64_t bytes;
    if (!scrape->store || scrape->store->ops->bytes(scrape->store, &bytes, &err) != AEP_OK)
        return;
    aep__prometheus_begin(scrape->out, "aep_tracker_store_bytes");
    aep__prometheus_value(scrape->out, (double)bytes);
}

static void add_lag(const struct scrape *scrape)
{
    static const char *const names[AEP__SERVE_SOURCE_COUNT] = {
        [AEP__SERVE_SPOOL] = "spool", [AEP__SERVE_KAFKA] = "kafka"};
    for (int i = 0; i < AEP__SERVE_SOURCE_COUNT; i++) {
        int64_t read_us = scrape->serve->news.source_us[i];
        double lag = (double)(aep__clock_wall_us() - read_us) / 1e6;
        if (read_us == 0)
            continue;
        aep__prometheus_begin(scrape->out, "aep_tracker_lag_seconds");
        aep__prometheus_label(scrape->out, "source", names[i]);
        aep__prometheus_value(scrape->out, lag > 0 ? lag : 0);
    }
}

/* ---- of the meter --------------------------------------------------------------------------- */

static const struct aep__meter_agent *agent_at(const struct aep__meter_numbers *meter, unsigned i)
{
    return i < meter->agent_count ? &meter->agents[i] : &meter->others;
}

static void add_started(const struct scrape *scrape)
{
    for (unsigned i = 0; i <= scrape->meter.agent_count; i++) {
        const struct aep__meter_agent *agent = agent_at(&scrape->meter, i);
        aep__prometheus_begin(scrape->out, "aep_executions_started_total");
        aep__prometheus_label(scrape->out, "agent", agent->name);
        aep__prometheus_value(scrape->out, (double)agent->started);
    }
}

/* Those that may come are there from the agent's start on: increase() does not see a line's first value. */
static bool may_come(enum aep__state result, enum aep__meter_basis basis)
{
    return basis == AEP__BASIS_EVENT ? result != AEP__STATE_ABANDONED
                                     : result != AEP__STATE_COMPLETED;
}

static void add_ended(const struct scrape *scrape)
{
    static const char *const bases[AEP__BASIS_COUNT] = {"event", "inferred"};
    for (unsigned i = 0; i <= scrape->meter.agent_count; i++) {
        const struct aep__meter_agent *agent = agent_at(&scrape->meter, i);
        for (unsigned at = 0; at < AEP__STATE_WAITING * AEP__BASIS_COUNT; at++) {
            enum aep__state result = (enum aep__state)(at / AEP__BASIS_COUNT);
            enum aep__meter_basis basis = (enum aep__meter_basis)(at % AEP__BASIS_COUNT);
            uint64_t count = agent->ended[result][basis];
            if (count == 0 && !may_come(result, basis))
                continue;
            aep__prometheus_begin(scrape->out, "aep_executions_ended_total");
            aep__prometheus_label(scrape->out, "agent", agent->name);
            aep__prometheus_label(scrape->out, "result", aep__state_word(result));
            aep__prometheus_label(scrape->out, "basis", bases[basis]);
            aep__prometheus_value(scrape->out, (double)count);
        }
    }
}

static void add_durations(const struct scrape *scrape)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i <= AEP__METER_BUCKETS; i++) {
        struct aep__buf bound = {0};
        sum += scrape->meter.durations[i];
        if (i < AEP__METER_BUCKETS)
            aep__prometheus_number(&bound, aep__meter_bounds[i]);
        else
            aep__buf_text(&bound, "+Inf");
        aep__prometheus_begin(scrape->out, "aep_execution_duration_seconds_bucket");
        aep__prometheus_label(scrape->out, "le", aep__buf_string(&bound));
        aep__prometheus_value(scrape->out, (double)sum);
        aep__buf_done(&bound);
    }
    aep__prometheus_begin(scrape->out, "aep_execution_duration_seconds_sum");
    aep__prometheus_value(scrape->out, scrape->meter.duration_s);
    aep__prometheus_begin(scrape->out, "aep_execution_duration_seconds_count");
    aep__prometheus_value(scrape->out, (double)sum);
}

static void add_count(const struct scrape *scrape, const char *name, double value)
{
    aep__prometheus_begin(scrape->out, name);
    aep__prometheus_value(scrape->out, value);
}

static void add_events(const struct scrape *scrape)
{
    add_count(scrape, "aep_tracker_events_total", (double)scrape->meter.tallies[AEP__TALLY_EVENTS]);
}

static void add_duplicates(const struct scrape *scrape)
{
    add_count(scrape, "aep_tracker_duplicates_total",
              (double)scrape->meter.tallies[AEP__TALLY_DUPLICATES]);
}

static void add_conflicts(const struct scrape *scrape)
{
    add_count(scrape, "aep_tracker_conflicts_total",
              (double)scrape->meter.tallies[AEP__TALLY_CONFLICTING]);
}

static void add_rejected(const struct scrape *scrape)
{
    for (int i = AEP__REJECTED_NOT + 1; i < AEP__REJECTED_COUNT; i++) {
        aep__prometheus_begin(scrape->out, "aep_tracker_events_rejected_total");
        aep__prometheus_label(scrape->out, "reason", aep__rejection_text((enum aep__rejection)i));
        aep__prometheus_value(scrape->out, (double)scrape->meter.tallies[AEP__TALLY_REJECTED + i]);
    }
}

/* ---- of the server -------------------------------------------------------------------------- */

static void add_clients(const struct scrape *scrape)
{
    add_count(scrape, "aep_serve_stream_clients", scrape->serve->feed.count);
}

static void add_resets(const struct scrape *scrape)
{
    add_count(scrape, "aep_serve_stream_resets_total", (double)scrape->serve->feed.resets);
}

static void add_connections(const struct scrape *scrape)
{
    add_count(scrape, "aep_serve_connections", scrape->serve->http.peers);
}

/* ---- the table ------------------------------------------------------------------------------ */

static const struct {
    const char *name, *type, *help;
    void (*add)(const struct scrape *scrape);
} metrics[] = {
    {"aep_build_info", "gauge", "The version that serves this.", add_build},
    {"aep_executions", "gauge", "Executions that the store holds, by state.", add_states},
    {"aep_execution_oldest_waiting_seconds", "gauge",
     "For how long the execution has been waiting that has waited longest; 0: none waits.",
     add_waiting},
    {"aep_executions_started_total", "counter", "Started events, by agent.", add_started},
    {"aep_executions_ended_total", "counter",
     "Executions that have ended, by agent, result and who said so.", add_ended},
    {"aep_execution_duration_seconds", "histogram", "How long those that have ended took.",
     add_durations},
    {"aep_tracker_events_total", "counter", "Events read.", add_events},
    {"aep_tracker_duplicates_total", "counter", "Events that were known already.", add_duplicates},
    {"aep_tracker_conflicts_total", "counter", "Events with the id of another one.", add_conflicts},
    {"aep_tracker_events_rejected_total", "counter", "Records that are no events, by reason.",
     add_rejected},
    {"aep_tracker_lag_seconds", "gauge", "Age of what has been read last, by source.", add_lag},
    {"aep_tracker_store_bytes", "gauge",
     "Room that the store takes, without what can be used again.", add_bytes},
    {"aep_serve_connections", "gauge", "Connections that are open.", add_connections},
    {"aep_serve_stream_clients", "gauge", "Clients that follow the stream.", add_clients},
    {"aep_serve_stream_resets_total", "counter", "Times that a client had to read all again.",
     add_resets},
};

void aep__answer_metrics(struct aep__call *call)
{
    aep_error err;
    struct aep__reply reply = {.status = 200, .type = call->route->type, .cache = "no-store"};
    struct scrape scrape = {
        .out = &reply.body, .serve = call->serve, .store = aep__serve_store(call->serve, &err)};
    if (scrape.store)
        scrape.states = aep__states_get(call->serve, scrape.store, &err);
    if (!aep__meter_read(&call->serve->meter, &scrape.meter)) {
        aep__reply_error(call, 503, "out of memory");
        return;
    }
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        aep__prometheus_head(&reply.body, metrics[i].name, metrics[i].type, metrics[i].help);
        metrics[i].add(&scrape);
    }
    aep__prometheus_spools(&reply.body, &call->serve->spools);
    aep__meter_numbers_done(&scrape.meter);
    aep__reply(call, &reply);
}

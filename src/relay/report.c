/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/report.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "deliver/parked.h"
#include "relay/relay.h"
#include "relay/sink_kafka.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void name_version(char *text, size_t size)
{
    snprintf(text, size, "aep %s, %s", AEP_VERSION, aep__sink_kafka_version());
}

/* What the last relay reported about itself and the broker is out of date. The rest is still true. */
static void take_over(struct aep__relay *relay)
{
    const struct aep__status *ours = &relay->report.status;
    struct aep__status last;
    if (relay->report.fd < 0 || aep__status_read(&relay->spool, &last, NULL) != AEP_OK)
        return;
    last.pid = ours->pid;
    last.started_us = ours->started_us;
    memcpy(last.version_text, ours->version_text, sizeof last.version_text);
    last.broker = relay->broker.state;
    last.broker_since_us = relay->broker.since_us;
    last.reason[0] = '\0';
    aep__status_write(relay->report.fd, &last);
}

void aep__report_start(struct aep__relay *relay)
{
    struct aep__report *report = &relay->report;
    report->fd = aep__status_open(&relay->spool);
    report->status = (struct aep__status){.started_us = aep__clock_wall_us(), .pid = getpid()};
    name_version(report->status.version_text, sizeof report->status.version_text);
    take_over(relay);
}

void aep__report_done(struct aep__relay *relay)
{
    if (relay->report.fd >= 0)
        close(relay->report.fd);
    relay->report.fd = -1;
}

static void describe_broker(struct aep__relay *relay, const struct aep__parked_sum *parked)
{
    struct aep__status *status = &relay->report.status;
    status->broker = relay->broker.state;
    status->broker_since_us = relay->broker.since_us;
    snprintf(status->reason, sizeof status->reason, "%s", relay->broker.reason);
    if (relay->broker.state == AEP_BROKER_CONNECTED && parked->forbidden) {
        status->broker = AEP_BROKER_FORBIDDEN;
        snprintf(status->reason, sizeof status->reason, "no permission to write to topic %.100s",
                 parked->forbidden->name);
    } else if (relay->broker.state == AEP_BROKER_CONNECTED && parked->early) {
        snprintf(status->reason, sizeof status->reason,
                 "topic %.80s: events stamped ahead of the broker's clock "
                 "wait: " AEP__STATUS_CLOCKS_DIFFER,
                 parked->early->name);
    }
}

static void fill_status(struct aep__relay *relay)
{
    struct aep__status *status = &relay->report.status;
    struct aep__parked_sum parked = aep__parked_sum(&relay->core);
    describe_broker(relay, &parked);
    status->segment = relay->core.tail.cursor.segment;
    status->offset = relay->core.tail.cursor.offset;
    status->ordinal = relay->core.tail.cursor.ordinal;
    status->in_flight = relay->core.tail.lane.sent;
    status->parked_now = parked.records;
    status->parked_bytes = parked.bytes;
    status->dead_now = relay->core.dead.log.count;
    memcpy(status->latency, relay->core.latency.buckets, sizeof status->latency);
    status->dead_bytes = relay->core.dead.log.end - relay->core.dead.log.begin;
}

static void flush_counters(struct aep__relay *relay)
{
    uint64_t skipped = relay->core.tail.reader.skipped_bytes - relay->core.tail.skipped_counted;
    if (relay->core.acknowledged)
        aep__counters_add(&relay->counters, AEP__COUNT_acknowledged, relay->core.acknowledged);
    if (skipped)
        aep__counters_add(&relay->counters, AEP__COUNT_skipped_bytes, skipped);
    relay->core.acknowledged = 0;
    relay->core.tail.skipped_counted = relay->core.tail.reader.skipped_bytes;
}

void aep__report_write(struct aep__relay *relay)
{
    flush_counters(relay);
    fill_status(relay);
    if (relay->report.fd < 0)
        relay->report.fd = aep__status_open(&relay->spool);
    if (relay->report.fd < 0 || aep__status_write(relay->report.fd, &relay->report.status) < 0)
        return; /* written with the next change, or look at the folder */
}

void aep__report_failure(const struct aep__spool *spool, const char *reason)
{
    struct aep__status status = {.pid = getpid(), .broker = AEP_BROKER_UNKNOWN};
    int fd = aep__status_open(spool);
    if (fd < 0)
        return;
    status.started_us = status.broker_since_us = aep__clock_wall_us();
    snprintf(status.reason, sizeof status.reason, "%s", reason);
    name_version(status.version_text, sizeof status.version_text);
    aep__status_write(fd, &status);
    close(fd);
}

/* ---- JSON ---- */

static void add_text(struct aep__buf *out, const char *name, const char *text)
{
    aep__buf_format(out, ",\"%s\":", name);
    aep__json_add_string(out, text, strlen(text));
}

static void add_number(struct aep__buf *out, const char *name, uint64_t number)
{
    aep__buf_format(out, ",\"%s\":%" PRIu64, name, number);
}

static void add_counters(struct aep__relay *relay, struct aep__buf *out)
{
    aep_stats stats = AEP_STATS_INIT;
    if (aep__counters_sum(&relay->spool, &stats, NULL) != AEP_OK)
        return;
#define ADD_COUNTER(name, text) add_number(out, #name, stats.name);
    AEP_COUNTERS(ADD_COUNTER)
#undef ADD_COUNTER
}

void aep__report_json(struct aep__relay *relay, struct aep__buf *out)
{
    aep__report_write(relay);
    const struct aep__status *status = &relay->report.status;
    aep__buf_format(out, "{\"pid\":%" PRId64, status->pid);
    add_text(out, "version", status->version_text);
    add_text(out, "broker", aep_broker_name(status->broker));
    add_text(out, "reason", status->reason);
    add_number(out, "broker_since_us", (uint64_t)status->broker_since_us);
    add_number(out, "started_us", (uint64_t)status->started_us);
    add_number(out, "segment", status->segment);
    add_number(out, "offset", status->offset);
    add_number(out, "ordinal", status->ordinal);
    add_number(out, "in_flight", status->in_flight);
    add_number(out, "parked_now", status->parked_now);
    add_number(out, "parked_bytes", status->parked_bytes);
    add_number(out, "dead_now", status->dead_now);
    add_number(out, "dead_bytes", status->dead_bytes);
    add_number(out, "latency_p50_us", aep__latency_percentile(status->latency, 0.5));
    add_number(out, "latency_p95_us", aep__latency_percentile(status->latency, 0.95));
    add_number(out, "latency_p99_us", aep__latency_percentile(status->latency, 0.99));
    add_counters(relay, out);
    aep__buf_byte(out, '}');
}

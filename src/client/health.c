/* SPDX-License-Identifier: Apache-2.0 */
/* What the files say about the spool, the relay and the broker, without asking anyone. */
#include "base/error.h"
#include "base/sized.h"
#include "client/call.h"
#include "client/publisher.h"
#include "spool/cursor.h"
#include "spool/status.h"

#include <stdio.h>
#include <string.h>

static void fill_broker(const struct aep__process *process, aep_health *health)
{
    struct aep__status status;
    health->broker = process->spool.local ? AEP_BROKER_LOCAL : AEP_BROKER_UNKNOWN;
    if (aep__status_read(&process->spool, &status, NULL) != AEP_OK)
        return;
    if (!process->spool.local && status.broker >= AEP_BROKER_UNKNOWN &&
        status.broker <= AEP_BROKER_MISCONFIGURED)
        health->broker = (enum aep_broker_state)status.broker;
    health->since_us = status.broker_since_us;
    health->used_bytes += status.parked_bytes + status.dead_bytes;
    health->backlog_bytes += status.parked_bytes;
    snprintf(health->reason, sizeof health->reason, "%s", status.reason);
}

/* Bytes from the start of a segment to the tail, full segments counted at their limit. */
static uint64_t bytes_to_tail(const struct aep__process *process, uint64_t segment,
                              aep_position tail)
{
    return (tail.segment - segment) * process->spool.segment_bytes + tail.offset;
}

static int read_health(struct aep__process *process, aep_health *health, aep_error *err)
{
    struct aep__cursor cursor;
    aep_position tail;
    int result = aep__cursor_load(&process->spool, &cursor, err);
    if (result == AEP_OK)
        result = aep__append_tail(&process->appender, &tail, err);
    if (result != AEP_OK)
        return result;
    if (tail.segment >= cursor.segment) {
        health->used_bytes = bytes_to_tail(process, cursor.segment, tail);
        health->backlog_bytes =
            health->used_bytes > cursor.offset ? health->used_bytes - cursor.offset : 0;
    }
    health->max_bytes = process->appender.max_bytes;
    health->relay_alive = aep__process_relay_alive(process);
    fill_broker(process, health);
    return AEP_OK;
}

static int lock_for(aep_publisher *pub, const void *out, const char *name,
                    struct aep__process **ret, aep_error *err)
{
    if (!pub || !out)
        return aep__error(err, AEP_EINVAL, pub ? name : "publisher", "no %s is given",
                          pub ? name : "publisher");
    int result = aep__sized_check_out(out, name, err);
    *ret = NULL;
    if (result == AEP_OK && pub->enabled) {
        result = aep__publisher_process(pub, ret, err);
        if (result == AEP_OK)
            result = aep__process_lock(*ret, err);
    }
    return result;
}

const char *aep_broker_name(enum aep_broker_state state)
{
    static const char *const names[] = {
        [AEP_BROKER_UNKNOWN] = "unknown",
        [AEP_BROKER_CONNECTED] = "connected",
        [AEP_BROKER_UNREACHABLE] = "unreachable",
        [AEP_BROKER_AUTH_FAILED] = "auth_failed",
        [AEP_BROKER_FORBIDDEN] = "forbidden",
        [AEP_BROKER_LOCAL] = "local",
        [AEP_BROKER_MISCONFIGURED] = "misconfigured",
    };
    return names[(unsigned)state < sizeof names / sizeof *names ? state : AEP_BROKER_UNKNOWN];
}

int aep_publisher_health(aep_publisher *pub, aep_health *health, aep_error *err)
{
    struct aep__call call = aep__call_begin();
    struct aep__process *process;
    aep_health ours = {.size = sizeof ours};
    int result = lock_for(pub, health, "health", &process, err);
    if (result == AEP_OK && process) {
        result = read_health(process, &ours, err);
        aep__process_unlock(process);
    }
    if (result == AEP_OK)
        aep__sized_write(health, &ours, sizeof ours);
    return aep__call_end(call, result);
}

int aep_publisher_stats(aep_publisher *pub, aep_stats *stats, aep_error *err)
{
    struct aep__call call = aep__call_begin();
    struct aep__process *process;
    aep_stats ours = {.size = sizeof ours};
    int result = lock_for(pub, stats, "stats", &process, err);
    if (result == AEP_OK && process) {
        result = aep__counters_sum(&process->spool, &ours, err);
        aep__process_unlock(process);
    }
    if (result == AEP_OK)
        aep__sized_write(stats, &ours, sizeof ours);
    return aep__call_end(call, result);
}

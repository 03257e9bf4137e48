/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/sink_local.h"

#include "base/error.h"
#include "spool/kept.h"

#include <limits.h>
#include <stdlib.h>

struct local_sink {
    struct aep__sink base;
    const struct aep__spool *spool;
    uint64_t max_bytes;
};

static int local_fd(const struct aep__sink *sink)
{
    (void)sink;
    return -1;
}

static bool local_serve(struct aep__sink *sink, bool readable)
{
    (void)sink, (void)readable;
    return true;
}

static void *local_topic_open(struct aep__sink *sink, const char *name)
{
    (void)name;
    return sink;
}

static void local_topic_close(struct aep__sink *sink, void *topic)
{
    (void)sink, (void)topic;
}

static enum aep__verdict local_send(struct aep__sink *sink, void *topic,
                                    const struct aep__message *message, void *record,
                                    const char **ret_error, bool *ret_forbidden)
{
    (void)sink, (void)topic, (void)message, (void)record;
    (void)ret_error, (void)ret_forbidden;
    return AEP__VERDICT_DONE;
}

static bool local_wants(const struct aep__sink *sink, aep_position begin, aep_position end)
{
    const struct local_sink *local = (const struct local_sink *)sink;
    return aep__kept_exceeded(local->spool, local->max_bytes, begin, end);
}

static void local_nothing(struct aep__sink *sink)
{
    (void)sink;
}

static void local_free(struct aep__sink *sink)
{
    free(sink);
}

static const struct aep__sink_ops local_ops = {
    .fd = local_fd,
    .serve = local_serve,
    .topic_open = local_topic_open,
    .topic_close = local_topic_close,
    .send = local_send,
    .wants = local_wants,
    .verify = local_nothing,
    .abandon = local_nothing,
    .free = local_free,
};

int aep__sink_local_new(struct aep__sink **ret, const struct aep__spool *spool, uint64_t max_bytes,
                        aep_error *err)
{
    struct local_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return aep__error_memory(err);
    sink->base =
        (struct aep__sink){.ops = &local_ops, .can = AEP__SINK_CAN_RETAIN, .window = UINT_MAX};
    sink->spool = spool;
    sink->max_bytes = max_bytes;
    *ret = &sink->base;
    return AEP_OK;
}

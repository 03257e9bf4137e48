/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/sink_absent.h"

#include "base/error.h"

#include <stdlib.h>

#define WINDOW 1000

static int absent_fd(const struct aep__sink *sink)
{
    (void)sink;
    return -1;
}

static bool absent_serve(struct aep__sink *sink, bool readable)
{
    (void)sink, (void)readable;
    return true;
}

static void *absent_topic_open(struct aep__sink *sink, const char *name)
{
    (void)name;
    return sink;
}

static void absent_topic_close(struct aep__sink *sink, void *topic)
{
    (void)sink, (void)topic;
}

static enum aep__verdict absent_send(struct aep__sink *sink, void *topic,
                                     const struct aep__message *message, void *record,
                                     const char **ret_error, bool *ret_forbidden)
{
    (void)sink, (void)topic, (void)message, (void)record;
    (void)ret_error, (void)ret_forbidden;
    return AEP__VERDICT_FULL;
}

static void absent_nothing(struct aep__sink *sink)
{
    (void)sink;
}

static void absent_free(struct aep__sink *sink)
{
    free(sink);
}

static const struct aep__sink_ops absent_ops = {
    .fd = absent_fd,
    .serve = absent_serve,
    .topic_open = absent_topic_open,
    .topic_close = absent_topic_close,
    .send = absent_send,
    .verify = absent_nothing,
    .abandon = absent_nothing,
    .free = absent_free,
};

int aep__sink_absent_new(struct aep__sink **ret, aep_error *err)
{
    struct aep__sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return aep__error_memory(err);
    *sink =
        (struct aep__sink){.ops = &absent_ops, .can = AEP__SINK_CAN_DEDUPLICATE, .window = WINDOW};
    *ret = sink;
    return AEP_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Whether topics can be read. Only an attempt shows that: a partition of each is read at its end, which
 * brings an event, news that there is none, or a refusal. */
#include "kafka/admin.h"

#include "base/clock.h"
#include "kafka/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTITION 0 /* rights are of topics */

static const struct {
    rd_kafka_resp_err_t error;
    enum aep__known readable;
} signs[] = {
    {RD_KAFKA_RESP_ERR_NO_ERROR, AEP__KNOWN_YES},
    {RD_KAFKA_RESP_ERR__PARTITION_EOF, AEP__KNOWN_YES},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, AEP__KNOWN_NO},
};

static void take_sign(struct aep__admin_topic *topic, rd_kafka_resp_err_t error)
{
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (signs[i].error == error)
            topic->readable = signs[i].readable;
    snprintf(topic->error, sizeof topic->error, "%s",
             topic->readable == AEP__KNOWN_NOT ? rd_kafka_err2str(error) : "");
}

/* The topics that are being read; NULL: it is not. */
struct attempt {
    struct aep__admin_topic *topics;
    rd_kafka_topic_t **handles;
    size_t count, open;
};

static void start(struct aep__admin *admin, struct attempt *attempt, rd_kafka_queue_t *queue)
{
    for (size_t i = 0; i < attempt->count; i++) {
        struct aep__admin_topic *topic = &attempt->topics[i];
        if (topic->state != AEP__ADMIN_PRESENT)
            continue;
        rd_kafka_topic_t *handle = rd_kafka_topic_new(admin->rk, topic->name, NULL);
        if (handle &&
            rd_kafka_consume_start_queue(handle, PARTITION, RD_KAFKA_OFFSET_END, queue) == 0) {
            attempt->handles[i] = handle;
            attempt->open++;
            take_sign(topic, RD_KAFKA_RESP_ERR__TIMED_OUT);
        } else {
            take_sign(topic, rd_kafka_last_error());
            if (handle)
                rd_kafka_topic_destroy(handle);
        }
    }
}

static void stop(struct attempt *attempt, size_t at)
{
    rd_kafka_consume_stop(attempt->handles[at], PARTITION);
    rd_kafka_topic_destroy(attempt->handles[at]);
    attempt->handles[at] = NULL;
    attempt->open--;
}

static void take(struct attempt *attempt, const rd_kafka_message_t *message)
{
    const char *name = message->rkt ? rd_kafka_topic_name(message->rkt) : "";
    for (size_t i = 0; i < attempt->count; i++)
        if (attempt->handles[i] && strcmp(attempt->topics[i].name, name) == 0)
            take_sign(&attempt->topics[i], message->err);
}

/* One that has given its sign is stopped once its message has gone, which refers to it. */
static void stop_known(struct attempt *attempt)
{
    for (size_t i = 0; i < attempt->count; i++)
        if (attempt->handles[i] && attempt->topics[i].readable != AEP__KNOWN_NOT)
            stop(attempt, i);
}

static void await(struct attempt *attempt, rd_kafka_queue_t *queue, int timeout_ms)
{
    int64_t deadline_us = aep__clock_mono_us() + timeout_ms * INT64_C(1000);
    int64_t left_us = timeout_ms * INT64_C(1000);
    while (attempt->open > 0 && left_us > 0) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(queue, (int)(left_us / 1000) + 1);
        if (message) {
            take(attempt, message);
            rd_kafka_message_destroy(message);
        }
        stop_known(attempt);
        left_us = deadline_us - aep__clock_mono_us();
    }
}

void aep__admin_try_reading(struct aep__admin *admin, struct aep__admin_topic *topics, size_t count,
                            int timeout_ms)
{
    struct attempt attempt = {topics, calloc(count + 1, sizeof *attempt.handles), count, 0};
    if (!attempt.handles)
        return;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    start(admin, &attempt, queue);
    await(&attempt, queue, timeout_ms);
    for (size_t i = 0; i < count; i++)
        if (attempt.handles[i])
            stop(&attempt, i);
    rd_kafka_queue_destroy(queue);
    free(attempt.handles);
}

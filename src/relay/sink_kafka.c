/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/sink_kafka.h"

#include "base/error.h"
#include "kafka/client.h"
#include "kafka/fault.h"
#include "relay/recall.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define QUEUE_KBYTES 2048
#define WIRE_OVERHEAD 65536 /* key, headers, framing: beyond limits.message_bytes */
#define FREE_WAIT_MS 1000
#define VERIFY_TOPIC "omninode.agent.execution.started.v1"
#define VERIFY_TIMEOUT_MS 30000

struct kafka_sink {
    struct aep__sink base;
    const struct aep__sink_events *events;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    int event_fd;
    struct aep__recall recall;
    unsigned taken; /* messages whose report is still to come */
    bool verifying;
    bool broken;
};

static struct kafka_sink *of(const struct aep__sink *sink)
{
    return (struct kafka_sink *)sink;
}

/* ---- configuration ---- */

/* Set before the user's kafka.* properties, which may override it. */
static const struct aep__property defaults[] = {
    {"client.id", "aep-relay"},
    {"acks", "all"},
    {"partitioner", "murmur2_random"},
    {"linger.ms", "0"},
    {"batch.size", "600000"}, /* one request is in flight at a time: it must carry enough */
    {"message.timeout.ms", "0"},
    {"queue.buffering.max.messages", "1000"},
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "1000"},
    {"topic.metadata.propagation.max.ms", "5000"},
    {"log.connection.close", "false"},
    {"log.queue", "true"},
    {"max.in.flight", "1"},
};

static int make_conf(rd_kafka_conf_t **ret, const aep_config *config, unsigned can, aep_error *err)
{
    struct aep__property settings[sizeof defaults / sizeof *defaults + 4];
    char message[24], kbytes[24];
    size_t count = sizeof defaults / sizeof *defaults;
    long long size = aep__config_int(config, AEP__OPT_LIMITS_MESSAGE_BYTES) + WIRE_OVERHEAD;
    long long queue = size / 1024 * 2 > QUEUE_KBYTES ? size / 1024 * 2 : QUEUE_KBYTES;
    snprintf(message, sizeof message, "%lld", size);
    snprintf(kbytes, sizeof kbytes, "%lld", queue);
    memcpy(settings, defaults, sizeof defaults);
    settings[count++] = (struct aep__property){"enable.idempotence",
                                               can & AEP__SINK_CAN_DEDUPLICATE ? "true" : "false"};
    settings[count++] = (struct aep__property){"message.max.bytes", message};
    settings[count++] = (struct aep__property){"queue.buffering.max.kbytes", kbytes};
    settings[count] = (struct aep__property){NULL, NULL};
    int result = aep__client_conf(ret, config, settings, &settings[count], err);
    if (result == AEP_OK)
        rd_kafka_conf_set_events(*ret,
                                 RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
    return result;
}

/* ---- what an error means for the record ---- */

/* A broker refuses a batch as a whole although only one of its messages may be at fault: SUSPECT and
 * EARLY ones are sent again one by one. */
static const enum aep__verdict verdicts[AEP__FAULT_COUNT] = {
    [AEP__FAULT_UNKNOWN] = AEP__VERDICT_LATER,     [AEP__FAULT_PASSING] = AEP__VERDICT_LATER,
    [AEP__FAULT_NONE] = AEP__VERDICT_DONE,         [AEP__FAULT_TOPIC] = AEP__VERDICT_REFUSED,
    [AEP__FAULT_FORBIDDEN] = AEP__VERDICT_REFUSED, [AEP__FAULT_MESSAGE] = AEP__VERDICT_SUSPECT,
    [AEP__FAULT_TIME] = AEP__VERDICT_EARLY,        [AEP__FAULT_PURGED] = AEP__VERDICT_BACK,
    [AEP__FAULT_FULL] = AEP__VERDICT_FULL,         [AEP__FAULT_PRODUCER] = AEP__VERDICT_BROKEN,
    [AEP__FAULT_AWAY] = AEP__VERDICT_LATER,        [AEP__FAULT_ALL_AWAY] = AEP__VERDICT_LATER,
    [AEP__FAULT_TLS] = AEP__VERDICT_LATER,         [AEP__FAULT_LOGIN] = AEP__VERDICT_LATER,
};

/* ---- events ---- */

static void tell_broker(struct kafka_sink *sink, enum aep_broker_state state, const char *reason)
{
    sink->events->broker(sink->events->user, state, reason);
}

static void tell_log(struct kafka_sink *sink, enum aep_log_level level, const char *text)
{
    sink->events->log(sink->events->user, level, text);
}

/* librdkafka treats a refused request as acknowledged once the next one is, because a broker that
 * knows the producer would have refused that one too. A broker that does not know the producer
 * accepts any request. A message without an offset may be missing there. */
static bool is_guess(const rd_kafka_message_t *message)
{
    return !message->err && message->offset == RD_KAFKA_OFFSET_INVALID;
}

static void on_report(struct kafka_sink *sink, const rd_kafka_message_t *message)
{
    enum aep__fault fault = aep__fault_of(message->err);
    enum aep__verdict verdict = verdicts[fault];
    const char *error = message->err ? rd_kafka_err2name(message->err) : "";
    if (is_guess(message))
        error = "acknowledged without an offset";
    if (is_guess(message) || verdict == AEP__VERDICT_BROKEN || verdict == AEP__VERDICT_FULL)
        verdict = AEP__VERDICT_LATER;
    sink->broken |= fault == AEP__FAULT_PRODUCER;
    sink->taken--;
    aep__recall_heard(&sink->recall, message);
    sink->events->reported(sink->events->user, message->_private, verdict, error,
                           fault == AEP__FAULT_FORBIDDEN);
}

static void on_reports(struct kafka_sink *sink, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message;
    bool answered = false;
    while ((message = rd_kafka_event_message_next(event))) {
        answered |= aep__from_broker(message->err);
        on_report(sink, message);
    }
    if (answered)
        tell_broker(sink, AEP_BROKER_CONNECTED, "");
}

/* An old broker, or one that grants no IdempotentWrite, has no use for an idempotent producer. */
static void on_fatal(struct kafka_sink *sink)
{
    char text[300], line[400];
    rd_kafka_resp_err_t error = rd_kafka_fatal_error(sink->rk, text, sizeof text);
    sink->broken = true;
    if (error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
        error == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
        sink->base.can &= ~(unsigned)AEP__SINK_CAN_DEDUPLICATE;
    snprintf(line, sizeof line, "this producer failed for good: %s", text);
    tell_log(sink, AEP_LOG_ERROR, line);
}

static void on_error(struct kafka_sink *sink, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    const char *text = rd_kafka_event_error_string(event);
    if (rd_kafka_event_error_is_fatal(event)) { /* its code is the cause, not __FATAL */
        on_fatal(sink);
        return;
    }
    switch (aep__fault_of(error)) {
    case AEP__FAULT_TLS:
    case AEP__FAULT_LOGIN:
        tell_broker(sink, AEP_BROKER_AUTH_FAILED, text);
        return;
    case AEP__FAULT_ALL_AWAY:
        tell_broker(sink, AEP_BROKER_UNREACHABLE, text);
        return;
    case AEP__FAULT_AWAY:
        tell_broker(sink, AEP_BROKER_UNKNOWN, text);
        return;
    default:
        tell_log(sink, AEP_LOG_WARNING, text);
    }
}

static void on_log(struct kafka_sink *sink, rd_kafka_event_t *event)
{
    const char *facility, *text;
    int level;
    if (rd_kafka_event_log(event, &facility, &text, &level) < 0)
        return;
    char line[1024];
    snprintf(line, sizeof line, "librdkafka %s: %s", facility, text);
    tell_log(sink, level <= 3 ? AEP_LOG_ERROR : level <= 4 ? AEP_LOG_WARNING : AEP_LOG_INFO, line);
}

/* Any answer from a broker, even a refusal, shows that it is up and accepts us. */
static void on_verified(struct kafka_sink *sink, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    sink->verifying = false;
    if (aep__from_broker(error) || error == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
        tell_broker(sink, AEP_BROKER_CONNECTED, "");
}

static const struct {
    rd_kafka_event_type_t type;
    void (*on)(struct kafka_sink *sink, rd_kafka_event_t *event);
} event_table[] = {
    {RD_KAFKA_EVENT_DR, on_reports},
    {RD_KAFKA_EVENT_ERROR, on_error},
    {RD_KAFKA_EVENT_LOG, on_log},
    {RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT, on_verified},
};

static void on_event(struct kafka_sink *sink, rd_kafka_event_t *event)
{
    for (size_t i = 0; i < sizeof event_table / sizeof *event_table; i++)
        if (event_table[i].type == rd_kafka_event_type(event))
            event_table[i].on(sink, event);
    rd_kafka_event_destroy(event);
}

static bool kafka_serve(struct aep__sink *base, bool readable)
{
    struct kafka_sink *sink = of(base);
    uint64_t rung;
    rd_kafka_event_t *event;
    if (readable && read(sink->event_fd, &rung, sizeof rung) < 0 && errno != EAGAIN)
        return false;
    do
        while ((event = rd_kafka_queue_poll(sink->queue, 0)))
            on_event(sink, event);
    while (aep__recall_ends(&sink->recall, sink->rk));
    return !sink->broken;
}

static int kafka_fd(const struct aep__sink *sink)
{
    return of(sink)->event_fd;
}

/* ---- sending ---- */

static void *kafka_topic_open(struct aep__sink *sink, const char *name)
{
    return rd_kafka_topic_new(of(sink)->rk, name, NULL);
}

static void kafka_topic_close(struct aep__sink *sink, void *topic)
{
    (void)sink;
    rd_kafka_topic_destroy(topic);
}

static rd_kafka_headers_t *make_headers(const struct aep__message *message)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(message->header_count);
    for (size_t i = 0; i < message->header_count; i++)
        rd_kafka_header_add(headers, message->headers[i].name.data,
                            (ssize_t)message->headers[i].name.len, message->headers[i].value.data,
                            (ssize_t)message->headers[i].value.len);
    return headers;
}

static enum aep__verdict kafka_send(struct aep__sink *base, void *topic,
                                    const struct aep__message *message, void *record,
                                    const char **ret_error, bool *ret_forbidden)
{
    struct kafka_sink *sink = of(base);
    if (!aep__recall_enter(&sink->recall))
        return AEP__VERDICT_FULL;
    rd_kafka_headers_t *headers = make_headers(message);
    rd_kafka_resp_err_t error = rd_kafka_producev(
        sink->rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_KEY(message->key.data, message->key.len),
        RD_KAFKA_V_VALUE((void *)message->value.data, message->value.len),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_TIMESTAMP(message->timestamp_ms),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_OPAQUE(record), RD_KAFKA_V_END);
    aep__recall_leave(&sink->recall);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        sink->taken++;
        return AEP__VERDICT_TAKEN;
    }
    rd_kafka_headers_destroy(headers);
    enum aep__fault fault = aep__fault_of(error);
    enum aep__verdict verdict = verdicts[fault];
    *ret_forbidden = fault == AEP__FAULT_FORBIDDEN;
    *ret_error = rd_kafka_err2name(error);
    sink->broken |= verdict == AEP__VERDICT_BROKEN;
    /* What librdkafka itself refuses is this message's own fault. */
    return verdict == AEP__VERDICT_SUSPECT ? AEP__VERDICT_INVALID : verdict;
}

/* A request that any broker answers and that needs no permission; it also makes librdkafka connect,
 * which it otherwise does only when there is something to send. */
static void kafka_verify(struct aep__sink *base)
{
    struct kafka_sink *sink = of(base);
    char text[128];
    if (sink->verifying)
        return;
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(sink->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, VERIFY_TOPIC);
    rd_kafka_AdminOptions_set_request_timeout(options, VERIFY_TIMEOUT_MS, text, sizeof text);
    rd_kafka_DescribeConfigs(sink->rk, &resource, 1, options, sink->queue);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(options);
    sink->verifying = true;
}

/* ---- life ---- */

static void kafka_abandon(struct aep__sink *base)
{
    struct kafka_sink *sink = of(base);
    rd_kafka_purge(sink->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (sink->taken > 0) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(sink->queue, FREE_WAIT_MS);
        if (!event)
            break; /* the reports that are missing will never come: the producer is destroyed next */
        on_event(sink, event);
    }
}

static void kafka_free(struct aep__sink *base)
{
    struct kafka_sink *sink = of(base);
    if (sink->queue) {
        rd_kafka_queue_io_event_enable(sink->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(sink->queue);
    }
    if (sink->rk)
        rd_kafka_destroy(sink->rk);
    if (sink->event_fd >= 0)
        close(sink->event_fd);
    aep__recall_done(&sink->recall);
    free(sink);
}

static const struct aep__sink_ops kafka_ops = {
    .fd = kafka_fd,
    .serve = kafka_serve,
    .topic_open = kafka_topic_open,
    .topic_close = kafka_topic_close,
    .send = kafka_send,
    .verify = kafka_verify,
    .abandon = kafka_abandon,
    .free = kafka_free,
};

/* queue.buffering.max.messages, whether we or the user set it. */
static unsigned queue_length(const rd_kafka_conf_t *conf)
{
    char text[24];
    aep__client_property(conf, "queue.buffering.max.messages", text, sizeof text);
    unsigned long length = strtoul(text, NULL, 10);
    return length == 0 || length > UINT_MAX ? UINT_MAX : (unsigned)length;
}

static int make_producer(struct kafka_sink *sink, rd_kafka_conf_t *conf, aep_error *err)
{
    static const uint64_t one = 1;
    int result =
        aep__client_new(&sink->rk, RD_KAFKA_PRODUCER, conf, aep__recall_watch, &sink->recall, err);
    if (result != AEP_OK)
        return result;
    sink->queue = rd_kafka_queue_get_main(sink->rk);
    rd_kafka_set_log_queue(sink->rk, NULL);
    rd_kafka_queue_io_event_enable(sink->queue, sink->event_fd, &one, sizeof one);
    return AEP_OK;
}

int aep__sink_kafka_new(struct aep__sink **ret, const aep_config *config, unsigned can,
                        const struct aep__sink_events *events, aep_error *err)
{
    rd_kafka_conf_t *conf;
    int result = make_conf(&conf, config, can, err);
    if (result != AEP_OK)
        return result;
    struct kafka_sink *sink = calloc(1, sizeof *sink);
    if (!sink) {
        rd_kafka_conf_destroy(conf);
        return aep__error_memory(err);
    }
    sink->base = (struct aep__sink){.ops = &kafka_ops, .can = can, .window = queue_length(conf)};
    sink->events = events;
    aep__recall_init(&sink->recall);
    /* Starts as readable: librdkafka does not signal events that are queued already, nor those
     * queued after them. */
    sink->event_fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
    if (sink->event_fd < 0) {
        rd_kafka_conf_destroy(conf);
        result = aep__error_errno(err, AEP_EIO, NULL, "cannot make an eventfd");
    } else {
        result = make_producer(sink, conf, err);
    }
    if (result != AEP_OK) {
        kafka_free(&sink->base);
        return result;
    }
    *ret = &sink->base;
    return AEP_OK;
}

int aep__sink_kafka_check(const aep_config *config, aep_error *err)
{
    rd_kafka_t *rk;
    rd_kafka_conf_t *conf;
    int result = make_conf(&conf, config, AEP__SINK_CAN_DEDUPLICATE, err);
    if (result == AEP_OK)
        result = aep__client_new(&rk, RD_KAFKA_PRODUCER, conf, NULL, NULL, err);
    if (result == AEP_OK)
        rd_kafka_destroy(rk);
    return result;
}

const char *aep__sink_kafka_version(void)
{
    static char text[48];
    snprintf(text, sizeof text, "librdkafka %s", rd_kafka_version_str());
    return text;
}

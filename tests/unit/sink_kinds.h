/* SPDX-License-Identifier: Apache-2.0 */
/* All sinks, each with what is behind it: a row for each says what the sink can do and how a test
 * makes it do so. relay/test_sinks.c has the cases. */
#ifndef AEP_TESTS_SINK_KINDS_H
#define AEP_TESTS_SINK_KINDS_H

#include "fake_sink.h"

#include "deliver/sink_absent.h"
#include "deliver/sink_local.h"
#include "relay/sink_kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <poll.h>

#define DEADLINE_MS 60000
#define WINDOW 64
#define WINDOW_TEXT "64"
#define ARRIVALS 512

/* What a sink can do. */
enum sink_can {
    CAN_DEFER = 1 << 0,    /* takes records and reports them later */
    CAN_KEEP = 1 << 1,     /* what arrived can be read back: values and x-aep-seq, in order */
    CAN_KEEP_ALL = 1 << 2, /* keys, timestamps and headers, too */
    CAN_FILL = 1 << 3,     /* takes WINDOW records before one is reported */
    CAN_REFUSE = 1 << 4,   /* records after a refused one come back */
    CAN_MISS = 1 << 5,     /* a topic may be missing */
    CAN_REJECT = 1 << 6,   /* some records can never be sent */
    CAN_ANSWER = 1 << 7,   /* it has a broker, which gives signs of life */
    CAN_BREAK = 1 << 8,    /* it may break for good */
    CAN_RETAIN = 1 << 9,   /* records stay in the spool */
    CAN_DECLINE = 1 << 10, /* it does not want records all the time */
    CAN_LET_GO = 1 << 11,  /* takes records, and is done with each at once */
};

struct refusal {
    int how;
    enum aep__verdict verdict;
    bool forbidden;
};

struct arrival {
    char value[1024], key[32], sequence[64], headers[512]; /* "name=value;" for each */
    bool has_key;
    int64_t timestamp_ms;
};

static struct arrival arrivals[ARRIVALS];

struct sink_kind {
    const char *name;
    unsigned can; /* enum sink_can */
    void (*begin)(void);
    void (*end)(void);
    struct aep__sink *(*make)(const struct aep__sink_events *events);
    void (*hold)(void); /* no answer from now on; nothing is under way */
    void (*release)(void);
    void (*refuse)(int how); /* while held: the first record after release(), alone */
    void (*miss)(const char *topic, bool missing);
    void (*wreck)(struct aep__sink *sink);
    size_t (*read)(const char *topic); /* into arrivals */
    struct refusal refusals[4];
    size_t refusal_count;
};

static inline struct arrival *next_arrival(size_t number)
{
    assert_true(number < ARRIVALS);
    arrivals[number] = (struct arrival){0};
    return &arrivals[number];
}

/* ---- Kafka: librdkafka's mock cluster ---- */

static struct {
    rd_kafka_t *keeper; /* keeps the mock */
    rd_kafka_mock_cluster_t *mock;
    rd_kafka_t *producer; /* the newest */
    bool down;
} cluster;

/* From here on librdkafka's own functions, as the sink calls them (linked with --wrap). */
rd_kafka_t *__real_rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *text,
                                size_t size);
rd_kafka_t *__wrap_rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *text,
                                size_t size);
void __real_rd_kafka_DescribeConfigs(rd_kafka_t *rk, rd_kafka_ConfigResource_t **resources,
                                     size_t count, const rd_kafka_AdminOptions_t *options,
                                     rd_kafka_queue_t *queue);
void __wrap_rd_kafka_DescribeConfigs(rd_kafka_t *rk, rd_kafka_ConfigResource_t **resources,
                                     size_t count, const rd_kafka_AdminOptions_t *options,
                                     rd_kafka_queue_t *queue);

/* A producer that connects at once may report that no broker is there before its creator can
 * listen. */
static inline void await_first_event(rd_kafka_t *rk)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(rk);
    for (int ms = 0; rd_kafka_queue_length(queue) == 0 && ms < DEADLINE_MS; ms += 5)
        poll(NULL, 0, 5);
    assert_true(rd_kafka_queue_length(queue) > 0);
    rd_kafka_queue_destroy(queue);
}

rd_kafka_t *__wrap_rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *text,
                                size_t size)
{
    char idempotent[16] = "";
    size_t len = sizeof idempotent;
    cluster.producer = __real_rd_kafka_new(type, conf, text, size);
    rd_kafka_conf_get(rd_kafka_conf(cluster.producer), "enable.idempotence", idempotent, &len);
    if (cluster.down && strcmp(idempotent, "true") == 0)
        await_first_event(cluster.producer);
    return cluster.producer;
}

/* What asks for a topic goes to the controller, and the mock (2.0.2) names one that is not there. */
void __wrap_rd_kafka_DescribeConfigs(rd_kafka_t *rk, rd_kafka_ConfigResource_t **resources,
                                     size_t count, const rd_kafka_AdminOptions_t *options,
                                     rd_kafka_queue_t *queue)
{
    rd_kafka_ConfigResource_t *broker = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, "1");
    (void)resources;
    assert_int_equal(count, 1);
    __real_rd_kafka_DescribeConfigs(rk, &broker, 1, options, queue);
    rd_kafka_ConfigResource_destroy(broker);
}

static inline rd_kafka_t *make_client(rd_kafka_type_t type, const char *servers)
{
    char text[300];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    if (servers)
        rd_kafka_conf_set(conf, "bootstrap.servers", servers, text, sizeof text);
    if (servers)
        rd_kafka_conf_set(conf, "group.id", "test", text, sizeof text);
    rd_kafka_t *rk = __real_rd_kafka_new(type, conf, text, sizeof text);
    assert_non_null(rk);
    return rk;
}

static inline void begin_cluster(void)
{
    static const char *const topics[] = {"news", "sport"};
    cluster.keeper = make_client(RD_KAFKA_PRODUCER, NULL);
    cluster.mock = rd_kafka_mock_cluster_new(cluster.keeper, 1);
    assert_non_null(cluster.mock);
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        rd_kafka_mock_topic_create(cluster.mock, topics[i], 1, 1);
}

static inline void end_cluster(void)
{
    rd_kafka_mock_cluster_destroy(cluster.mock);
    rd_kafka_destroy(cluster.keeper);
    cluster.down = false;
}

/* A record a request, so that a refusal is one record's. */
static inline struct aep__sink *make_kafka_as(unsigned can, const struct aep__sink_events *events)
{
    const char *const options[][2] = {
        {"kafka.bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster.mock)},
        {"kafka.queue.buffering.max.messages", WINDOW_TEXT},
        {"kafka.batch.num.messages", "1"},
        {"kafka.reconnect.backoff.max.ms", "50"},
        {"kafka.topic.metadata.propagation.max.ms", "100"},
        {"kafka.topic.metadata.refresh.interval.ms", "200"},
    };
    aep_config *args = aep_config_new(), *config;
    aep_error err = {0};
    struct aep__sink *sink = NULL;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        assert_int_equal(aep_config_set(args, options[i][0], options[i][1], &err), AEP_OK);
    if (aep__config_resolve(args, &config, &err) != AEP_OK ||
        aep__sink_kafka_new(&sink, config, can, events, &err) != AEP_OK)
        fail_msg("no sink: %s", err.text);
    aep_config_free(config);
    aep_config_free(args);
    return sink;
}

static inline struct aep__sink *make_kafka(const struct aep__sink_events *events)
{
    return make_kafka_as(AEP__SINK_CAN_DEDUPLICATE, events);
}

static inline struct aep__sink *make_plain_kafka(const struct aep__sink_events *events)
{
    return make_kafka_as(0, events);
}

static inline void hold_cluster(void)
{
    rd_kafka_mock_broker_set_down(cluster.mock, 1);
    cluster.down = true;
}

static inline void release_cluster(void)
{
    rd_kafka_mock_broker_set_up(cluster.mock, 1);
    cluster.down = false;
}

static inline void refuse_request(int error)
{
    const int16_t produce = 0;
    rd_kafka_mock_broker_push_request_error_rtts(cluster.mock, 1, produce, 1, error, 0);
}

static inline void miss_in_cluster(const char *topic, bool missing)
{
    rd_kafka_mock_topic_set_error(cluster.mock, topic,
                                  missing ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                                          : RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* The error that librdkafka offers for tests; a sink cannot tell it from others. */
static inline void wreck_producer(struct aep__sink *sink)
{
    (void)sink;
    rd_kafka_test_fatal_error(cluster.producer, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                              "broken on purpose");
}

static inline void note_message(struct arrival *to, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t len, at = 0;
    rd_kafka_timestamp_type_t type;
    assert_int_equal(rd_kafka_message_headers(message, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &len) == 0; i++)
        at += (size_t)snprintf(to->headers + at, sizeof to->headers - at, "%s=%.*s;", name,
                               (int)len, (const char *)value);
    if (rd_kafka_header_get_last(headers, "x-aep-seq", &value, &len) == 0)
        snprintf(to->sequence, sizeof to->sequence, "%.*s", (int)len, (const char *)value);
    snprintf(to->value, sizeof to->value, "%.*s", (int)message->len,
             (const char *)message->payload);
    snprintf(to->key, sizeof to->key, "%.*s", (int)message->key_len, (const char *)message->key);
    to->has_key = message->key;
    to->timestamp_ms = rd_kafka_message_timestamp(message, &type);
}

static inline size_t read_cluster(const char *topic)
{
    rd_kafka_t *consumer =
        make_client(RD_KAFKA_CONSUMER, rd_kafka_mock_cluster_bootstraps(cluster.mock));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    int64_t low, high;
    size_t count = 0;
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_query_watermark_offsets(consumer, topic, 0, &low, &high, DEADLINE_MS),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_assign(consumer, list);
    while ((int64_t)count < high - low) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, DEADLINE_MS);
        assert_non_null(message);
        if (!message->err)
            note_message(next_arrival(count++), message);
        rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return count;
}

/* ---- the fake one ---- */

static struct fake_broker fake;
static struct fake_sink *fake_newest;
static int fake_refusal; /* enum fake_state; the first record's; FAKE_FINE: none */

static struct {
    size_t topic;
    struct arrival what;
} fake_kept[ARRIVALS];
static size_t fake_kept_count;

static inline void keep_fake(void *user, size_t topic, struct aep__slice value,
                             struct aep__slice sequence)
{
    (void)user;
    assert_true(fake_kept_count < ARRIVALS);
    struct arrival *to = &fake_kept[fake_kept_count].what;
    fake_kept[fake_kept_count++].topic = topic;
    *to = (struct arrival){0};
    snprintf(to->value, sizeof to->value, "%.*s", (int)value.len, value.data);
    snprintf(to->sequence, sizeof to->sequence, "%.*s", (int)sequence.len, sequence.data);
}

static inline void begin_fake(void)
{
    fake = (struct fake_broker){.accept = keep_fake};
    fake_kept_count = 0;
    fake_refusal = FAKE_FINE;
}

static inline void end_fake(void)
{
    fake_newest = NULL;
}

static inline struct aep__sink *make_fake(const struct aep__sink_events *events)
{
    fake_newest = fake_sink_new(&fake, WINDOW, events);
    fake_newest->automatic = true;
    return &fake_newest->base;
}

static inline void hold_fake(void)
{
    fake_newest->automatic = false;
}

static inline void release_fake(void)
{
    fake_newest->automatic = true;
    if (fake_refusal != FAKE_FINE) {
        size_t topic = fake_newest->taken[0].topic;
        fake.topics[topic].state = (enum fake_state)fake_refusal;
        fake_decide(fake_newest, topic, 1);
        fake.topics[topic].state = FAKE_FINE;
        fake_refusal = FAKE_FINE;
    }
    fake_ring(fake_newest);
}

static inline void refuse_fake(int how)
{
    fake_refusal = how;
}

static inline void miss_in_fake(const char *topic, bool missing)
{
    fake.topics[fake_topic_of(&fake, topic)].state = missing ? FAKE_MISSING : FAKE_FINE;
}

static inline void wreck_fake(struct aep__sink *sink)
{
    fake_of(sink)->broken = true;
    fake_ring(fake_of(sink));
}

static inline size_t read_fake(const char *topic)
{
    size_t count = 0;
    for (size_t i = 0; i < fake_kept_count; i++)
        if (fake_kept[i].topic == fake_topic_of(&fake, topic))
            *next_arrival(count++) = fake_kept[i].what;
    return count;
}

/* ---- local mode ---- */

static inline void nothing(void)
{
}

/* Its folder does not exist: then max_bytes counts. */
static inline struct aep__sink *make_local(const struct aep__sink_events *events)
{
    static const struct aep__spool spool = {.dir_fd = -1, .segment_bytes = 4096};
    struct aep__sink *sink = NULL;
    aep_error err;
    (void)events;
    assert_int_equal(aep__sink_local_new(&sink, &spool, 1 << 20, &err), AEP_OK);
    return sink;
}

/* ---- while no Kafka client can be made ---- */

static inline struct aep__sink *make_absent(const struct aep__sink_events *events)
{
    struct aep__sink *sink = NULL;
    aep_error err;
    (void)events;
    assert_int_equal(aep__sink_absent_new(&sink, &err), AEP_OK);
    return sink;
}

/* ---- the table ---- */

#define KAFKA_CAN                                                                                  \
    (CAN_DEFER | CAN_KEEP | CAN_KEEP_ALL | CAN_FILL | CAN_REFUSE | CAN_MISS | CAN_REJECT |         \
     CAN_ANSWER | CAN_BREAK)
#define KAFKA_BEHIND                                                                               \
    .begin = begin_cluster, .end = end_cluster, .hold = hold_cluster, .release = release_cluster,  \
    .refuse = refuse_request, .miss = miss_in_cluster, .wreck = wreck_producer,                    \
    .read = read_cluster

static const struct sink_kind sink_kinds[] = {
    {
        .name = "kafka",
        .can = KAFKA_CAN,
        .make = make_kafka,
        KAFKA_BEHIND,
        .refusals = {{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, AEP__VERDICT_SUSPECT, false},
                     {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, AEP__VERDICT_REFUSED, true},
                     {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, AEP__VERDICT_EARLY, false}},
        .refusal_count = 3,
    },
    {
        .name = "kafka without idempotence",
        .can = KAFKA_CAN,
        .make = make_plain_kafka,
        KAFKA_BEHIND,
        .refusals = {{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, AEP__VERDICT_SUSPECT, false},
                     {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, AEP__VERDICT_REFUSED, true},
                     {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, AEP__VERDICT_EARLY, false},
                     {RD_KAFKA_RESP_ERR_UNKNOWN, AEP__VERDICT_LATER, false}},
        .refusal_count = 4,
    },
    {
        .name = "fake",
        .can = CAN_DEFER | CAN_KEEP | CAN_FILL | CAN_REFUSE | CAN_MISS | CAN_REJECT | CAN_ANSWER |
               CAN_BREAK,
        .begin = begin_fake,
        .end = end_fake,
        .make = make_fake,
        .hold = hold_fake,
        .release = release_fake,
        .refuse = refuse_fake,
        .miss = miss_in_fake,
        .wreck = wreck_fake,
        .read = read_fake,
        .refusals = {{FAKE_MISSING, AEP__VERDICT_REFUSED, false},
                     {FAKE_FORBIDDEN, AEP__VERDICT_REFUSED, true},
                     {FAKE_BUSY, AEP__VERDICT_LATER, false}},
        .refusal_count = 3,
    },
    {
        .name = "local",
        .can = CAN_RETAIN | CAN_DECLINE | CAN_LET_GO,
        .begin = nothing,
        .end = nothing,
        .make = make_local,
    },
    {
        .name = "absent",
        .can = 0,
        .begin = nothing,
        .end = nothing,
        .make = make_absent,
    },
};

#endif

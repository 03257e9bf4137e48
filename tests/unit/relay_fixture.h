/* SPDX-License-Identifier: Apache-2.0 */
/* A relay whose errors a test makes to order.
 *
 *     publisher ─▶ spool ─▶ relay (a thread of this program) ─▶ librdkafka's mock cluster ─▶ consumer
 *                                   └ rd_kafka_new() is wrapped: a test sees each producer made
 *
 * A program that includes this is linked with --wrap (CMakeLists.txt). */
#ifndef AEP_TESTS_RELAY_FIXTURE_H
#define AEP_TESTS_RELAY_FIXTURE_H

#include "client_fixture.h"

#include "relay/handover.h"
#include "relay/settings.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#define RTT_MS 300        /* of a slow broker: what was sent is in flight for that long, */
#define QUEUE_RTT_MS 5000 /* long enough to fill the queue behind it, on a busy machine too */
#define SLOW_RTT_MS 1000  /* long enough for another request */
#define LATE_MS 5         /* for a relay that hears late: enough time to send the next request */
#define TOPIC "test.relay.kafka.v1"
#define OTHER_TOPIC "test.relay.other.v1"
#define KEYS 3
#define REFUSALS 60         /* of produce requests, one after the other: some seconds */
#define PRODUCE 0           /* requests of the Kafka protocol, */
#define INIT_PRODUCER_ID 22 /* which an idempotent producer sends first */
#define MOST 8192           /* events of one test */
#define WINDOW 1000         /* kafka.queue.buffering.max.messages: as many may come twice */

/* ---- the relay's producers ---- */

static rd_kafka_t *_Atomic producer; /* the newest */
static atomic_int producers;
static atomic_bool idempotent;
static bool several_in_flight; /* requests: the next producers are made so */

rd_kafka_t *__real_rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *text,
                                size_t size);
rd_kafka_t *__wrap_rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *text,
                                size_t size);

rd_kafka_t *__wrap_rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *text,
                                size_t size)
{
    if (several_in_flight)
        rd_kafka_conf_set(conf, "max.in.flight", "5", text, size);
    rd_kafka_t *rk = __real_rd_kafka_new(type, conf, text, size);
    char value[16] = "";
    size_t len = sizeof value;
    rd_kafka_conf_get(rd_kafka_conf(rk), "enable.idempotence", value, &len);
    atomic_store(&idempotent, strcmp(value, "true") == 0);
    atomic_store(&producer, rk);
    atomic_fetch_add(&producers, 1);
    return rk;
}

/* A relay that learns its events' fate only after the next ones could have been sent. */
static atomic_bool hears_late;

rd_kafka_event_t *__real_rd_kafka_queue_poll(rd_kafka_queue_t *queue, int timeout_ms);
rd_kafka_event_t *__wrap_rd_kafka_queue_poll(rd_kafka_queue_t *queue, int timeout_ms);

rd_kafka_event_t *__wrap_rd_kafka_queue_poll(rd_kafka_queue_t *queue, int timeout_ms)
{
    if (atomic_load(&hears_late))
        poll(NULL, 0, LATE_MS);
    return __real_rd_kafka_queue_poll(queue, timeout_ms);
}

static inline void break_producer(rd_kafka_resp_err_t error)
{
    assert_int_equal(rd_kafka_test_fatal_error(atomic_load(&producer), error, "broken on purpose"),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
}

static inline void await_producer(int number)
{
    int64_t end = now_ms() + DEADLINE_MS;
    while (atomic_load(&producers) < number && now_ms() < end)
        poll(NULL, 0, 5);
    assert_int_equal(atomic_load(&producers), number);
}

/* Waits until librdkafka holds `count` messages that are not acknowledged. */
static inline void await_in_flight(int count)
{
    int64_t end = now_ms() + DEADLINE_MS;
    while (rd_kafka_outq_len(atomic_load(&producer)) < count && now_ms() < end)
        poll(NULL, 0, 1);
    assert_true(rd_kafka_outq_len(atomic_load(&producer)) >= count);
}

/* ---- the cluster ---- */

static struct {
    rd_kafka_t *rk; /* keeps the mock */
    rd_kafka_mock_cluster_t *mock;
    const char *servers;
} cluster;

static inline rd_kafka_t *make_client(rd_kafka_type_t type, const char *const properties[][2])
{
    char text[300];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    for (; (*properties)[0]; properties++)
        assert_int_equal(
            rd_kafka_conf_set(conf, (*properties)[0], (*properties)[1], text, sizeof text),
            RD_KAFKA_CONF_OK);
    rd_kafka_t *rk = __real_rd_kafka_new(type, conf, text, sizeof text);
    assert_non_null(rk);
    return rk;
}

static inline rd_kafka_t *make_consumer(void)
{
    const char *const properties[][2] = {{"bootstrap.servers", cluster.servers},
                                         {"group.id", "test"},
                                         {"fetch.wait.max.ms", "20"},
                                         {NULL}};
    return make_client(RD_KAFKA_CONSUMER, properties);
}

static inline void start_cluster(void)
{
    static const char *const none[][2] = {{NULL}};
    cluster.rk = make_client(RD_KAFKA_PRODUCER, none);
    cluster.mock = rd_kafka_mock_cluster_new(cluster.rk, 1);
    assert_non_null(cluster.mock);
    cluster.servers = rd_kafka_mock_cluster_bootstraps(cluster.mock);
    rd_kafka_mock_topic_create(cluster.mock, TOPIC, KEYS, 1);
    rd_kafka_mock_topic_create(cluster.mock, OTHER_TOPIC, KEYS, 1);
}

static inline void stop_cluster(void)
{
    rd_kafka_mock_cluster_destroy(cluster.mock);
    rd_kafka_destroy(cluster.rk);
}

/* ---- what arrived ---- */

struct received {
    unsigned times[MOST];      /* how often event n came */
    char sequence[MOST][64];   /* its x-aep-seq */
    int newest[KEYS];          /* of the topic and each key, leaving out what came again */
    unsigned different, twice; /* events */
    bool any_order;
};

static inline int number_in(const rd_kafka_message_t *message)
{
    char value[4096];
    snprintf(value, sizeof value, "%.*s", (int)message->len, (const char *)message->payload);
    const char *at = strstr(value, "\"n\":");
    assert_non_null(at);
    int number = atoi(at + strlen("\"n\":"));
    assert_true(number >= 0 && number < MOST);
    return number;
}

static inline void take_message(struct received *to, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const void *sequence;
    size_t len;
    int n = number_in(message), key = n % KEYS;
    assert_int_equal(rd_kafka_message_headers(message, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_header_get_last(headers, "x-aep-seq", &sequence, &len),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_true(len < sizeof to->sequence[n]);
    if (to->times[n]++ > 0) {
        to->twice++;
        assert_memory_equal(to->sequence[n], sequence, len);
        return;
    }
    to->different++;
    memcpy(to->sequence[n], sequence, len);
    assert_true(to->any_order || n > to->newest[key]);
    to->newest[key] = n;
}

/* Reads a topic's partitions to their ends. */
static inline void receive(struct received *to, const char *topic)
{
    rd_kafka_t *consumer = make_consumer();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(KEYS);
    int64_t end = now_ms() + DEADLINE_MS, expected = 0, count = 0;
    for (int i = 0; i < KEYS; i++) {
        int64_t low, high;
        to->newest[i] = -1;
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
        assert_int_equal(
            rd_kafka_query_watermark_offsets(consumer, topic, i, &low, &high, DEADLINE_MS),
            RD_KAFKA_RESP_ERR_NO_ERROR);
        expected += high - low;
    }
    rd_kafka_assign(consumer, list);
    while (count < expected && now_ms() < end) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
        if (message && !message->err) {
            take_message(to, message);
            count++;
        }
        if (message)
            rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    assert_int_equal(count, expected);
}

static struct received received;

static inline void begin_receiving(void)
{
    memset(&received, 0, sizeof received);
}

/* Events 0 to count - 1 are there, in the order of each key, with the numbers of their places in the
 * spool; no more than was in flight came twice. */
static inline void assert_all_arrived(unsigned count, unsigned most_twice)
{
    assert_int_equal(received.different, count);
    assert_true(received.twice <= most_twice);
    for (unsigned n = 0; n < count; n++) {
        const char *colon = strchr(received.sequence[n], ':');
        assert_non_null(colon);
        assert_int_equal(strtoul(colon + 1, NULL, 10), n);
    }
}

/* ---- the relay ---- */

static struct {
    struct aep__relay *relay;
    aep_config *config;
    pthread_t thread;
    bool runs;
    int result;
    aep_error err;
} relay;

static inline void *run_relay(void *arg)
{
    relay.result = aep__relay_run(relay.relay, &relay.err);
    return arg;
}

/* As apps/aep-relay does, but in a thread. */
static inline void start_relay(struct here *here)
{
    relay.relay = calloc(1, sizeof *relay.relay);
    assert_non_null(relay.relay);
    relay.relay->foreground = true;
    accepted(here, aep__config_resolve(here->config, &relay.config, &here->err));
    relay.relay->config = relay.config;
    accepted(here, aep__spool_open(&relay.relay->spool, here->dir, NULL, &here->err));
    aep__log_init(&relay.relay->log, relay.relay->spool.dir_fd, AEP__RELAY_LOG, false);
    aep__counters_init(&relay.relay->counters, &relay.relay->spool);
    aep__relay_init(relay.relay);
    aep__settings_fingerprint(relay.config, relay.relay->fingerprint);
    accepted(here, aep__handover_take(relay.relay, &here->err));
    assert_int_equal(pthread_create(&relay.thread, NULL, run_relay, NULL), 0);
    relay.runs = true;
    await_producer(1);
}

static inline void tell_relay(struct here *here, const char *request)
{
    struct aep__spool spool;
    int64_t end = now_ms() + DEADLINE_MS;
    int fd = -1;
    accepted(here, aep__spool_open(&spool, here->dir, NULL, &here->err));
    while ((fd = aep__control_connect(&spool)) < 0 && now_ms() < end)
        poll(NULL, 0, 5);
    assert_true(fd >= 0 && aep__control_send(fd, "%s", request));
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&answer, 1, DEADLINE_MS), 1);
    close(fd);
    aep__spool_done(&spool);
}

static inline void stop_relay(struct here *here)
{
    tell_relay(here, "stop 1");
    pthread_join(relay.thread, NULL);
    relay.runs = false;
    if (relay.result != AEP_OK)
        fail_msg("the relay: %s", relay.err.text);
}

static inline void free_relay(void)
{
    if (!relay.relay)
        return;
    aep__counters_done(&relay.relay->counters);
    aep__log_done(&relay.relay->log);
    aep__spool_done(&relay.relay->spool);
    if (relay.relay->lock_fd >= 0)
        close(relay.relay->lock_fd);
    free(relay.relay);
    aep_config_free(relay.config);
    memset(&relay, 0, sizeof relay);
}

/* ---- publishing ---- */

static inline void publish(struct here *here, const char *type, unsigned first, unsigned count)
{
    for (unsigned n = first; n < first + count; n++) {
        char payload[64];
        snprintf(payload, sizeof payload, "{\"n\":%u,\"correlation_id\":\"key-%u\"}", n, n % KEYS);
        accepted(here,
                 aep_publish_event(here->pub, AEP_EVENT(.event_type = type, .payload = payload),
                                   NULL, &here->err));
    }
}

static inline void flush(struct here *here, int expected)
{
    int result = aep_publisher_flush(here->pub, DEADLINE_MS, &here->err);
    if (result != expected)
        fail_msg("flush: %s: %s", aep_code_name(result), here->err.text);
}

static inline aep_stats stats_of(struct here *here)
{
    aep_stats stats = AEP_STATS_INIT;
    accepted(here, aep_publisher_stats(here->pub, &stats, &here->err));
    return stats;
}

/* Whether a line of the relay's log has this level and this text in it. */
static inline bool is_logged(const struct here *here, const char *level, const char *text)
{
    char path[128], line[2048], mark[32];
    bool found = false;
    snprintf(path, sizeof path, "%s/relay.log", here->dir);
    snprintf(mark, sizeof mark, " %s ", level);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (!found && fgets(line, sizeof line, file))
        found = strstr(line, mark) && strstr(line, text);
    fclose(file);
    return found;
}

static inline int begin(void **state)
{
    if (set_up(state) != 0)
        return -1;
    struct here *here = *state;
    atomic_store(&producers, 0);
    several_in_flight = false;
    atomic_store(&hears_late, false);
    start_cluster();
    set_option(here, "kafka.bootstrap.servers", cluster.servers);
    set_option(here, "relay.mode", "external");
    open_publisher(here);
    begin_receiving();
    return 0;
}

static inline int end(void **state)
{
    struct here *here = *state;
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, 0);
    if (relay.runs)
        stop_relay(here);
    free_relay();
    stop_cluster();
    return tear_down(state);
}

/* ---- a plain producer ---- */

static inline void refuse_idempotence(void)
{
    rd_kafka_mock_push_request_errors(cluster.mock, INIT_PRODUCER_ID, 1,
                                      RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
}

/* The first producer gets no id from this cluster; a plain one needs none. */
static inline void start_refused(struct here *here)
{
    start_relay(here);
    await_producer(2);
    assert_false(atomic_load(&idempotent));
}

static inline void start_plain(struct here *here)
{
    refuse_idempotence();
    start_refused(here);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif

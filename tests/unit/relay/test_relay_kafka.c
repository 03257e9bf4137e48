/* SPDX-License-Identifier: Apache-2.0 */
/* A relay and errors that no broker of ours makes to order: those that pass, and those after which a
 * librdkafka producer fails for good, so that the relay replaces it.
 *
 *     publisher ─▶ spool ─▶ relay (a thread of this program) ─▶ librdkafka's mock cluster ─▶ consumer
 *                                   └ its producers are seen as they are made: rd_kafka_new()
 *
 * Fatal errors are those that librdkafka offers for tests; the relay cannot tell them from others. */
#include "client_fixture.h"

#include "relay/handover.h"
#include "relay/settings.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#define DEADLINE_MS 60000
#define RTT_MS 300        /* of a slow broker: what was sent is in flight for that long, */
#define QUEUE_RTT_MS 5000 /* long enough to fill the queue behind it, on a busy machine too */
#define SLOW_RTT_MS 1000  /* long enough for another request */
#define LATE_MS 5         /* of a relay that hears late: time enough to send the next request */
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

/* A relay that hears of what became of its events only after the next ones could have been sent. */
static atomic_bool hears_late;

rd_kafka_event_t *__real_rd_kafka_queue_poll(rd_kafka_queue_t *queue, int timeout_ms);
rd_kafka_event_t *__wrap_rd_kafka_queue_poll(rd_kafka_queue_t *queue, int timeout_ms);

rd_kafka_event_t *__wrap_rd_kafka_queue_poll(rd_kafka_queue_t *queue, int timeout_ms)
{
    if (atomic_load(&hears_late))
        poll(NULL, 0, LATE_MS);
    return __real_rd_kafka_queue_poll(queue, timeout_ms);
}

static void break_producer(rd_kafka_resp_err_t error)
{
    assert_int_equal(rd_kafka_test_fatal_error(atomic_load(&producer), error, "broken on purpose"),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void await_producer(int number)
{
    int64_t end = now_ms() + DEADLINE_MS;
    while (atomic_load(&producers) < number && now_ms() < end)
        poll(NULL, 0, 5);
    assert_int_equal(atomic_load(&producers), number);
}

/* Until so much was handed to librdkafka and not acknowledged. */
static void await_in_flight(int count)
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

static rd_kafka_t *make_client(rd_kafka_type_t type, const char *const properties[][2])
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

static rd_kafka_t *make_consumer(void)
{
    const char *const properties[][2] = {{"bootstrap.servers", cluster.servers},
                                         {"group.id", "test"},
                                         {"fetch.wait.max.ms", "20"},
                                         {NULL}};
    return make_client(RD_KAFKA_CONSUMER, properties);
}

static void start_cluster(void)
{
    static const char *const none[][2] = {{NULL}};
    cluster.rk = make_client(RD_KAFKA_PRODUCER, none);
    cluster.mock = rd_kafka_mock_cluster_new(cluster.rk, 1);
    assert_non_null(cluster.mock);
    cluster.servers = rd_kafka_mock_cluster_bootstraps(cluster.mock);
    rd_kafka_mock_topic_create(cluster.mock, TOPIC, KEYS, 1);
    rd_kafka_mock_topic_create(cluster.mock, OTHER_TOPIC, KEYS, 1);
}

static void stop_cluster(void)
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

static int number_in(const rd_kafka_message_t *message)
{
    char value[4096];
    snprintf(value, sizeof value, "%.*s", (int)message->len, (const char *)message->payload);
    const char *at = strstr(value, "\"n\":");
    assert_non_null(at);
    int number = atoi(at + strlen("\"n\":"));
    assert_true(number >= 0 && number < MOST);
    return number;
}

static void take_message(struct received *to, const rd_kafka_message_t *message)
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
static void receive(struct received *to, const char *topic)
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

static void begin_receiving(void)
{
    memset(&received, 0, sizeof received);
}

/* Events 0 to count - 1 are there, in the order of each key, with the numbers of their places in the
 * spool; no more than was in flight came twice. */
static void assert_all_arrived(unsigned count, unsigned most_twice)
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

static void *run_relay(void *arg)
{
    relay.result = aep__relay_run(relay.relay, &relay.err);
    return arg;
}

/* As apps/aep-relay does, but for the process. */
static void start_relay(struct here *here)
{
    relay.relay = calloc(1, sizeof *relay.relay);
    assert_non_null(relay.relay);
    relay.relay->foreground = true;
    accepted(here, aep__config_resolve(here->config, &relay.config, &here->err));
    relay.relay->config = relay.config;
    accepted(here, aep__spool_open(&relay.relay->spool, here->dir, NULL, &here->err));
    aep__log_init(&relay.relay->log, &relay.relay->spool, false);
    aep__counters_init(&relay.relay->counters, &relay.relay->spool);
    aep__relay_init(relay.relay);
    aep__settings_fingerprint(relay.config, relay.relay->fingerprint);
    accepted(here, aep__handover_take(relay.relay, &here->err));
    assert_int_equal(pthread_create(&relay.thread, NULL, run_relay, NULL), 0);
    relay.runs = true;
    await_producer(1);
}

static void tell_relay(struct here *here, const char *request)
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

static void stop_relay(struct here *here)
{
    tell_relay(here, "stop 1");
    pthread_join(relay.thread, NULL);
    relay.runs = false;
    if (relay.result != AEP_OK)
        fail_msg("the relay: %s", relay.err.text);
}

static void free_relay(void)
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

static void publish(struct here *here, const char *type, unsigned first, unsigned count)
{
    for (unsigned n = first; n < first + count; n++) {
        char payload[64];
        snprintf(payload, sizeof payload, "{\"n\":%u,\"correlation_id\":\"key-%u\"}", n, n % KEYS);
        accepted(here,
                 aep_publish_event(here->pub, AEP_EVENT(.event_type = type, .payload = payload),
                                   NULL, &here->err));
    }
}

static void flush(struct here *here, int expected)
{
    int result = aep_publisher_flush(here->pub, DEADLINE_MS, &here->err);
    if (result != expected)
        fail_msg("flush: %s: %s", aep_code_name(result), here->err.text);
}

static aep_stats stats_of(struct here *here)
{
    aep_stats stats = AEP_STATS_INIT;
    accepted(here, aep_publisher_stats(here->pub, &stats, &here->err));
    return stats;
}

/* Whether a line of the relay's log has this level and this text in it. */
static bool is_logged(const struct here *here, const char *level, const char *text)
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

static int begin(void **state)
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

static int end(void **state)
{
    struct here *here = *state;
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, 0);
    if (relay.runs)
        stop_relay(here);
    free_relay();
    stop_cluster();
    return tear_down(state);
}

/* ---- errors that pass ---- */

static void refuse_idempotence(void)
{
    rd_kafka_mock_push_request_errors(cluster.mock, INIT_PRODUCER_ID, 1,
                                      RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
}

/* The first producer gets no id from this cluster; a plain one needs none. */
static void start_refused(struct here *here)
{
    start_relay(here);
    await_producer(2);
    assert_false(atomic_load(&idempotent));
}

static void start_plain(struct here *here)
{
    refuse_idempotence();
    start_refused(here);
}

static void refuse_requests(size_t count, rd_kafka_resp_err_t error)
{
    while (count-- > 0)
        rd_kafka_mock_broker_push_request_error_rtts(cluster.mock, 1, PRODUCE, 1, error, 0);
}

/* Until so many of the produce requests were refused that all events wait for the same next try. A
 * plain producer's request that is made while the first ones are refused may overtake them
 * (docs/OPERATIONS.md). */
static void await_refusals(size_t left)
{
    int64_t deadline = now_ms() + DEADLINE_MS;
    size_t count = REFUSALS;
    while (count > left && now_ms() < deadline) {
        poll(NULL, 0, 10);
        rd_kafka_mock_broker_error_stack_cnt(cluster.mock, 1, PRODUCE, &count);
    }
    assert_true(count <= left);
}

static void refuse_for_a_while(struct here *here, rd_kafka_resp_err_t error)
{
    start_plain(here);
    publish(here, TOPIC, 0, 100);
    flush(here, AEP_OK);
    refuse_requests(REFUSALS, error);
    publish(here, TOPIC, 100, 900);
    await_refusals(REFUSALS / 3);
    publish(here, TOPIC, 1000, 1000);
    flush(here, AEP_OK);
    receive(&received, TOPIC);
    assert_all_arrived(2000, 0);
    aep_stats stats = stats_of(here);
    assert_int_equal(stats.lost + stats.parked + stats.dead, 0);
    assert_int_equal(atomic_load(&producers), 2);
}

static void test_too_few_replicas_hold_events_back_in_order(void **state)
{
    refuse_for_a_while(*state, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
}

static void test_a_leader_that_moves_holds_events_back_in_order(void **state)
{
    refuse_for_a_while(*state, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
}

/* The first request of each partition is refused while the next events are there already. */
static void refuse_the_first(struct here *here)
{
    start_relay(here);
    publish(here, TOPIC, 0, KEYS);
    flush(here, AEP_OK);
    assert_true(atomic_load(&idempotent));
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, several_in_flight ? SLOW_RTT_MS : RTT_MS);
    refuse_requests(KEYS, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    publish(here, TOPIC, KEYS, KEYS);
    await_refusals(several_in_flight ? 0 : KEYS - 1);
    publish(here, TOPIC, 2 * KEYS, KEYS);
    flush(here, AEP_OK);
    receive(&received, TOPIC);
    assert_all_arrived(3 * KEYS, KEYS);
}

/* This cluster takes any request of an idempotent producer, as a broker does that remembers nothing
 * of it: order is kept only by not sending the next one. */
static void test_the_next_request_waits_for_the_one_before(void **state)
{
    struct here *here = *state;
    refuse_the_first(here);
    assert_int_equal(received.twice, 0);
    assert_false(is_logged(here, "warning", "acknowledged without an offset"));
}

/* librdkafka takes the refused requests for acknowledged; this cluster does not have them. */
static void test_what_the_broker_gave_no_offset_is_sent_again(void **state)
{
    struct here *here = *state;
    several_in_flight = received.any_order = true;
    refuse_the_first(here);
    assert_true(is_logged(here, "warning", "acknowledged without an offset"));
}

/* Refused while librdkafka's queue is full behind it: a request of one partition, for good. */
static void refuse_before_a_queue(struct here *here, rd_kafka_resp_err_t error)
{
    publish(here, TOPIC, 0, KEYS);
    publish(here, OTHER_TOPIC, KEYS, KEYS);
    flush(here, AEP_OK);
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, QUEUE_RTT_MS);
    refuse_requests(1, error);
    for (unsigned n = 2 * KEYS; n < 2400; n += 2 * KEYS) {
        publish(here, TOPIC, n, KEYS);
        publish(here, OTHER_TOPIC, n + KEYS, KEYS);
    }
    await_in_flight(WINDOW);
    atomic_store(&hears_late, true);
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, 0);
    flush(here, AEP_OK);
    receive(&received, TOPIC);
    receive(&received, OTHER_TOPIC);
    assert_all_arrived(2400, 0);
    assert_int_equal(stats_of(here).dead, 0);
}

static void test_nothing_overtakes_a_refused_batch(void **state)
{
    start_relay(*state);
    refuse_before_a_queue(*state, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    assert_true(atomic_load(&idempotent));
}

static void test_nothing_overtakes_a_plain_producers_refused_batch(void **state)
{
    start_plain(*state);
    refuse_before_a_queue(*state, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
}

static void test_nothing_overtakes_a_batch_that_failed_in_the_broker(void **state)
{
    start_plain(*state);
    refuse_before_a_queue(*state, RD_KAFKA_RESP_ERR_UNKNOWN);
    assert_true(is_logged(*state, "warning", "UNKNOWN: sending again"));
}

static void test_nothing_overtakes_a_batch_ahead_of_the_brokers_clock(void **state)
{
    start_relay(*state);
    refuse_before_a_queue(*state, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP);
}

/* Refused in its batch, alone, and once more from the parked log. */
static void test_events_ahead_of_the_brokers_clock_wait_for_it(void **state)
{
    struct here *here = *state;
    start_relay(here);
    publish(here, TOPIC, 0, KEYS);
    flush(here, AEP_OK);
    refuse_requests(3, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP);
    publish(here, TOPIC, KEYS, KEYS);
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (stats_of(here).parked == 0 && now_ms() < deadline)
        poll(NULL, 0, 20);
    aep_health health = AEP_HEALTH_INIT;
    while (!strstr(health.reason, "compare the clocks") && now_ms() < deadline) {
        poll(NULL, 0, 5);
        accepted(here, aep_publisher_health(here->pub, &health, &here->err));
    }
    assert_true(now_ms() < deadline);
    publish(here, TOPIC, 2 * KEYS, KEYS);
    while (stats_of(here).unparked < stats_of(here).parked && now_ms() < deadline)
        poll(NULL, 0, 20);
    flush(here, AEP_OK);
    receive(&received, TOPIC);
    assert_all_arrived(3 * KEYS, 0);
    assert_int_equal(stats_of(here).dead, 0);
    assert_true(is_logged(here, "warning", "not ready for events of that time"));
}

/* As of a producer that has had all epochs that there are. */
static void test_a_producer_of_an_old_epoch_is_replaced(void **state)
{
    struct here *here = *state;
    start_relay(here);
    publish(here, TOPIC, 0, KEYS);
    flush(here, AEP_OK);
    refuse_requests(1, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
    publish(here, TOPIC, KEYS, 1);
    await_producer(2);
    flush(here, AEP_OK);
    receive(&received, TOPIC);
    assert_all_arrived(KEYS + 1, 0);
    assert_true(atomic_load(&idempotent));
}

/* ---- fatal errors ---- */

/* With much in flight and in librdkafka's queue, and while events come in. */
static void break_once(struct here *here)
{
    int number = atomic_load(&producers);
    publish(here, TOPIC, 0, 100);
    flush(here, AEP_OK);
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, RTT_MS);
    publish(here, TOPIC, 100, 3000);
    await_in_flight(WINDOW);
    break_producer(RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, 0);
    publish(here, TOPIC, 3100, 500);
    flush(here, AEP_OK);
    await_producer(number + 1);
    receive(&received, TOPIC);
    assert_all_arrived(3600, WINDOW);
    aep_stats stats = stats_of(here);
    assert_int_equal(stats.lost + stats.parked + stats.dead, 0);
    assert_true(is_logged(here, "error", "failed for good: test_fatal_error: broken on purpose"));
    assert_true(is_logged(here, "warning", "replaced the producer"));
    publish(here, TOPIC, 3600, 1);
    flush(here, AEP_OK);
    assert_int_equal(atomic_load(&producers), number + 1);
}

static void test_a_fatal_error_loses_nothing_and_keeps_the_order(void **state)
{
    start_plain(*state);
    break_once(*state);
    assert_false(atomic_load(&idempotent));
}

static void test_a_fatal_error_of_an_idempotent_producer_does_so_too(void **state)
{
    start_relay(*state);
    break_once(*state);
    assert_true(atomic_load(&idempotent));
}

static void test_fatal_errors_may_come_one_after_the_other(void **state)
{
    struct here *here = *state;
    const int times = 3;
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, RTT_MS);
    start_relay(here);
    for (int i = 0; i < times; i++) {
        publish(here, TOPIC, (unsigned)i * 500, 500);
        await_in_flight(1);
        break_producer(RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID);
        await_producer(i + 2);
    }
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, 0);
    flush(here, AEP_OK);
    assert_int_equal(atomic_load(&producers), times + 1);
    receive(&received, TOPIC);
    assert_all_arrived((unsigned)times * 500, (unsigned)times * WINDOW);
}

static void test_an_idle_relays_producer_is_replaced_too(void **state)
{
    struct here *here = *state;
    start_relay(here);
    publish(here, TOPIC, 0, 10);
    flush(here, AEP_OK);
    break_producer(RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
    await_producer(2);
    publish(here, TOPIC, 10, 10);
    flush(here, AEP_OK);
    receive(&received, TOPIC);
    assert_all_arrived(20, 0);
}

/* The side logs and their topics' handles outlive the producer, too. */
static void test_parked_records_outlive_the_producer(void **state)
{
    struct here *here = *state;
    set_option(here, "kafka.topic.metadata.propagation.max.ms", "100");
    set_option(here, "kafka.topic.metadata.refresh.interval.ms", "500");
    rd_kafka_mock_topic_set_error(cluster.mock, TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    start_relay(here);
    publish(here, TOPIC, 0, 300);
    publish(here, OTHER_TOPIC, 300, 300);
    flush(here, AEP_EPARKED);
    break_producer(RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    publish(here, TOPIC, 600, 300);
    await_producer(2);
    rd_kafka_mock_topic_set_error(cluster.mock, TOPIC, RD_KAFKA_RESP_ERR_NO_ERROR);
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (stats_of(here).unparked < stats_of(here).parked && now_ms() < deadline)
        poll(NULL, 0, 20);
    flush(here, AEP_OK);
    receive(&received, TOPIC);
    assert_int_equal(received.different, 600);
    begin_receiving();
    receive(&received, OTHER_TOPIC);
    assert_int_equal(received.different, 300);
    assert_int_equal(stats_of(here).lost, 0);
}

static void expect_plain(struct here *here)
{
    publish(here, TOPIC, 0, 100);
    start_refused(here);
    flush(here, AEP_OK);
    break_producer(RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    await_producer(3);
    assert_false(atomic_load(&idempotent)); /* and so it stays */
    publish(here, TOPIC, 100, 100);
    flush(here, AEP_OK);
    receive(&received, TOPIC);
    assert_all_arrived(200, 0);
    assert_int_equal(stats_of(here).parked, 0);
}

static void test_a_login_without_idempotent_write_gets_a_plain_producer(void **state)
{
    refuse_idempotence();
    expect_plain(*state);
}

static void test_a_broker_that_knows_no_idempotence_gets_a_plain_producer(void **state)
{
    rd_kafka_mock_set_apiversion(cluster.mock, INIT_PRODUCER_ID, -1, -1);
    expect_plain(*state);
}

static void test_a_relay_that_is_stopped_with_a_broken_producer_ends(void **state)
{
    struct here *here = *state;
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, RTT_MS);
    start_relay(here);
    publish(here, TOPIC, 0, 500);
    await_in_flight(1);
    break_producer(RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    stop_relay(here);
    free_relay();
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, 0);
    atomic_store(&producers, 0);
    start_relay(here);
    flush(here, AEP_OK);
    receive(&received, TOPIC);
    assert_all_arrived(500, 500);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_too_few_replicas_hold_events_back_in_order),
        TEST(test_a_leader_that_moves_holds_events_back_in_order),
        TEST(test_the_next_request_waits_for_the_one_before),
        TEST(test_what_the_broker_gave_no_offset_is_sent_again),
        TEST(test_nothing_overtakes_a_refused_batch),
        TEST(test_nothing_overtakes_a_plain_producers_refused_batch),
        TEST(test_nothing_overtakes_a_batch_that_failed_in_the_broker),
        TEST(test_nothing_overtakes_a_batch_ahead_of_the_brokers_clock),
        TEST(test_events_ahead_of_the_brokers_clock_wait_for_it),
        TEST(test_a_producer_of_an_old_epoch_is_replaced),
        TEST(test_a_fatal_error_loses_nothing_and_keeps_the_order),
        TEST(test_a_fatal_error_of_an_idempotent_producer_does_so_too),
        TEST(test_fatal_errors_may_come_one_after_the_other),
        TEST(test_an_idle_relays_producer_is_replaced_too),
        TEST(test_parked_records_outlive_the_producer),
        TEST(test_a_login_without_idempotent_write_gets_a_plain_producer),
        TEST(test_a_broker_that_knows_no_idempotence_gets_a_plain_producer),
        TEST(test_a_relay_that_is_stopped_with_a_broken_producer_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

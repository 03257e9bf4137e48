/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that a broker refuses, for a while or for good: order is kept, nothing is lost. */
#include "relay_fixture.h"

static void refuse_requests(size_t count, rd_kafka_resp_err_t error)
{
    while (count-- > 0)
        rd_kafka_mock_broker_push_request_error_rtts(cluster.mock, 1, PRODUCE, 1, error, 0);
}

/* Waits until so many produce requests were refused that all events wait for the same retry. A
 * plain producer's request sent while the first ones are being refused may overtake them
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

/* The first request of each partition is refused while the next events are already there. */
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

/* This cluster accepts any request of an idempotent producer, like a broker that has forgotten it:
 * order is kept only by not sending the next one. */
static void test_the_next_request_waits_for_the_one_before(void **state)
{
    struct here *here = *state;
    refuse_the_first(here);
    assert_int_equal(received.twice, 0);
    assert_false(is_logged(here, "warning", "acknowledged without an offset"));
}

/* librdkafka regards the refused requests as acknowledged; this cluster does not have them. */
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

/* As if the producer had used up all epochs. */
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

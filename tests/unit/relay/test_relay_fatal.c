/* SPDX-License-Identifier: Apache-2.0 */
/* Errors after which a librdkafka producer has failed for good: the relay replaces it. librdkafka
 * offers them for tests; the relay cannot tell them from real ones. */
#include "relay_fixture.h"

/* ---- fatal errors ---- */

/* With much in flight and in librdkafka's queue, while events are published. */
static void break_once(struct here *here)
{
    int number = atomic_load(&producers);
    publish(here, TOPIC, 0, 100);
    flush(here, AEP_OK);
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, QUEUE_RTT_MS);
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
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, SLOW_RTT_MS);
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
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, SLOW_RTT_MS);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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

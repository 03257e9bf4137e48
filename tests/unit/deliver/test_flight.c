/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes, and what they and the topics count of their flights. */
#include "deliver/flight.h"

#include "deliver/topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define CAPACITY 4

static struct aep__topic topic;
static struct aep__lane tail, parked;

static int begin_lanes(void **state)
{
    (void)state;
    memset(&topic, 0, sizeof topic);
    tail = (struct aep__lane){.capacity = CAPACITY, .kind = AEP__LANE_TAIL};
    parked = (struct aep__lane){.capacity = CAPACITY, .kind = AEP__LANE_PARKED};
    return 0;
}

static int end_lanes(void **state)
{
    (void)state;
    aep__lane_done(&tail);
    aep__lane_done(&parked);
    return 0;
}

/* A record of `bytes` bytes. */
static struct aep__flight *push(struct aep__lane *lane, uint64_t ordinal, uint64_t bytes)
{
    struct aep__flight *flight = aep__lane_push(lane);
    assert_non_null(flight);
    flight->topic = &topic;
    flight->ordinal = ordinal;
    flight->offset = 100;
    flight->end = 100 + bytes;
    return flight;
}

/* ---- the ring ---- */

static void test_a_lane_takes_its_capacity_and_no_more(void **state)
{
    (void)state;
    assert_true(aep__lane_empty(&tail));
    for (uint64_t i = 0; i < CAPACITY; i++) {
        assert_false(aep__lane_full(&tail));
        push(&tail, i, 1);
    }
    assert_true(aep__lane_full(&tail));
    assert_null(aep__lane_push(&tail));
    assert_int_equal(tail.tail - tail.head, CAPACITY);
}

static void test_flights_keep_their_order_and_their_places_around_the_ring(void **state)
{
    (void)state;
    uint64_t pushed = 0, popped = 0;
    struct aep__flight *second = NULL;
    for (; pushed < 2; pushed++)
        second = push(&tail, pushed, 1);
    for (int round = 0; round < 3 * CAPACITY; round++) {
        push(&tail, pushed++, 1);
        assert_int_equal(aep__lane_at(&tail, tail.head)->ordinal, popped);
        if (popped == 1)
            assert_ptr_equal(aep__lane_at(&tail, tail.head), second);
        popped++;
        aep__lane_pop(&tail);
    }
    assert_int_equal(tail.tail - tail.head, 2);
    assert_int_equal(aep__lane_at(&tail, tail.tail - 1)->ordinal, pushed - 1);
}

static void test_a_flight_begins_anew_where_another_was(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < CAPACITY; i++)
        push(&tail, i + 1, 1)->segment = 9;
    struct aep__flight *oldest = aep__lane_at(&tail, tail.head);
    aep__flight_set(oldest, AEP__FLIGHT_DONE);
    oldest->fate = AEP__FATE_LOST;
    aep__lane_pop(&tail);
    struct aep__flight *flight = aep__lane_push(&tail);
    assert_ptr_equal(flight, oldest);
    assert_int_equal(flight->state, AEP__FLIGHT_NEW);
    assert_int_equal(flight->fate, AEP__FATE_ON_DISK);
    assert_int_equal(flight->segment, 0);
    assert_int_equal(flight->ordinal, 0);
    assert_null(flight->topic);
    assert_ptr_equal(flight->lane, &tail);
}

static void test_the_newest_can_be_taken_back(void **state)
{
    (void)state;
    push(&tail, 1, 1);
    struct aep__flight *newest = push(&tail, 2, 1);
    aep__lane_unpush(&tail);
    assert_ptr_equal(push(&tail, 3, 1), newest);
    assert_int_equal(aep__lane_at(&tail, tail.head)->ordinal, 1);
    aep__lane_unpush(&tail);
    aep__lane_unpush(&tail);
    assert_true(aep__lane_empty(&tail));
}

static void test_a_lane_can_be_used_again_once_it_is_done(void **state)
{
    (void)state;
    aep__flight_set(push(&tail, 1, 1), AEP__FLIGHT_SENT);
    aep__lane_done(&tail);
    aep__lane_done(&tail);
    assert_true(aep__lane_empty(&tail));
    assert_int_equal(tail.sent, 0);
    assert_int_equal(push(&tail, 2, 1)->ordinal, 2);
}

/* ---- the counts ---- */

/* What lane and topic are to count of one flight of BYTES bytes in each state. */
#define BYTES 50
static const struct counts {
    unsigned held, sent, aside;               /* the lane's */
    unsigned topic_held, suspects, in_flight; /* the topic's; in the tail's lane */
} expected[] = {
    [AEP__FLIGHT_NEW] = {0, 0, 0, 0, 0, 0},     [AEP__FLIGHT_HELD] = {1, 0, 0, 1, 0, 0},
    [AEP__FLIGHT_SUSPECT] = {1, 0, 0, 1, 1, 0}, [AEP__FLIGHT_SENT] = {0, 1, 0, 0, 0, 1},
    [AEP__FLIGHT_ASIDE] = {0, 0, 1, 0, 0, 0},   [AEP__FLIGHT_DONE] = {0, 0, 0, 0, 0, 0},
};

static void check_counts(const struct aep__lane *lane, const struct counts *counts)
{
    assert_int_equal(lane->held, counts->held);
    assert_int_equal(lane->sent, counts->sent);
    assert_int_equal(lane->aside, counts->aside);
    assert_int_equal(topic.held, lane->kind == AEP__LANE_TAIL ? counts->topic_held : 0);
    assert_int_equal(topic.suspects, counts->suspects);
    assert_int_equal(topic.sent, counts->in_flight);
    assert_int_equal(topic.sent_bytes, counts->in_flight * BYTES);
}

/* Only the tail's wait for their topic's gate; a parked topic's are what is behind it. */
static void test_every_change_of_state_is_counted(void **state)
{
    (void)state;
    struct aep__lane *lanes[] = {&tail, &parked};
    for (int i = 0; i < 2; i++) {
        struct aep__flight *flight = push(lanes[i], 1, BYTES);
        for (int from = AEP__FLIGHT_NEW; from <= AEP__FLIGHT_DONE; from++)
            for (int to = AEP__FLIGHT_NEW; to <= AEP__FLIGHT_DONE; to++) {
                aep__flight_set(flight, (enum aep__flight_state)from);
                check_counts(lanes[i], &expected[from]);
                aep__flight_set(flight, (enum aep__flight_state)to);
                check_counts(lanes[i], &expected[to]);
            }
    }
}

static void test_a_topic_counts_the_flights_of_all_lanes(void **state)
{
    (void)state;
    aep__flight_set(push(&tail, 1, 10), AEP__FLIGHT_SENT);
    aep__flight_set(push(&tail, 2, 20), AEP__FLIGHT_SUSPECT);
    aep__flight_set(push(&parked, 3, 30), AEP__FLIGHT_SENT);
    aep__flight_set(push(&parked, 4, 40), AEP__FLIGHT_SUSPECT);
    assert_int_equal(topic.sent, 2);
    assert_int_equal(topic.sent_bytes, 40);
    assert_int_equal(topic.suspects, 2);
    assert_int_equal(topic.held, 1);
    assert_int_equal(tail.sent, 1);
    assert_int_equal(parked.held, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_lanes, end_lanes)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_lane_takes_its_capacity_and_no_more),
        TEST(test_flights_keep_their_order_and_their_places_around_the_ring),
        TEST(test_a_flight_begins_anew_where_another_was),
        TEST(test_the_newest_can_be_taken_back),
        TEST(test_a_lane_can_be_used_again_once_it_is_done),
        TEST(test_every_change_of_state_is_counted),
        TEST(test_a_topic_counts_the_flights_of_all_lanes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

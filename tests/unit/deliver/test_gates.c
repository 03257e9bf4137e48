/* SPDX-License-Identifier: Apache-2.0 */
/* The gate of a topic, each of its ways (deliver/topic.h), and what is done at it. */
#include "core_fixture.h"

#define SECOND_US INT64_C(1000000)

/* ---- open ---- */

static void test_an_open_gate_lets_records_through(void **state)
{
    (void)state;
    publish("news", "a");
    publish("news", "b");
    turn(true);
    assert_int_equal(sink->count, 2);
    assert_int_equal(aep__core_in_flight(&core), 2);
    assert_gate("news", OPEN);
    answer_all();
    assert_arrived("news", "a b");
    assert_gate("news", OPEN);
}

static void test_what_was_called_back_goes_again_at_once(void **state)
{
    (void)state;
    publish("news", "a");
    publish("news", "b");
    turn(true);
    sink->base.ops->abandon(&sink->base);
    assert_gate("news", DRAINING);
    assert_int_equal(topic_named("news")->held, 2);
    turn(false);
    assert_gate("news", OPEN);
    assert_int_equal(sink->count, 2);
    live_ms(0);
    assert_arrived("news", "a b");
    assert_int_equal(counted(retried), 0);
}

/* ---- refused ---- */

static void test_a_refused_topic_drains_closes_and_is_tried_with_one_record(void **state)
{
    (void)state;
    publish("news", "a");
    publish("news", "b");
    publish("news", "c");
    turn(true);
    set_broker("news", FAKE_MISSING);
    answer("news", 1);
    report(1);
    assert_gate("news", DRAINING);
    turn(false);
    assert_gate("news", DRAINING); /* b and c have not come back */
    report(2);
    turn(false);
    assert_gate("news", CLOSED);
    set_broker("news", FAKE_FINE);
    pass_us(2 * SECOND_US - 1);
    turn(false);
    assert_gate("news", CLOSED);
    assert_int_equal(sink->count, 0);
    assert_true(pace.due_us <= now_us + 1); /* somebody looks in time */
    pass_us(1);
    turn(false);
    assert_gate("news", NARROW);
    assert_int_equal(sink->count, 1);
    answer_all();
    assert_gate("news", OPEN);
    turn(false);
    assert_int_equal(sink->count, 2);
    live_ms(0);
    assert_arrived("news", "a b c");
}

/* Nothing is in flight whose report would bring the next turn. */
static void test_a_refusal_without_a_report_is_settled_at_once(void **state)
{
    (void)state;
    set_broker("news", FAKE_KNOWN);
    turn(true);
    pass_us(10 * SECOND_US);
    publish("news", "a");
    turn(true);
    assert_gate("news", DRAINING);
    assert_true(pace.due_us <= now_us);
    turn(false);
    assert_gate("news", CLOSED);
    assert_true(is_parked("news"));
    set_broker("news", FAKE_FINE);
    live_ms(3000);
    assert_arrived("news", "a");
}

/* From a closed gate, too: the record that tries it is refused as it is sent. */
static void test_a_topic_that_is_still_missing_is_closed_again_at_once(void **state)
{
    (void)state;
    set_broker("news", FAKE_KNOWN);
    publish("news", "a");
    live_ms(0);
    assert_gate("news", CLOSED);
    pass_us(2 * SECOND_US);
    turn(false);
    assert_gate("news", DRAINING);
    assert_true(pace.due_us <= now_us);
}

static void expect_waits(enum fake_state refusal, const int64_t *waits_us, size_t count)
{
    publish("news", "a");
    turn(true);
    set_broker("news", refusal);
    for (size_t i = 0; i < count; i++) {
        answer_all();
        turn(false);
        assert_gate("news", CLOSED);
        assert_int_equal(topic_named("news")->wake_us - now_us, waits_us[i]);
        pass_us(waits_us[i]);
        turn(false);
        assert_gate("news", NARROW);
    }
    set_broker("news", FAKE_FINE);
    live_ms(200);
    assert_arrived("news", "a");
}

static void test_a_refused_topic_is_tried_ever_more_rarely(void **state)
{
    static const int64_t waits_us[] = {2 * SECOND_US, 4 * SECOND_US, 8 * SECOND_US, 10 * SECOND_US,
                                       10 * SECOND_US};
    (void)state;
    expect_waits(FAKE_MISSING, waits_us, sizeof waits_us / sizeof *waits_us);
    arrived[0].texts[0] = '\0';
    expect_waits(FAKE_MISSING, waits_us, 1); /* once it was accepted, the count starts again */
}

static void test_a_forbidden_topic_is_told_from_a_missing_one(void **state)
{
    (void)state;
    publish("news", "a");
    publish("sport", "b");
    turn(true);
    set_broker("news", FAKE_FORBIDDEN);
    set_broker("sport", FAKE_MISSING);
    live_ms(200);
    assert_logged("topic news is forbidden (FAKE_REFUSAL): its records are parked");
    assert_logged("topic sport is missing (FAKE_REFUSAL): its records are parked");
    assert_ptr_equal(aep__parked_sum(&core).forbidden, topic_named("news"));
    set_broker("news", FAKE_FINE);
    live_ms(5000);
    assert_null(aep__parked_sum(&core).forbidden);
}

/* ---- later ---- */

static void test_a_refusal_that_passes_holds_the_topic_for_a_moment(void **state)
{
    static const int64_t waits_us[] = {100000, 200000, 400000, 800000, 1000000, 1000000};
    (void)state;
    expect_waits(FAKE_BUSY, waits_us, sizeof waits_us / sizeof *waits_us);
    assert_int_equal(counted(retried), 6);
    assert_int_equal(counted(parked), 0);
    assert_false(is_parked("news"));
}

static void test_what_comes_meanwhile_waits_behind_it(void **state)
{
    (void)state;
    publish("news", "a");
    turn(true);
    set_broker("news", FAKE_BUSY);
    answer_all();
    publish("news", "b");
    publish("sport", "x");
    turn(true);
    assert_int_equal(topic_named("news")->held, 2);
    assert_int_equal(sink->count, 1); /* the other topic's */
    set_broker("news", FAKE_FINE);
    live_ms(200);
    assert_arrived("news", "a b");
    assert_arrived("sport", "x");
}

static void test_the_worst_of_several_causes_decides(void **state)
{
    static const enum aep__verdict orders[][2] = {{AEP__VERDICT_LATER, AEP__VERDICT_REFUSED},
                                                  {AEP__VERDICT_REFUSED, AEP__VERDICT_LATER}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *topic = i ? "sport" : "news";
        publish(topic, "a");
        publish(topic, "b");
        turn(true);
        fake_settle(sink, &sink->taken[0], orders[i][0]);
        fake_settle(sink, &sink->taken[1], orders[i][1]);
        report(2);
        turn(false);
        assert_true(is_parked(topic));
        live_ms(3000);
        assert_arrived(topic, "a b");
    }
}

static void test_a_record_called_back_from_a_narrow_gate_is_the_next_again(void **state)
{
    (void)state;
    publish("news", "a");
    publish("news", "b");
    turn(true);
    set_broker("news", FAKE_BUSY);
    answer_all();
    turn(false);
    set_broker("news", FAKE_FINE);
    pass_us(100000);
    turn(false);
    assert_gate("news", NARROW);
    sink->base.ops->abandon(&sink->base);
    assert_gate("news", NARROW);
    turn(false);
    assert_int_equal(sink->count, 1);
    live_ms(0);
    assert_arrived("news", "a b");
}

/* ---- suspect ---- */

static void test_the_culprit_of_a_batch_is_found_and_buried(void **state)
{
    (void)state;
    publish("news", "a");
    publish("news", "p1");
    publish("news", "b");
    turn(true);
    answer_all();
    assert_gate("news", DRAINING);
    assert_int_equal(topic_named("news")->suspects, 3);
    turn(false);
    assert_gate("news", NARROW); /* at once: it is not the topic */
    assert_int_equal(sink->count, 1);
    answer_all();
    assert_arrived("news", "a");
    assert_gate("news", NARROW); /* a was not it */
    turn(false);
    assert_int_equal(sink->count, 1);
    answer_all();
    assert_int_equal(counted(dead), 1);
    assert_gate("news", NARROW); /* b may be at fault, too */
    turn(false);
    assert_int_equal(sink->count, 1);
    answer_all();
    assert_gate("news", OPEN);
    assert_arrived("news", "a b");
    assert_int_equal(topic_named("news")->window_bytes, 0);
}

static void test_a_batch_may_have_several_culprits(void **state)
{
    (void)state;
    publish("news", "p1");
    publish("news", "p2");
    publish("news", "a");
    publish("news", "p3");
    live_ms(500);
    assert_arrived("news", "a");
    assert_int_equal(counted(dead), 3);
    assert_gate("news", OPEN);
}

/* Each of its records is fine by itself. */
static void test_a_batch_that_was_too_large_makes_the_next_ones_smaller(void **state)
{
    static const uint64_t windows[] = {65536, 32768, 16384, 8192, 4096, 4096};
    (void)state;
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        set_broker("news", FAKE_SMALL);
        for (int n = 0; n < 5; n++)
            publish("news", "a");
        turn(true);
        assert_int_equal(sink->count, 5);
        answer_all();
        turn(false);
        assert_gate("news", NARROW);
        live_ms(0);
        assert_gate("news", OPEN);
        assert_int_equal(topic_named("news")->window_bytes, windows[i]);
    }
    assert_int_equal(counted(dead), 0);
    assert_logged("topic news refuses large batches (FAKE_REFUSAL): sending at most 65536 bytes");
}

static void test_a_window_bounds_what_is_on_its_way(void **state)
{
    (void)state;
    publish("news", "a");
    live_ms(0);
    topic_named("news")->window_bytes = 4096;
    for (int n = 0; n < 6; n++)
        publish_long("news", "b", 2000);
    publish("sport", "x");
    turn(true);
    assert_int_equal(topic_named("news")->sent, 2 + 1); /* the one that passes 4096 is the last */
    assert_int_equal(topic_named("sport")->sent, 1);
    live_ms(0);
    assert_arrived("news", "a b b b b b b");
}

/* ---- early ---- */

static void test_what_comes_too_early_is_parked_until_its_time_has_come(void **state)
{
    (void)state;
    broker.behind = true;
    publish("news", "a");
    aep_position early = publish("news", "e1");
    publish("news", "b");
    live_ms(300);
    assert_arrived("news", "a");
    assert_logged("topic news is not ready for events of that time (FAKE_REFUSAL)");
    assert_ptr_equal(aep__parked_sum(&core).early, topic_named("news"));
    assert_standing(early, AEP__FATE_PARKED);
    assert_int_equal(counted(dead), 0);
    broker.behind = false;
    live_ms(10000);
    assert_arrived("news", "a e1 b");
    assert_null(aep__parked_sum(&core).early);
}

/* It does not get younger. */
static void test_what_is_too_old_is_buried(void **state)
{
    const int64_t day_us = INT64_C(24) * 3600 * SECOND_US;
    (void)state;
    broker.behind = true;
    publish("news", "e0");
    publish("news", "a");
    pass_us(day_us + SECOND_US);
    live_ms(300);
    assert_arrived("news", "a");
    assert_int_equal(counted(dead), 1);
    assert_int_equal(counted(parked), 0);
    assert_gate("news", OPEN);
}

/* Its topic would have to wait for days. */
static void test_what_is_days_ahead_is_buried(void **state)
{
    const int64_t day_us = INT64_C(24) * 3600 * SECOND_US;
    (void)state;
    broker.behind = true;
    publish("news", "e0");
    publish("news", "a");
    pass_us(-day_us - SECOND_US); /* the clock is set right */
    aep__pace_init(&pace, pace.clock);
    live_ms(300);
    assert_arrived("news", "a");
    assert_int_equal(counted(dead), 1);
    assert_int_equal(counted(parked), 0);
}

/* ---- topics ---- */

static void test_topics_with_nothing_to_do_are_let_go(void **state)
{
    char name[16];
    (void)state;
    publish("news", "a");
    turn(true); /* under way: it stays */
    for (int n = 0; n < 600; n++) {
        snprintf(name, sizeof name, "topic%d", n);
        struct aep__topic *topic = aep__topic_get(&core, aep__slice_text(name));
        assert_non_null(topic);
        broker.topic_count = 1; /* the fake broker forgets it */
        assert_true(core.topics.count <= 256);
    }
    assert_int_equal(topic_named("news")->sent, 1);
    assert_int_equal(sink->handles, core.topics.count);
    live_ms(0);
    assert_arrived("news", "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_an_open_gate_lets_records_through),
        STORY(test_what_was_called_back_goes_again_at_once),
        STORY(test_a_refused_topic_drains_closes_and_is_tried_with_one_record),
        STORY(test_a_refusal_without_a_report_is_settled_at_once),
        STORY(test_a_topic_that_is_still_missing_is_closed_again_at_once),
        STORY(test_a_refused_topic_is_tried_ever_more_rarely),
        STORY(test_a_forbidden_topic_is_told_from_a_missing_one),
        STORY(test_a_refusal_that_passes_holds_the_topic_for_a_moment),
        STORY(test_what_comes_meanwhile_waits_behind_it),
        STORY(test_the_worst_of_several_causes_decides),
        STORY(test_a_record_called_back_from_a_narrow_gate_is_the_next_again),
        STORY(test_the_culprit_of_a_batch_is_found_and_buried),
        STORY(test_a_batch_may_have_several_culprits),
        STORY(test_a_batch_that_was_too_large_makes_the_next_ones_smaller),
        STORY(test_a_window_bounds_what_is_on_its_way),
        STORY(test_what_comes_too_early_is_parked_until_its_time_has_come),
        STORY(test_what_is_too_old_is_buried),
        STORY(test_what_is_days_ahead_is_buried),
        STORY(test_topics_with_nothing_to_do_are_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

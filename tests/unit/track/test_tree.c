/* SPDX-License-Identifier: Apache-2.0 */
/* The tree: places, counts, circles, and how those below keep those above running. */
#include "ingest_fixture.h"

#define CHAIN 1500

/* ---- places ---- */

static void test_a_parent_that_is_not_known_leaves_it_its_own_root(void **state)
{
    TAKE("started", 2, 10, .correlation = "d", .cause = 1);
    const struct aep__tracked *row = ROW(2);
    assert_string_equal(row->parent_id, id_of(1));
    assert_false(row->parent_known);
    assert_string_equal(row->root_id, id_of(2));
    assert_int_equal(row->depth, 0);
}

static void test_a_parent_may_arrive_a_day_later(void **state)
{
    TAKE("started", 3, 12, .correlation = "e", .cause = 2);
    TAKE("started", 2, 11, .correlation = "d", .cause = 1);
    settle_all(*state);
    TAKE("started", 1, 86410);
    assert_true(ROW(2)->parent_known);
    assert_string_equal(ROW(3)->root_id, id_of(1));
    assert_int_equal(ROW(3)->depth, 2);
}

static void test_any_event_of_an_execution_names_it_as_the_parent(void **state)
{
    TAKE("started", 2, 12, .correlation = "d", .cause = 11);
    TAKE("started", 1, 10);
    assert_false(ROW(2)->parent_known);
    TAKE("progress", 11, 11);
    assert_string_equal(ROW(2)->parent_id, id_of(1));
    assert_string_equal(ROW(2)->parent_named, id_of(11));
}

static void test_a_provisional_execution_is_a_known_parent(void **state)
{
    TAKE("progress", 11, 11, .cause = 1);
    TAKE("started", 2, 12, .correlation = "d", .cause = 1);
    assert_true(ROW(1)->partial);
    assert_true(ROW(2)->parent_known);
    assert_string_equal(ROW(2)->root_id, id_of(1));
}

static void test_only_direct_children_are_counted(void **state)
{
    TAKE("started", 1, 10);
    TAKE("started", 2, 11, .correlation = "d", .cause = 1);
    TAKE("started", 3, 12, .correlation = "e", .cause = 2);
    TAKE("started", 4, 13, .correlation = "f", .cause = 1);
    TAKE("completed", 11, 14, .correlation = "f");
    assert_int_equal(ROW(1)->children, 2);
    assert_int_equal(ROW(1)->open_children, 1);
    assert_int_equal(ROW(2)->children, 1);
}

static void test_one_that_names_itself_has_no_parent(void **state)
{
    TAKE("started", 1, 10, .cause = 1);
    TAKE("started", 2, 10, .correlation = "d", .named = "d");
    for (unsigned i = 1; i <= 2; i++) {
        assert_null(ROW(i)->parent_id);
        assert_null(ROW(i)->cut_from);
        assert_string_equal(ROW(i)->root_id, id_of(i));
    }
}

/* ---- circles ---- */

static void test_a_circle_is_cut_where_the_last_one_started(void **state)
{
    TAKE("started", 1, 10, .cause = 3);
    TAKE("started", 2, 11, .correlation = "d", .cause = 1);
    TAKE("started", 3, 12, .correlation = "e", .cause = 2);
    const struct aep__tracked *row = ROW(3);
    assert_null(row->parent_id);
    assert_non_null(row->cut_from);
    assert_string_equal(row->root_id, id_of(3));
    assert_string_equal(ROW(1)->parent_id, id_of(3));
    assert_string_equal(ROW(2)->root_id, id_of(3));
    assert_int_equal(ROW(2)->depth, 2);
}

static void test_one_that_its_own_event_caused_is_a_circle_of_one(void **state)
{
    TAKE("started", 1, 10, .cause = 11);
    TAKE("progress", 11, 11);
    const struct aep__tracked *row = ROW(1);
    assert_null(row->parent_id);
    assert_non_null(row->cut_from);
    assert_string_equal(row->root_id, id_of(1));
    assert_int_equal(row->children, 0);
}

/* ---- silence ---- */

#define MINUTES *60.0
#define HOURS *3600.0

static void test_silence_stalls_and_a_day_of_it_abandons(void **state)
{
    TAKE("started", 1, 0);
    assert_state(*state, 1, 9.9 MINUTES, AEP__STATE_RUNNING);
    assert_state(*state, 1, 10.1 MINUTES, AEP__STATE_STALLED);
    assert_state(*state, 1, 23.9 HOURS, AEP__STATE_STALLED);
    assert_state(*state, 1, 24.1 HOURS, AEP__STATE_ABANDONED);
    TAKE("progress", 11, 25.0 HOURS);
    assert_state(*state, 1, 25.1 HOURS, AEP__STATE_RUNNING);
}

static void test_what_it_expects_is_taken_as_it_is(void **state)
{
    TAKE("started", 1, 0, .payload = ",\"metadata\":{\"expect_within_s\":2}");
    assert_state(*state, 1, 1.9, AEP__STATE_RUNNING);
    assert_state(*state, 1, 2.1, AEP__STATE_STALLED);
}

static void test_what_is_usual_is_its_agents(void **state)
{
    TAKE("started", 1, 0);
    for (unsigned i = 1; i < 20; i++)
        TAKE("progress", 10 + i, 40.0 * i);
    assert_int_equal(ROW(1)->usual_us, 0); /* too few */
    TAKE("progress", 30, 800);
    TAKE("progress", 31, 840);
    assert_int_equal(ROW(1)->usual_us, 40 * INT64_C(1000000));
    assert_int_equal(ROW(1)->patience_us, 160 * INT64_C(1000000));
    TAKE("progress", 32, 850, .payload = ",\"metadata\":{\"expect_within_s\":2}");
    assert_int_equal(ROW(1)->usual_us, 0); /* it has said what is */
}

static void test_a_descendant_that_runs_keeps_those_above_running(void **state)
{
    TAKE("started", 1, 0);
    TAKE("started", 2, 1, .correlation = "d", .cause = 1);
    TAKE("started", 3, 2, .correlation = "e", .cause = 2);
    TAKE("progress", 11, 9.0 MINUTES, .correlation = "e");
    assert_state(*state, 1, 18.0 MINUTES, AEP__STATE_RUNNING);
    assert_state(*state, 2, 18.0 MINUTES, AEP__STATE_RUNNING);
    assert_state(*state, 1, 20.0 MINUTES, AEP__STATE_STALLED);
    assert_int_equal(ROW(1)->quiet_since, EPOCH_US + 9 * 60 * INT64_C(1000000));
}

static void test_a_descendant_that_waits_keeps_those_above_running_for_days(void **state)
{
    TAKE("started", 1, 0);
    TAKE("started", 2, 1, .correlation = "d", .cause = 1);
    TAKE("progress", 11, 2, .correlation = "d",
         .payload = ",\"metadata\":{\"status\":\" Waiting\",\"waiting_for\":\"HUMAN\"}");
    assert_state(*state, 2, 60.0 HOURS, AEP__STATE_WAITING);
    assert_state(*state, 1, 60.0 HOURS, AEP__STATE_RUNNING);
    TAKE("progress", 12, 61.0 HOURS, .correlation = "d");
    assert_state(*state, 2, 61.1 HOURS, AEP__STATE_RUNNING);
    TAKE("completed", 13, 61.0 HOURS + 1, .correlation = "d");
    assert_state(*state, 1, 61.1 HOURS, AEP__STATE_RUNNING);
    assert_state(*state, 1, 61.5 HOURS, AEP__STATE_STALLED);
}

/* ---- a clock ahead of the reader's ---- */

static void test_a_clock_ten_minutes_ahead_is_said_and_moves_nobody_elses(void **state)
{
    const double now = 100.0 MINUTES, ahead = now + 10.0 MINUTES;
    TAKE("started", 1, now - 10.1 MINUTES, .correlation = "silent", .now = now);
    TAKE("started", 2, now - 9.9 MINUTES, .correlation = "busy", .now = now);
    TAKE("started", 3, ahead, .correlation = "ahead", .now = now);
    TAKE("progress", 31, ahead, .correlation = "ahead", .agent = "b", .now = now);
    TAKE("started", 4, now + 16, .correlation = "little", .now = now);
    TAKE("started", 5, now + 16.000001, .correlation = "more", .now = now);
    assert_false(ROW(1)->skew || ROW(2)->skew || ROW(4)->skew);
    assert_true(ROW(3)->skew && ROW(5)->skew);
    assert_state(*state, 1, now, AEP__STATE_STALLED);
    assert_state(*state, 2, now, AEP__STATE_RUNNING);
    assert_state(*state, 3, now, AEP__STATE_RUNNING);
    assert_state(*state, 2, now + 0.2 MINUTES, AEP__STATE_STALLED);
    assert_state(*state, 3, ahead + 9.9 MINUTES, AEP__STATE_RUNNING); /* silent by its own clock */
    assert_state(*state, 3, ahead + 10.1 MINUTES, AEP__STATE_STALLED);
    TAKE("progress", 32, now + 1, .correlation = "ahead",
         .now = now + 1); /* that clock is set back */
    assert_state(*state, 3, now + 1, AEP__STATE_RUNNING);
    assert_int_equal(ROW(3)->last_event_at, EPOCH_US + (int64_t)(ahead * 1e6));
}

/* ---- a chain, each caused by the one before ---- */

static unsigned put_count;
static struct aep__store_ops counting;
static int (*put_really)(struct aep__store *store, const struct aep__tracked *execution,
                         aep_error *err);

static int count_put(struct aep__store *store, const struct aep__tracked *execution, aep_error *err)
{
    if (++put_count > 10 * CHAIN)
        fail_msg("the chain is written anew for each event");
    return put_really(store, execution, err);
}

static void take_link(void **state, unsigned number, const char *kind, unsigned id)
{
    char run[16];
    snprintf(run, sizeof run, "run-%u", number);
    TAKE(kind, id, id, .correlation = run, .cause = number > 1 && id == number ? number - 1 : 0);
}

static void assert_chain(void **state)
{
    const struct aep__tracked *row = ROW(CHAIN);
    assert_string_equal(row->root_id, id_of(1));
    assert_int_equal(row->depth, CHAIN - 1);
    assert_int_equal(ROW(1)->quiet_since, AT(3 * CHAIN));
    assert_state(*state, 1, 3 * CHAIN + 1, AEP__STATE_RUNNING);
}

/* @backwards  the last one's events come first */
static void take_chain(void **state, bool backwards)
{
    struct taking *taking = *state;
    counting = *taking->track->store->ops;
    put_really = counting.put;
    counting.put = count_put;
    taking->track->store->ops = &counting;
    put_count = 0;
    for (unsigned i = 1; i <= CHAIN; i++)
        take_link(state, backwards ? CHAIN + 1 - i : i, "started", backwards ? CHAIN + 1 - i : i);
    for (unsigned i = 1; i <= CHAIN; i++)
        take_link(state, CHAIN, "progress", 2 * CHAIN + i);
    assert_chain(state);
}

static void test_a_long_chain_costs_as_much_as_its_events(void **state)
{
    take_chain(state, false);
}

static void test_a_long_chain_may_come_backwards(void **state)
{
    take_chain(state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TAKING_TEST(test_a_parent_that_is_not_known_leaves_it_its_own_root),
        TAKING_TEST(test_a_parent_may_arrive_a_day_later),
        TAKING_TEST(test_any_event_of_an_execution_names_it_as_the_parent),
        TAKING_TEST(test_a_provisional_execution_is_a_known_parent),
        TAKING_TEST(test_only_direct_children_are_counted),
        TAKING_TEST(test_one_that_names_itself_has_no_parent),
        TAKING_TEST(test_a_circle_is_cut_where_the_last_one_started),
        TAKING_TEST(test_one_that_its_own_event_caused_is_a_circle_of_one),
        TAKING_TEST(test_silence_stalls_and_a_day_of_it_abandons),
        TAKING_TEST(test_what_it_expects_is_taken_as_it_is),
        TAKING_TEST(test_what_is_usual_is_its_agents),
        TAKING_TEST(test_a_descendant_that_runs_keeps_those_above_running),
        TAKING_TEST(test_a_descendant_that_waits_keeps_those_above_running_for_days),
        TAKING_TEST(test_a_clock_ten_minutes_ahead_is_said_and_moves_nobody_elses),
        TAKING_TEST(test_a_long_chain_costs_as_much_as_its_events),
        TAKING_TEST(test_a_long_chain_may_come_backwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

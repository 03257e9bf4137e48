/* SPDX-License-Identifier: Apache-2.0 */
/* Patience: how much silence is usual for an agent, learned from its events. */
#include "ingest_fixture.h"

#define ENOUGH 20
#define MINUTES *60.0
#define STEP 30.0 /* seconds between two events: two minutes of silence are too long then */

/* Events of a run, with that many equal gaps between them; the second after the last. */
static double teach(void **state, unsigned first_id, double at, double gap, unsigned gaps,
                    const struct words *like)
{
    struct words words = *like;
    words.kind = "started";
    words.id = first_id;
    words.at = at;
    words.payload = NULL;
    take_words(*state, &words);
    words.kind = "progress";
    words.payload = like->payload;
    for (unsigned i = 1; i <= gaps; i++) {
        words.id = first_id + i;
        words.at = at += gap;
        take_words(*state, &words);
    }
    return at;
}

/* What is too long for an agent: a run of it that has just begun tells. */
static void assert_patience(void **state, double expected, const struct words *like)
{
    static unsigned id = 900000;
    struct words words = *like;
    char run[32];
    words.kind = "started";
    words.id = ++id;
    words.at = 0.5;
    snprintf(run, sizeof run, "look-%u", id);
    words.correlation = run;
    take_words(*state, &words);
    assert_int_equal(ROW(id)->patience_us, (int64_t)(expected * 1e6));
}

#define TEACH(id, at, gap, gaps, ...) teach(state, id, at, gap, gaps, &(struct words){__VA_ARGS__})
#define ASSERT_PATIENCE(seconds, ...) assert_patience(state, seconds, &(struct words){__VA_ARGS__})

static void test_it_is_learned_for_each_agent_of_each_tenant(void **state)
{
    TEACH(1, 0, STEP, ENOUGH - 1, .correlation = "r1");
    ASSERT_PATIENCE(10 MINUTES, .tenant = "t"); /* too few */
    TEACH(100, 0, STEP, 1, .correlation = "r2");
    ASSERT_PATIENCE(4 * STEP, .tenant = "t");
    ASSERT_PATIENCE(10 MINUTES, .tenant = "u");
    ASSERT_PATIENCE(10 MINUTES, .agent = "b");
}

static void test_it_has_limits(void **state)
{
    TEACH(1, 0, 0.01, ENOUGH, .correlation = "r1");
    TEACH(100, 0, 60 MINUTES, ENOUGH, .correlation = "r2", .agent = "b");
    ASSERT_PATIENCE(1 MINUTES, .tenant = "t");
    ASSERT_PATIENCE(30 MINUTES, .agent = "b");
}

static void test_a_gap_that_a_wait_ended_teaches_nothing(void **state)
{
    double at = TEACH(1, 0, STEP, ENOUGH + 1, .correlation = "c");
    TAKE("progress", 100, at + 1, .payload = ",\"metadata\":{\"status\":\"waiting\"}");
    TAKE("progress", 101, at + 25 MINUTES);
    ASSERT_PATIENCE(4 * STEP, .tenant = "t");
}

static void test_what_comes_after_the_end_teaches_nothing(void **state)
{
    double at = TEACH(1, 0, STEP, ENOUGH + 1, .correlation = "c");
    TAKE("completed", 100, at + 1);
    TAKE("progress", 101, at + 25 MINUTES);
    ASSERT_PATIENCE(4 * STEP, .tenant = "t");
}

static void test_what_comes_late_teaches_nothing(void **state)
{
    double at = TEACH(1, 0, STEP, ENOUGH - 1, .correlation = "c");
    TAKE("progress", 100, at - 1);
    ASSERT_PATIENCE(10 MINUTES, .tenant = "t");
}

#define TOOL(name, phase) ",\"metadata\":{\"tool\":\"" name "\",\"phase\":\"" phase "\"}"

static void test_while_a_tool_is_in_use_its_own_gaps_count(void **state)
{
    double at = TEACH(1, 0, STEP, ENOUGH, .correlation = "c");
    for (unsigned i = 0; i < ENOUGH; i++, at += 5 MINUTES) {
        TAKE("progress", 100 + 2 * i, at + STEP, .payload = TOOL("compile", "start"));
        TAKE("progress", 101 + 2 * i, at + 5 MINUTES, .payload = TOOL("compile", "end"));
    }
    assert_int_equal(ROW(1)->patience_us, (int64_t)(4 * STEP * 1e6));
    TAKE("progress", 200, at + 1, .payload = TOOL("compile", "start"));
    assert_int_equal(ROW(1)->patience_us, (int64_t)(4 * (5 MINUTES - STEP) * 1e6));
    TAKE("progress", 201, at + 2, .payload = TOOL("test", "start"));
    assert_int_equal(ROW(1)->patience_us, (int64_t)(10 MINUTES * 1e6)); /* too few of that */
    TAKE("progress", 202, at + 3, .payload = TOOL("test", "end"));
    assert_int_equal(ROW(1)->patience_us, (int64_t)(4 * STEP * 1e6));
    TAKE("progress", 203, at + 4, .payload = TOOL("test", "start"));
    TAKE("progress", 204, at + 5, .payload = TOOL("test", "error"));
    assert_int_equal(ROW(1)->patience_us, (int64_t)(4 * STEP * 1e6));
    TAKE("progress", 205, at + 6, .payload = TOOL("test", "start"));
    TAKE("progress", 206, at + 7, .payload = TOOL("test", "denied"));
    assert_int_equal(ROW(1)->patience_us, (int64_t)(4 * STEP * 1e6));
}

static void test_what_it_expects_goes_before_what_is_usual(void **state)
{
    TEACH(1, 0, STEP, ENOUGH, .correlation = "r",
          .payload = ",\"metadata\":{\"expect_within_s\":7}");
    assert_int_equal(ROW(1)->patience_us, 7000000);
    ASSERT_PATIENCE(4 * STEP, .tenant = "t");
}

static void test_it_changes_with_the_agent(void **state)
{
    TEACH(1, 0, STEP, ENOUGH, .correlation = "r1");
    TEACH(1000, 0, 2 * STEP, 200, .correlation = "r2");
    ASSERT_PATIENCE(8 * STEP, .tenant = "t");
    TEACH(2000, 0, STEP, 200, .correlation = "r3");
    ASSERT_PATIENCE(4 * STEP, .tenant = "t");
}

/* More than are held in memory, and a tracker that comes later. */
static void test_none_is_forgotten(void **state)
{
    struct taking *taking = *state;
    char agent[32];
    const unsigned agents = 3000;
    for (unsigned i = 0; i < agents; i++) {
        snprintf(agent, sizeof agent, "agent-%u", i);
        TEACH(10000 + 30 * i, 0, STEP, ENOUGH, .correlation = agent, .agent = agent);
    }
    for (int again = 0; again < 2; again++) {
        for (unsigned i = 0; i < agents; i += 299) {
            snprintf(agent, sizeof agent, "agent-%u", i);
            ASSERT_PATIENCE(4 * STEP, .agent = agent);
        }
        settle_all(taking);
        aep__ingest_done(&taking->ingest);
        assert_int_equal(
            aep__ingest_init(&taking->ingest, taking->track->store, DAY_US, &taking->track->err),
            AEP_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TAKING_TEST(test_it_is_learned_for_each_agent_of_each_tenant),
        TAKING_TEST(test_it_has_limits),
        TAKING_TEST(test_a_gap_that_a_wait_ended_teaches_nothing),
        TAKING_TEST(test_what_comes_after_the_end_teaches_nothing),
        TAKING_TEST(test_what_comes_late_teaches_nothing),
        TAKING_TEST(test_while_a_tool_is_in_use_its_own_gaps_count),
        TAKING_TEST(test_what_it_expects_goes_before_what_is_usual),
        TAKING_TEST(test_it_changes_with_the_agent),
        TAKING_TEST(test_none_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The states of executions, by the function and by SQLite with the same rule. */
#include "track/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#define RANDOM_COUNT 200000
#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define NOW_US (INT64_C(1700000000) * SECOND_US)

/* One that runs, began two hours ago, was last heard of a minute ago. */
static struct aep__tracked running(void)
{
    return (struct aep__tracked){
        .started_at = NOW_US - 120 * MINUTE_US,
        .ended_at = AEP__UNKNOWN_US,
        .waiting_since = AEP__UNKNOWN_US,
        .quiet_since = NOW_US - MINUTE_US,
        .patience_us = 10 * MINUTE_US,
        .stalls_at = NOW_US + 9 * MINUTE_US,
        .abandons_at = NOW_US + 24 * 60 * MINUTE_US,
    };
}

static void expect(const struct aep__tracked *execution, int64_t clock_us, enum aep__state wanted,
                   int64_t since_us, const char *basis)
{
    struct aep__buf out = {0};
    enum aep__state state = aep__state_of(execution, clock_us);
    assert_string_equal(aep__state_word(state), aep__state_word(wanted));
    assert_int_equal(aep__state_since(execution, state), since_us);
    aep__state_basis(execution, state, clock_us, &out);
    assert_string_equal(aep__buf_string(&out), basis);
    aep__buf_done(&out);
}

static void test_a_run_goes_quiet(void **state)
{
    struct aep__tracked run = running();
    (void)state;
    expect(&run, NOW_US, AEP__STATE_RUNNING, run.started_at, "event");
    expect(&run, run.stalls_at, AEP__STATE_RUNNING, run.started_at, "event");
    expect(&run, run.stalls_at + 1, AEP__STATE_STALLED, run.quiet_since,
           "silence 10 min, limit 10 min");
    expect(&run, run.abandons_at, AEP__STATE_STALLED, run.quiet_since,
           "silence 24 h, limit 10 min");
    expect(&run, run.abandons_at + 1, AEP__STATE_ABANDONED, run.quiet_since,
           "silence 24 h, limit 10 min");
    run.usual_us = 40 * SECOND_US;
    expect(&run, run.quiet_since + 100 * 60 * MINUTE_US, AEP__STATE_ABANDONED, run.quiet_since,
           "silence 4 d, usual 40 s");
    run.usual_us = SECOND_US / 5;
    expect(&run, run.stalls_at + 1, AEP__STATE_STALLED, run.quiet_since,
           "silence 10 min, usual 200 ms");
}

static void test_what_waits_is_never_stalled(void **state)
{
    struct aep__tracked run = running();
    (void)state;
    run.waiting = AEP__WAITING_HUMAN;
    run.waiting_since = run.quiet_since;
    expect(&run, run.abandons_at * 2, AEP__STATE_WAITING, run.waiting_since, "event");
    run.waiting = AEP__WAITING_UNKNOWN;
    expect(&run, NOW_US, AEP__STATE_WAITING, run.waiting_since, "event");
}

static void test_an_end_beats_all(void **state)
{
    struct aep__tracked run = running();
    (void)state;
    run.ended_at = NOW_US - 5;
    run.waiting = AEP__WAITING_TIMER;
    run.outcome = AEP__ENDING_COMPLETED;
    expect(&run, run.abandons_at * 2, AEP__STATE_COMPLETED, run.ended_at, "event");
    run.outcome = AEP__ENDING_FAILED;
    expect(&run, NOW_US, AEP__STATE_FAILED, run.ended_at, "event");
    run.inferred = true;
    expect(&run, NOW_US, AEP__STATE_FAILED, run.ended_at, "inferred");
    run.error_code = "ABANDONED";
    expect(&run, NOW_US, AEP__STATE_FAILED, run.ended_at, "inferred: ABANDONED");
    run.error_message = "process 4711 is gone";
    run.outcome = AEP__ENDING_ABANDONED;
    expect(&run, NOW_US, AEP__STATE_ABANDONED, run.ended_at, "inferred: process 4711 is gone");
}

static void test_what_is_unknown_or_never_does_not_come(void **state)
{
    struct aep__tracked run = running();
    (void)state;
    run.stalls_at = run.abandons_at = AEP__NEVER_US;
    expect(&run, INT64_MAX, AEP__STATE_RUNNING, run.started_at, "event");
    run.stalls_at = run.abandons_at = run.started_at = AEP__UNKNOWN_US;
    expect(&run, INT64_MAX, AEP__STATE_RUNNING, AEP__UNKNOWN_US, "event");
}

static void test_words_are_found_again(void **state)
{
    (void)state;
    for (enum aep__state one = 0; one < AEP__STATE_COUNT; one++)
        assert_int_equal(aep__state_find(aep__state_word(one), strlen(aep__state_word(one))), one);
    assert_int_equal(aep__state_find("Stalled", 7), AEP__STATE_STALLED);
    assert_int_equal(aep__state_find("stalled", 6), AEP__STATE_COUNT);
    assert_int_equal(aep__state_find("", 0), AEP__STATE_COUNT);
}

/* ---- the same rule in SQL ------------------------------------------------------------------- */

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

/* Close to others, so that "equal" and "one more" occur. */
static int64_t draw_time(void)
{
    uint64_t which = draw(10);
    return which == 0 ? AEP__NEVER_US : which == 1 ? AEP__UNKNOWN_US : NOW_US + (int64_t)draw(5);
}

static void bind_time(sqlite3_stmt *statement, int at, int64_t us)
{
    if (us == AEP__UNKNOWN_US)
        assert_int_equal(sqlite3_bind_null(statement, at), SQLITE_OK);
    else
        assert_int_equal(sqlite3_bind_int64(statement, at, us), SQLITE_OK);
}

static sqlite3_stmt *prepare_rule(sqlite3 *base)
{
    struct aep__buf sql = {0};
    sqlite3_stmt *statement = NULL;
    aep__buf_text(&sql, "SELECT ");
    aep__state_sql(&sql, ":clock");
    aep__buf_text(&sql, " FROM (SELECT :outcome AS outcome, :waiting AS waiting, :stalls_at AS "
                        "stalls_at, :abandons_at AS abandons_at)");
    if (sqlite3_prepare_v2(base, aep__buf_string(&sql), -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", aep__buf_string(&sql), sqlite3_errmsg(base));
    aep__buf_done(&sql);
    return statement;
}

static int ask_rule(sqlite3_stmt *statement, const struct aep__tracked *run, int64_t clock_us)
{
#define AT(name) sqlite3_bind_parameter_index(statement, ":" name)
    assert_int_equal(sqlite3_bind_int64(statement, AT("outcome"), run->outcome), SQLITE_OK);
    assert_int_equal(sqlite3_bind_int64(statement, AT("waiting"), run->waiting), SQLITE_OK);
    bind_time(statement, AT("stalls_at"), run->stalls_at);
    bind_time(statement, AT("abandons_at"), run->abandons_at);
    assert_int_equal(sqlite3_bind_int64(statement, AT("clock"), clock_us), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int state = sqlite3_column_int(statement, 0);
    assert_int_equal(sqlite3_reset(statement), SQLITE_OK);
    return state;
}

static void test_sql_has_the_same_rule(void **state)
{
    uint64_t seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
    const char *given = getenv("AEP_TEST_SEED");
    size_t seen[AEP__STATE_COUNT] = {0};
    sqlite3 *base = NULL;
    (void)state;
    random_state = seed = given ? strtoull(given, NULL, 10) : seed;
    assert_int_equal(sqlite3_open(":memory:", &base), SQLITE_OK);
    sqlite3_stmt *statement = prepare_rule(base);
    for (size_t i = 0; i < RANDOM_COUNT; i++) {
        struct aep__tracked run = running();
        run.outcome = draw(3) ? AEP__ENDING_OPEN : (int64_t)draw(AEP__ENDING_ABANDONED + 1);
        run.waiting = draw(3) ? AEP__WAITING_NOT : (int64_t)draw(AEP__WAITING_COUNT);
        run.stalls_at = draw_time();
        run.abandons_at = draw_time();
        int64_t clock_us = draw(100) ? NOW_US + (int64_t)draw(5) : INT64_MAX;
        enum aep__state wanted = aep__state_of(&run, clock_us);
        int got = ask_rule(statement, &run, clock_us);
        if (got != (int)wanted)
            fail_msg("execution %zu: %d in SQL, %d in C; repeat with AEP_TEST_SEED=%llu", i, got,
                     (int)wanted, (unsigned long long)seed);
        seen[wanted]++;
    }
    for (enum aep__state one = 0; one < AEP__STATE_COUNT; one++)
        assert_true(seen[one] > 0);
    sqlite3_finalize(statement);
    sqlite3_close(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_goes_quiet),
        cmocka_unit_test(test_what_waits_is_never_stalled),
        cmocka_unit_test(test_an_end_beats_all),
        cmocka_unit_test(test_what_is_unknown_or_never_does_not_come),
        cmocka_unit_test(test_words_are_found_again),
        cmocka_unit_test(test_sql_has_the_same_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

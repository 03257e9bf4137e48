/* SPDX-License-Identifier: Apache-2.0 */
/* Belonging: which execution an event is of, and what it changes there, case by case. */
#include "ingest_fixture.h"

#include "track/store_sqlite.h"

#define KEY "t/c/a" /* the id of a provisional one */

/* ---- whose it is ---- */

static void test_a_cause_of_another_tenant_run_or_agent_is_not_its_execution(void **state)
{
    TAKE("started", 1, 10);
    TAKE("started", 2, 10, .tenant = "u");
    TAKE("started", 3, 10, .correlation = "d");
    TAKE("started", 4, 10, .agent = "b");
    TAKE("progress", 11, 11, .cause = 1, .tenant = "u");
    TAKE("progress", 12, 11, .cause = 1, .correlation = "d");
    TAKE("progress", 13, 11, .cause = 1, .agent = "b");
    assert_int_equal(ROW(1)->events, 1);
    assert_int_equal(ROW(2)->events, 2);
    assert_int_equal(ROW(3)->events, 2);
    assert_int_equal(ROW(4)->events, 2);
}

static void test_one_that_is_older_than_the_first_started_is_of_that_one(void **state)
{
    TAKE("started", 1, 10);
    TAKE("started", 2, 20);
    TAKE("progress", 11, 9.999999);
    TAKE("progress", 12, 19);
    TAKE("progress", 13, 20);
    assert_int_equal(ROW(1)->events, 3);
    assert_int_equal(ROW(2)->events, 2);
}

static void test_an_event_a_microsecond_before_its_started_waits_for_that(void **state)
{
    TAKE("progress", 11, 9.999999, .cause = 1);
    assert_true(ROW(1)->partial);
    TAKE("started", 1, 10);
    assert_false(ROW(1)->partial);
    assert_int_equal(ROW(1)->events, 2);
}

static void test_without_a_cause_it_waits_under_its_key(void **state)
{
    TAKE("progress", 11, 11);
    assert_true(row_of(*state, KEY)->partial);
    TAKE("started", 1, 10);
    assert_null(row_of(*state, KEY));
    assert_int_equal(ROW(1)->events, 2);
}

static void test_names_are_compared_byte_by_byte(void **state)
{
    TAKE("started", 1, 10);
    TAKE("progress", 11, 11, .agent = "A");
    TAKE("progress", 12, 11, .correlation = "C");
    assert_int_equal(ROW(1)->events, 1);
}

static void test_event_ids_have_no_case(void **state)
{
    TAKE("started", 0xabcdef, 10);
    TAKE("progress", 11, 11, .cause = 0xabcdef);
    TAKE("started", 0, 10, .upper = "019A0000-0000-7000-8000-000000ABCDEF");
    assert_int_equal(ROW(0xabcdef)->events, 2);
}

/* Longer than a row has it. */
static const char *long_text(const char *character)
{
    static char text[AEP__TEXT_MAX * 2];
    size_t len = strlen(character);
    for (size_t at = 0; at + len < sizeof text; at += len)
        memcpy(text + at, character, len + 1);
    return text;
}

struct total {
    int rows, partial;
    int64_t events;
};

static bool add_row(void *user, const struct aep__tracked *row)
{
    struct total *total = user;
    total->rows++;
    total->partial += row->partial != 0;
    total->events += row->events;
    return true;
}

static void assert_total(struct taking *taking, int rows, int partial, int64_t events)
{
    struct total total = {0};
    struct aep__filter filter;
    struct aep__query query = {.filter = &filter, .clock_us = AT(0)};
    aep__filter_init(&filter);
    settle_all(taking);
    MUST(taking->track, list, &query, add_row, &total);
    aep__filter_done(&filter);
    assert_int_equal(total.rows, rows);
    assert_int_equal(total.partial, partial);
    assert_int_equal(total.events, events);
}

static void test_names_may_be_longer_than_a_row(void **state)
{
    const char *const characters[] = {"x", "日", "👩"};
    for (int i = 0; i < 3; i++) {
        const char *name = long_text(characters[i]);
        unsigned id = 10 * (unsigned)i;
        TAKE("progress", id + 2, 11, .agent = name, .correlation = name, .tenant = name);
        TAKE("progress", id + 3, 12, .agent = name, .correlation = name, .tenant = name);
        assert_total(*state, i + 1, 1, 3 * i + 2);
        TAKE("started", id + 1, 10, .agent = name, .correlation = name, .tenant = name);
        assert_total(*state, i + 1, 0, 3 * i + 3);
        assert_int_equal(ROW(id + 1)->events, 3);
    }
}

static void test_names_that_differ_behind_what_a_row_has_are_two(void **state)
{
    char name[AEP__TEXT_MAX * 2], other[sizeof name];
    snprintf(name, sizeof name, "%s", long_text("x"));
    snprintf(other, sizeof other, "%.*sy", (int)strlen(name) - 1, name);
    TAKE("progress", 11, 11, .tenant = name);
    TAKE("progress", 12, 12, .tenant = other);
    assert_total(*state, 2, 2, 2);
    TAKE("started", 1, 10, .tenant = name);
    assert_total(*state, 2, 1, 3);
    TAKE("started", 2, 10, .tenant = other);
    assert_total(*state, 2, 0, 4);
}

static void test_a_cause_may_be_longer_than_a_row(void **state)
{
    const char *cause = long_text("x");
    TAKE("progress", 11, 11, .named = cause, .agent = "b");
    TAKE("progress", 12, 12, .named = cause, .agent = "b");
    TAKE("progress", 13, 13, .named = cause);
    TAKE("progress", 14, 14, .named = cause);
    char *id = aep__tracked_name(aep__slice_text(cause));
    assert_string_equal(row_of(*state, id)->agent_name, "a");
    assert_int_equal(row_of(*state, id)->events, 2);
    assert_int_equal(row_of(*state, "t/c/b")->events, 2);
    TAKE("started", 1, 10);
    assert_int_equal(ROW(1)->events, 3);
    assert_string_equal(row_of(*state, id)->agent_name, "b");
    assert_int_equal(row_of(*state, id)->events, 2);
    free(id);
}

static void test_two_may_name_one_cause_that_is_not_known(void **state)
{
    TAKE("progress", 11, 11, .cause = 7, .agent = "b");
    TAKE("progress", 12, 12, .cause = 7);
    assert_string_equal(ROW(7)->agent_name, "a"); /* the one of the least key */
    assert_int_equal(row_of(*state, "t/c/b")->events, 1);
    TAKE("started", 7, 10, .agent = "b");
    assert_string_equal(ROW(7)->agent_name, "b");
    assert_int_equal(ROW(7)->events, 2);
    assert_int_equal(row_of(*state, KEY)->events, 1);
    assert_null(row_of(*state, "t/c/b"));
}

/* ---- what it says ---- */

static void test_the_last_value_that_was_given_stays(void **state)
{
    TAKE("started", 1, 10);
    TAKE("progress", 11, 11, .payload = ",\"current_step\":\"one\",\"progress_percent\":40");
    TAKE("progress", 12, 12, .payload = ",\"steps_completed\":3,\"steps_total\":7");
    TAKE("progress", 13, 13);
    const struct aep__tracked *row = ROW(1);
    assert_string_equal(row->current_step, "one");
    assert_true(row->progress_percent == 40 && row->steps_completed == 3 && row->steps_total == 7);
}

static void test_times_are_the_payloads_else_the_envelopes(void **state)
{
    TAKE("started", 1, 10, .payload = ",\"started_at\":\"2025-11-13T02:13:25Z\"");
    TAKE("completed", 11, 20, .payload = ",\"completed_at\":\"soon\"");
    assert_int_equal(ROW(1)->started_at, AT(5));
    assert_int_equal(ROW(1)->ended_at, AT(20));
    assert_true(ROW(1)->duration_ms == 15000);
    TAKE("started", 2, 10, .correlation = "d");
    TAKE("failed", 21, 20, .correlation = "d",
         .payload = ",\"failed_at\":\"2025-11-13T02:13:38Z\"");
    assert_int_equal(ROW(2)->started_at, AT(10));
    assert_int_equal(ROW(2)->ended_at, AT(18));
}

static void test_the_source_is_that_of_the_event_that_began_it_else_of_the_first(void **state)
{
    TAKE("progress", 12, 12, .source = "second");
    TAKE("progress", 11, 11, .source = "first");
    TAKE("progress", 13, 13, .source = "third");
    assert_string_equal(row_of(*state, KEY)->source, "first");
    TAKE("started", 1, 12.5, .source = "own");
    assert_string_equal(ROW(1)->source, "own");
    TAKE("progress", 14, 10, .source = "fourth");
    assert_string_equal(ROW(1)->source, "own");
}

static void test_what_has_not_begun_has_no_start_and_no_duration(void **state)
{
    TAKE("completed", 11, 20, .payload = ",\"duration_ms\":12");
    const struct aep__tracked *row = row_of(*state, KEY);
    assert_int_equal(row->started_at, AEP__UNKNOWN_US);
    assert_true(isnan(row->duration_ms));
    TAKE("started", 1, 10);
    assert_true(ROW(1)->duration_ms == 12);
}

static void test_after_the_end_an_event_is_counted_and_no_more(void **state)
{
    TAKE("started", 1, 10);
    TAKE("completed", 11, 20);
    TAKE("progress", 12, 30,
         .payload = ",\"current_step\":\"late\",\"metadata\":{\"status\":\"waiting\"}");
    const struct aep__tracked *row = ROW(1);
    assert_int_equal(row->events, 3);
    assert_int_equal(row->last_event_at, AT(30));
    assert_null(row->current_step);
    assert_int_equal(row->waiting, AEP__WAITING_NOT);
    assert_int_equal(row->ended_at, AT(20));
}

static void test_another_kind_and_unknown_members_are_counted_and_no_more(void **state)
{
    TAKE("started", 1, 10, .payload = ",\"colour\":\"red\"");
    TAKE("paused", 11, 20, .payload = ",\"current_step\":\"late\",\"inferred\":true");
    assert_int_equal(ROW(1)->events, 2);
    assert_int_equal(ROW(1)->last_event_at, AT(20));
    assert_null(ROW(1)->current_step);
    assert_state(*state, 1, 21, AEP__STATE_RUNNING);
}

/* ---- ends ---- */

#define ABANDONED ",\"error_code\":\"ABANDONED\",\"inferred\":true"
#define INTERRUPTED ",\"error_code\":\"INTERRUPTED\",\"inferred\":true"

static void test_of_inferred_ends_the_first_that_nothing_revived_counts(void **state)
{
    TAKE("started", 1, 10);
    TAKE("failed", 11, 20, .payload = ABANDONED);
    assert_state(*state, 1, 21, AEP__STATE_ABANDONED);
    TAKE("progress", 12, 30);
    assert_state(*state, 1, 31, AEP__STATE_RUNNING);
    TAKE("failed", 13, 40, .payload = INTERRUPTED);
    TAKE("failed", 14, 50, .payload = ABANDONED);
    assert_state(*state, 1, 51, AEP__STATE_FAILED);
    assert_int_equal(ROW(1)->ended_at, AT(40));
}

static void test_an_inferred_end_that_is_no_silence_is_not_revived(void **state)
{
    TAKE("started", 1, 10);
    TAKE("failed", 11, 20, .payload = INTERRUPTED);
    TAKE("progress", 12, 30);
    assert_state(*state, 1, 31, AEP__STATE_FAILED);
}

static void test_an_explicit_end_counts_before_an_inferred_one(void **state)
{
    TAKE("started", 1, 10);
    TAKE("completed", 11, 40);
    TAKE("failed", 12, 20, .payload = INTERRUPTED);
    assert_state(*state, 1, 41, AEP__STATE_COMPLETED);
    assert_false(ROW(1)->conflict);
}

static void test_numbers_decide_between_ends_if_all_are_of_one_spool(void **state)
{
    TAKE("started", 1, 10);
    TAKE("completed", 11, 20, .number = 9, .spool = 1);
    TAKE("failed", 12, 30, .number = 8, .spool = 1);
    assert_state(*state, 1, 31, AEP__STATE_FAILED);
    assert_true(ROW(1)->conflict);
    TAKE("started", 2, 10, .correlation = "d");
    TAKE("completed", 21, 20, .correlation = "d", .number = 9, .spool = 1);
    TAKE("failed", 22, 30, .correlation = "d", .number = 8, .spool = 2);
    assert_state(*state, 2, 31, AEP__STATE_COMPLETED);
}

static void test_a_copy_that_comes_later_adds_its_number(void **state)
{
    TAKE("started", 1, 10);
    TAKE("completed", 11, 20, .number = 9);
    TAKE("failed", 12, 30);
    assert_state(*state, 1, 31, AEP__STATE_COMPLETED);
    TAKE("failed", 12, 30, .number = 8);
    assert_state(*state, 1, 31, AEP__STATE_FAILED);
    assert_int_equal(ROW(1)->events, 3);
}

static void test_the_same_number_twice_is_two_events(void **state)
{
    TAKE("started", 1, 10);
    TAKE("progress", 11, 20, .number = 9);
    TAKE("progress", 12, 30, .number = 9);
    assert_int_equal(ROW(1)->events, 3);
}

static void test_of_two_bodies_under_one_id_the_first_counts(void **state)
{
    struct taking *taking = *state;
    TAKE("started", 1, 10);
    TAKE("progress", 11, 20, .payload = ",\"current_step\":\"one\"");
    TAKE("progress", 11, 20, .payload = ",\"current_step\":\"two\"");
    TAKE("progress", 11, 20, .payload = ",\"current_step\":\"one\"");
    assert_int_equal(taking->ingest.tallies[AEP__TALLY_CONFLICTING], 1);
    assert_int_equal(taking->ingest.tallies[AEP__TALLY_DUPLICATES], 1);
    assert_string_equal(ROW(1)->current_step, "one");
    assert_int_equal(ROW(1)->events, 2);
}

/* ---- what finding it costs ---- */

static int note_sort(unsigned type, void *ret_sql, void *statement, void *took)
{
    (void)type, (void)took;
    if (sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_SORT, 1) > 0)
        snprintf(ret_sql, 1024, "%s", sqlite3_sql(statement));
    return 0;
}

/* To sort, SQLite makes a database in memory. */
static void test_nothing_is_sorted_to_find_it(void **state)
{
    char sql[1024] = "";
    struct taking *taking = *state;
    if (postgres_server())
        skip(); /* how SQLite does that is looked at here */
    sqlite3 *db = aep__sqlite_of(aep__sql_of(taking->track->store))->db;
    TAKE("started", 1, 10);
    sqlite3_trace_v2(db, SQLITE_TRACE_PROFILE, note_sort, sql);
    TAKE("progress", 11, 20);
    TAKE("progress", 12, 5); /* before it */
    TAKE("progress", 13, 20, .agent = "b");
    sqlite3_trace_v2(db, 0, NULL, NULL);
    assert_string_equal(sql, "");
    assert_int_equal(ROW(1)->events, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TAKING_TEST(test_a_cause_of_another_tenant_run_or_agent_is_not_its_execution),
        TAKING_TEST(test_one_that_is_older_than_the_first_started_is_of_that_one),
        TAKING_TEST(test_an_event_a_microsecond_before_its_started_waits_for_that),
        TAKING_TEST(test_without_a_cause_it_waits_under_its_key),
        TAKING_TEST(test_names_are_compared_byte_by_byte),
        TAKING_TEST(test_event_ids_have_no_case),
        TAKING_TEST(test_names_may_be_longer_than_a_row),
        TAKING_TEST(test_names_that_differ_behind_what_a_row_has_are_two),
        TAKING_TEST(test_a_cause_may_be_longer_than_a_row),
        TAKING_TEST(test_two_may_name_one_cause_that_is_not_known),
        TAKING_TEST(test_the_last_value_that_was_given_stays),
        TAKING_TEST(test_times_are_the_payloads_else_the_envelopes),
        TAKING_TEST(test_the_source_is_that_of_the_event_that_began_it_else_of_the_first),
        TAKING_TEST(test_what_has_not_begun_has_no_start_and_no_duration),
        TAKING_TEST(test_after_the_end_an_event_is_counted_and_no_more),
        TAKING_TEST(test_another_kind_and_unknown_members_are_counted_and_no_more),
        TAKING_TEST(test_of_inferred_ends_the_first_that_nothing_revived_counts),
        TAKING_TEST(test_an_inferred_end_that_is_no_silence_is_not_revived),
        TAKING_TEST(test_an_explicit_end_counts_before_an_inferred_one),
        TAKING_TEST(test_numbers_decide_between_ends_if_all_are_of_one_spool),
        TAKING_TEST(test_a_copy_that_comes_later_adds_its_number),
        TAKING_TEST(test_the_same_number_twice_is_two_events),
        TAKING_TEST(test_of_two_bodies_under_one_id_the_first_counts),
        TAKING_TEST(test_nothing_is_sorted_to_find_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

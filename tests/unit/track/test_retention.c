/* SPDX-License-Identifier: Apache-2.0 */
/* Retention, case by case: who goes and who stays, and what late events come to. */
#include "retention_fixture.h"

#include "track/store_sqlite.h"

#define DAY 86400.0

/* One that ran from second 10 to 20. */
static void take_run(void **state, unsigned number)
{
    TAKE("started", number, 10);
    TAKE("completed", number + 1, 20, .cause = number);
}

/* ---- who goes ---- */

static void test_an_execution_goes_30_days_after_its_end(void **state)
{
    take_run(state, 1);
    retain_usually(*state, 29.9);
    assert_non_null(ROW(1));
    retain_usually(*state, 30.1);
    assert_null(ROW(1));
}

static void test_what_is_open_or_pinned_stays(void **state)
{
    TAKE("started", 1, 10);
    take_run(state, 3);
    pin(*state, 3, true);
    retain_usually(*state, 1000);
    assert_non_null(ROW(1));
    assert_int_equal(ROW(3)->pinned, 1);
    assert_int_equal(ROW(3)->emptied_at, AEP__UNKNOWN_US);
    pin(*state, 3, false);
    retain_usually(*state, 1000);
    assert_null(ROW(3));
}

static void test_never_is_never(void **state)
{
    struct aep__retention never = {0};
    take_run(state, 1);
    retain(*state, &never, 10000);
    assert_int_equal(ROW(1)->emptied_at, AEP__UNKNOWN_US);
}

static void test_a_parent_waits_for_its_open_children(void **state)
{
    take_run(state, 1);
    TAKE("started", 5, 15, .cause = 1, .agent = "b");
    retain_usually(*state, 1000);
    assert_int_equal(ROW(1)->open_children, 1);
    TAKE("completed", 6, 30, .cause = 5, .agent = "b");
    retain_usually(*state, 1000);
    assert_null(ROW(1));
    assert_null(ROW(5));
}

static void test_children_of_the_dead_are_their_own_roots(void **state)
{
    take_run(state, 1);
    TAKE("started", 5, 15, .cause = 1, .agent = "b");
    TAKE("completed", 6, 2 * DAY, .cause = 5, .agent = "b");
    TAKE("started", 7, 16, .cause = 5, .agent = "c");
    TAKE("completed", 8, 3 * DAY, .cause = 7, .agent = "c");
    assert_int_equal(ROW(7)->depth, 2);
    retain_usually(*state, 31);
    assert_null(ROW(1));
    assert_int_equal(ROW(5)->parent_known, 0);
    assert_string_equal(ROW(5)->parent_id, id_of(1));
    assert_string_equal(ROW(5)->root_id, id_of(5));
    assert_int_equal(ROW(5)->depth, 0);
    assert_int_equal(ROW(5)->children, 1);
    assert_string_equal(ROW(7)->root_id, id_of(5));
    assert_int_equal(ROW(7)->depth, 1);
}

static void test_a_parent_counts_a_dead_child_no_longer(void **state)
{
    TAKE("started", 1, 10);
    TAKE("started", 5, 15, .cause = 1, .agent = "b");
    TAKE("completed", 6, 30, .cause = 5, .agent = "b");
    assert_int_equal(ROW(1)->children, 1);
    retain_usually(*state, 31);
    assert_int_equal(ROW(1)->children, 0);
    assert_int_equal(ROW(1)->open_children, 0);
    assert_int_equal(ROW(1)->quiet_since, AT(30)); /* that it was not silent till then stays true */
}

/* ---- a parent of many ---- */

#define MANY 1200 /* children: more than a step may change */

static bool count_id(void *user, const char *id)
{
    (void)id;
    ++*(int64_t *)user;
    return true;
}

/* The parent's row has as many children as there are, in what is committed; -1: it is gone. */
static int64_t children_of(struct taking *taking, unsigned number)
{
    struct track *track = taking->track;
    struct aep__tracked parent;
    int64_t count = 0;
    aep__tracked_init(&parent);
    int found = track->store->ops->get(track->store, id_of(number), &parent, &track->err);
    MUST(track, children, id_of(number), count_id, &count);
    assert_int_equal(count, found ? parent.children : 0);
    assert_int_equal(parent.open_children, 0);
    aep__tracked_done(&parent);
    return found ? count : -1;
}

/* Step by step, so that each committed state is seen; returns what is left. */
static int64_t watch_parent(struct taking *taking, unsigned number, double days)
{
    struct aep__retention retention = USUAL;
    struct track *track = taking->track;
    int64_t before = children_of(taking, number), left = before;
    assert_int_equal(aep__ingest_flush(&taking->ingest, &track->err), AEP_OK);
    commit(track);
    for (bool more = true; more; before = left) {
        assert_int_equal(aep__retention_step(&retention, &taking->ingest,
                                             EPOCH_US + (int64_t)(days * (double)DAY_US), &more,
                                             &track->err),
                         AEP_OK);
        left = children_of(taking, number);
        assert_true(left <= before);
    }
    begin(track);
    return left;
}

static void test_a_parent_of_many_stays_until_a_step_can_part_it_from_the_rest(void **state)
{
    take_run(state, 1);
    for (unsigned i = 0; i < MANY; i++) {
        TAKE("started", 10 + 2 * i, 12, .cause = 1, .agent = "b");
        TAKE("completed", 11 + 2 * i, i < MANY / 2 ? 18 : 2 * DAY, .cause = 10 + 2 * i,
             .agent = "b");
    }
    settle_all(*state);
    assert_int_equal(watch_parent(*state, 1, 29), MANY);
    assert_int_equal(watch_parent(*state, 1, 31), MANY / 2); /* too many for it to go */
    pin(*state, 10 + 2 * (MANY - 1), true);
    assert_int_equal(watch_parent(*state, 1, 33), -1);
    const struct aep__tracked *last = ROW(10 + 2 * (MANY - 1));
    assert_int_equal(last->parent_known, 0);
    assert_string_equal(last->root_id, last->id);
    assert_null(ROW(10 + 2 * (MANY - 2)));
}

/* ---- late events ---- */

static void test_a_late_event_does_not_raise_the_dead(void **state)
{
    take_run(state, 1);
    retain_usually(*state, 31);
    TAKE("started", 1, 10);
    TAKE("progress", 3, 15, .cause = 1);
    TAKE("progress", 4, 15);
    TAKE("completed", 2, 20, .cause = 1);
    TAKE("failed", 5, 25, .cause = 1);
    assert_int_equal(count_of(*state, "late"), 5);
    assert_int_equal(count_of(*state, "events"), 7);
    assert_null(ROW(1));
    assert_null(row_of(*state, "t/c/a"));
    int64_t states[AEP__STATE_COUNT];
    MUST(((struct taking *)*state)->track, count, AT(0), states);
    for (int i = 0; i < AEP__STATE_COUNT; i++)
        assert_int_equal(states[i], 0);
}

static void test_another_agents_event_is_not_the_dead_ones(void **state)
{
    take_run(state, 1);
    retain_usually(*state, 31);
    TAKE("progress", 3, 15, .cause = 1, .agent = "inner");
    assert_int_equal(count_of(*state, "late"), 0);
    assert_non_null(ROW(1));
    assert_string_equal(ROW(1)->agent_name, "inner");
}

static void test_the_nearest_of_a_key_counts_dead_or_alive(void **state)
{
    take_run(state, 1);
    TAKE("started", 5, 100);
    retain_usually(*state, 31);
    TAKE("progress", 7, 50);
    TAKE("progress", 8, 5);
    assert_int_equal(count_of(*state, "late"), 2);
    assert_int_equal(ROW(5)->events, 1);
    TAKE("progress", 9, 150);
    assert_int_equal(ROW(5)->events, 2);
    TAKE("started", 10, 60);
    TAKE("progress", 11, 70);
    TAKE("progress", 12, 50);
    assert_int_equal(ROW(10)->events, 2);
    assert_int_equal(count_of(*state, "late"), 3);
}

static void test_the_started_event_of_a_dead_provisional_one_is_late(void **state)
{
    TAKE("progress", 2, 15);
    TAKE("completed", 3, 20);
    assert_non_null(row_of(*state, "t/c/a"));
    retain_usually(*state, 31);
    assert_null(row_of(*state, "t/c/a"));
    TAKE("started", 1, 10);
    TAKE("progress", 4, 18);
    assert_int_equal(count_of(*state, "late"), 2);
    assert_null(ROW(1));
    TAKE("started", 5, 40 * DAY);
    TAKE("progress", 6, 40 * DAY + 1);
    assert_int_equal(ROW(5)->events, 2);
}

static void test_a_tombstone_goes_after_twice_the_time(void **state)
{
    take_run(state, 1);
    retain_usually(*state, 31);
    retain_usually(*state, 90.9);
    TAKE("progress", 3, 15, .cause = 1);
    assert_int_equal(count_of(*state, "late"), 1);
    retain_usually(*state, 91.1);
    TAKE("progress", 4, 15, .cause = 1);
    assert_int_equal(count_of(*state, "late"), 1);
    assert_int_equal(ROW(1)->partial, 1);
}

/* ---- bodies ---- */

static bool keep_bodies(void *user, const struct aep__stored_event *event)
{
    aep__buf_text(user, event->body.data ? "body " : "none ");
    return true;
}

static void assert_bodies(void **state, unsigned number, const char *expected)
{
    struct aep__buf kept = {0};
    settle_all(*state);
    MUST(((struct taking *)*state)->track, events, id_of(number), NULL, keep_bodies, &kept);
    assert_kept(&kept, expected);
}

static void test_bodies_go_after_7_days_those_of_failed_ones_later(void **state)
{
    take_run(state, 1);
    TAKE("started", 5, 10, .agent = "b");
    TAKE("failed", 6, 20, .cause = 5, .agent = "b");
    retain_usually(*state, 6.9);
    assert_bodies(state, 1, "body body ");
    retain_usually(*state, 7.1);
    assert_bodies(state, 1, "none none ");
    assert_int_equal(ROW(1)->emptied_at, EPOCH_US + (int64_t)(7.1 * (double)DAY_US));
    assert_bodies(state, 5, "body body ");
    retain_usually(*state, 20.1);
    assert_bodies(state, 5, "none none ");
}

static void test_facts_stay_when_bodies_go(void **state)
{
    TAKE("started", 1, 10, .payload = ",\"user_request\":\"r\"");
    TAKE("progress", 2, 15, .cause = 1, .payload = ",\"current_step\":\"s\"");
    TAKE("completed", 3, 20, .cause = 1, .payload = ",\"result_summary\":\"done\"");
    retain_usually(*state, 8);
    TAKE("progress", 2, 15, .cause = 1, .payload = ",\"current_step\":\"s\"");
    assert_int_equal(count_of(*state, "duplicates"), 1);
    TAKE("progress", 2, 15, .cause = 1, .payload = ",\"current_step\":\"other\"");
    assert_int_equal(count_of(*state, "conflicting"), 1);
    TAKE("progress", 4, 17, .cause = 1, .payload = ",\"current_step\":\"late\"");
    TAKE("failed", 5, 18, .cause = 1, .payload = ",\"error_message\":\"m\"");
    const struct aep__tracked *row = ROW(1);
    assert_int_equal(row->events, 5);
    assert_int_equal(row->outcome, AEP__ENDING_COMPLETED);
    assert_int_equal(row->conflict, 1);
    assert_string_equal(row->user_request, "r");
    assert_string_equal(row->current_step, "s");
    assert_string_equal(row->result_summary, "done");
    assert_null(row->error_message);
}

static void test_a_number_that_comes_late_changes_no_facts(void **state)
{
    TAKE("started", 1, 10, .payload = ",\"user_request\":\"r\"");
    TAKE("completed", 2, 20, .cause = 1);
    TAKE("completed", 3, 21, .cause = 1);
    assert_int_equal(ROW(1)->conflict, 1);
    retain_usually(*state, 8);
    TAKE("completed", 3, 21, .cause = 1, .number = 5, .spool = 1);
    const struct aep__tracked *row = ROW(1);
    assert_int_equal(row->events, 3);
    assert_int_equal(row->conflict, 1);
    assert_string_equal(row->user_request, "r");
}

static void test_an_inferred_end_is_bettered_without_bodies(void **state)
{
    TAKE("started", 1, 10);
    TAKE("failed", 2, 20, .cause = 1, .payload = ",\"inferred\":true,\"error_code\":\"LOST\"");
    retain_usually(*state, 21);
    TAKE("completed", 3, 19, .cause = 1);
    assert_int_equal(ROW(1)->outcome, AEP__ENDING_COMPLETED);
    assert_int_equal(ROW(1)->inferred, 0);
    assert_int_equal(ROW(1)->conflict, 0);
}

static void test_a_late_started_event_takes_the_facts_of_a_provisional_one(void **state)
{
    TAKE("progress", 2, 15, .payload = ",\"current_step\":\"s\"");
    TAKE("completed", 3, 20);
    retain_usually(*state, 8);
    TAKE("started", 1, 10, .payload = ",\"user_request\":\"r\"");
    assert_null(row_of(*state, "t/c/a"));
    const struct aep__tracked *row = ROW(1);
    assert_int_equal(row->events, 3);
    assert_int_equal(row->partial, 0);
    assert_int_equal(row->outcome, AEP__ENDING_COMPLETED);
    assert_string_equal(row->current_step, "s");
    assert_string_equal(row->user_request, "r");
    assert_string_equal(row->root_id, id_of(1));
    assert_bodies(state, 1, "body none none ");
}

static void test_a_started_event_between_takes_nothing_without_bodies(void **state)
{
    TAKE("started", 1, 10);
    TAKE("progress", 2, 15);
    TAKE("completed", 3, 20);
    retain_usually(*state, 8);
    TAKE("started", 4, 12);
    assert_int_equal(ROW(1)->events, 3);
    assert_int_equal(ROW(1)->outcome, AEP__ENDING_COMPLETED);
    assert_int_equal(ROW(4)->events, 1);
}

/* ---- pins ---- */

static void test_a_pinned_provisional_one_that_merges_keeps_its_pin(void **state)
{
    struct taking *taking = *state;
    TAKE("progress", 2, 15);
    settle_all(taking);
    assert_int_equal(aep__retention_pin(&taking->ingest, "t/c/a", true, &taking->track->err), 1);
    TAKE("started", 1, 10);
    assert_null(row_of(*state, "t/c/a"));
    assert_int_equal(ROW(1)->pinned, 1);
    TAKE("progress", 12, 15, .cause = 11, .agent = "b"); /* provisional, by the id that it names */
    pin(*state, 11, true);
    TAKE("started", 11, 10, .agent = "b");
    assert_int_equal(ROW(11)->partial, 0);
    assert_int_equal(ROW(11)->pinned, 1);
    TAKE("progress", 22, 15, .cause = 21, .agent = "c");
    pin(*state, 21, true);
    TAKE("started", 21, 10, .agent = "other"); /* its id is another's: it has that of its key */
    assert_int_equal(ROW(21)->pinned, 0);
    assert_int_equal(row_of(*state, "t/c/c")->pinned, 1);
}

static void test_nobody_can_pin_what_there_is_not(void **state)
{
    struct taking *taking = *state;
    assert_int_equal(aep__retention_pin(&taking->ingest, id_of(9), true, &taking->track->err), 0);
}

/* ---- room ---- */

static void take_many(void **state, unsigned first, unsigned count, unsigned events, double at)
{
    char text[900];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct aep__buf payload = {0};
    aep__buf_format(&payload, ",\"current_step\":\"%s\"", text);
    for (unsigned i = 0; i < count; i++) {
        unsigned id = first + i * (events + 2);
        char correlation[32];
        snprintf(correlation, sizeof correlation, "c%u", id);
        TAKE("started", id, at + i, .correlation = correlation);
        for (unsigned event = 1; event <= events; event++)
            TAKE("progress", id + event, at + i, .correlation = correlation, .cause = id,
                 .payload = aep__buf_string(&payload));
        TAKE("completed", id + events + 1, at + i + 0.5, .correlation = correlation, .cause = id);
    }
    aep__buf_done(&payload);
    settle_all(*state);
}

static int64_t bytes_of(void **state)
{
    int64_t bytes;
    MUST(((struct taking *)*state)->track, bytes, &bytes);
    return bytes;
}

static void test_above_the_limit_those_that_ended_first_go(void **state)
{
    take_many(state, 1, 100, 20, 0);
    struct aep__retention retention = {.max_bytes = bytes_of(state) / 2};
    retain(*state, &retention, 1);
    assert_true(bytes_of(state) <= retention.max_bytes);
    assert_true(bytes_of(state) > retention.max_bytes / 2); /* and no more than has to */
    assert_false(retention.stuck);
    assert_null(ROW(1));
    assert_non_null(ROW(1 + 99 * 22));
}

static void test_nothing_that_is_open_or_pinned_goes_for_the_limit(void **state)
{
    take_many(state, 1, 20, 20, 0);
    for (unsigned i = 0; i < 20; i++)
        pin(*state, 1 + i * 22, true);
    TAKE("started", 1000, 10, .correlation = "open");
    settle_all(*state);
    struct aep__retention retention = {.max_bytes = 4096};
    retain(*state, &retention, 1);
    assert_true(retention.over);
    assert_true(retention.stuck);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(ROW(1 + i * 22)->events, 22);
    pin(*state, 1, false);
    retain(*state, &retention, 1);
    assert_true(retention.stuck); /* once more */
    assert_null(ROW(1));
    assert_non_null(ROW(1000));
    retention.max_bytes = INT64_C(1) << 30;
    retain(*state, &retention, 1);
    assert_false(retention.over);
    assert_false(retention.stuck);
}

static sqlite3 *base_of(struct taking *taking)
{
    return aep__sqlite_of(aep__sql_of(taking->track->store))->db;
}

static int64_t changes_of(void **state)
{
    return sqlite3_total_changes64(base_of(*state));
}

static void test_a_step_changes_a_thousand_rows_at_most(void **state)
{
    if (postgres_server())
        skip(); /* it asks the file of SQLite */
    struct aep__retention retention = USUAL;
    struct taking *taking = *state;
    bool more = true;
    take_many(state, 1, 2, 2500, 0);
    take_many(state, 6001, 600, 1, 0);
    commit(taking->track);
    int64_t before = changes_of(state);
    for (unsigned steps = 0; more; steps++) {
        double days = steps < 20 ? 8 : 31; /* the bodies, then all */
        assert_true(steps < 100);
        if (aep__retention_step(&retention, &taking->ingest,
                                EPOCH_US + (int64_t)(days * (double)DAY_US), &more,
                                &taking->track->err) != AEP_OK)
            fail_msg("%s", taking->track->err.text);
        more |= steps < 20;
        assert_in_range(changes_of(state) - before, 0, AEP__RETENTION_ROWS + AEP__COUNTS_MAX);
        before = changes_of(state);
    }
    begin(taking->track);
    assert_null(ROW(1));
    assert_null(ROW(6001));
    sqlite3_stmt *statement;
    assert_int_equal(
        sqlite3_prepare_v2(base_of(taking), "SELECT count(*) FROM events", -1, &statement, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t events = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    assert_int_equal(events, 0);
}

static int64_t file_bytes(struct track *track)
{
    struct stat st;
    assert_int_equal(stat(track->path, &st), 0);
    return st.st_size;
}

static void test_the_file_gives_room_back(void **state)
{
    if (postgres_server())
        skip(); /* it asks the file of SQLite */
    struct taking *taking = *state;
    struct track *track = taking->track;
    take_many(state, 1, 600, 20, 0);
    commit(track);
    close_track(track);
    int64_t full = file_bytes(track);
    assert_int_equal(aep__store_open(&track->store, track->path, true, &track->err), AEP_OK);
    aep__ingest_done(&taking->ingest);
    assert_int_equal(aep__ingest_init(&taking->ingest, track->store, DAY_US, &track->err), AEP_OK);
    begin(track);
    retain_usually(*state, 31);
    commit(track);
    close_track(track);
    assert_true(file_bytes(track) < full / 2);
    assert_int_equal(aep__store_open(&track->store, track->path, true, &track->err), AEP_OK);
    begin(track);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TAKING_TEST(test_an_execution_goes_30_days_after_its_end),
        TAKING_TEST(test_what_is_open_or_pinned_stays),
        TAKING_TEST(test_never_is_never),
        TAKING_TEST(test_a_parent_waits_for_its_open_children),
        TAKING_TEST(test_children_of_the_dead_are_their_own_roots),
        TAKING_TEST(test_a_parent_counts_a_dead_child_no_longer),
        TAKING_TEST(test_a_parent_of_many_stays_until_a_step_can_part_it_from_the_rest),
        TAKING_TEST(test_a_late_event_does_not_raise_the_dead),
        TAKING_TEST(test_another_agents_event_is_not_the_dead_ones),
        TAKING_TEST(test_the_nearest_of_a_key_counts_dead_or_alive),
        TAKING_TEST(test_the_started_event_of_a_dead_provisional_one_is_late),
        TAKING_TEST(test_a_tombstone_goes_after_twice_the_time),
        TAKING_TEST(test_bodies_go_after_7_days_those_of_failed_ones_later),
        TAKING_TEST(test_facts_stay_when_bodies_go),
        TAKING_TEST(test_a_number_that_comes_late_changes_no_facts),
        TAKING_TEST(test_an_inferred_end_is_bettered_without_bodies),
        TAKING_TEST(test_a_late_started_event_takes_the_facts_of_a_provisional_one),
        TAKING_TEST(test_a_started_event_between_takes_nothing_without_bodies),
        TAKING_TEST(test_a_pinned_provisional_one_that_merges_keeps_its_pin),
        TAKING_TEST(test_nobody_can_pin_what_there_is_not),
        TAKING_TEST(test_above_the_limit_those_that_ended_first_go),
        TAKING_TEST(test_nothing_that_is_open_or_pinned_goes_for_the_limit),
        TAKING_TEST(test_a_step_changes_a_thousand_rows_at_most),
        TAKING_TEST(test_the_file_gives_room_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

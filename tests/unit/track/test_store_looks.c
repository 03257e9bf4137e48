/* SPDX-License-Identifier: Apache-2.0 */
/* What a store knows without asking its database: a question costs a tracker as much as an event. */
#include "track_fixture.h"

#include "track/store_sql.h"

static struct aep__sql *sql_of(void **state)
{
    struct track *track = *state;
    return aep__sql_of(track->store);
}

static bool asked(void **state, unsigned which)
{
    return sql_of(state)->statements[which] != NULL;
}

/* ---- ids that cannot be stored yet ---- */

#define NOTED 200000
#define OTHERS 20000

/* A UUIDv7 whose last digits are as good as random. */
static const char *spread_id(unsigned number)
{
    static char text[AEP_ID_SIZE];
    snprintf(text, sizeof text, "019a0000-%04x-7000-8000-%012x", number >> 16,
             number * 2654435761U);
    return text;
}

static void note(void **state, unsigned count)
{
    aep__sql_is_fresh(sql_of(state), AEP__FRESH_EVENT, spread_id(0)); /* makes the filter */
    for (unsigned i = 0; i < count; i++)
        aep__sql_note_fresh(sql_of(state), AEP__FRESH_EVENT, spread_id(i));
}

static void test_what_was_stored_is_never_taken_for_new(void **state)
{
    begin(*state);
    note(state, NOTED / 2);
    for (unsigned i = 0; i < NOTED / 2; i++)
        assert_false(aep__sql_is_fresh(sql_of(state), AEP__FRESH_EVENT, spread_id(i)));
}

static void test_what_is_new_is_known_to_be_so(void **state)
{
    unsigned asked_about = 0;
    begin(*state);
    note(state, NOTED - 1000);
    for (unsigned i = 0; i < OTHERS; i++)
        asked_about += !aep__sql_is_fresh(sql_of(state), AEP__FRESH_EVENT, spread_id(NOTED + i)) +
                       !aep__sql_is_fresh(sql_of(state), AEP__FRESH_NAMED, spread_id(i));
    assert_in_range(asked_about, 0, 2 * OTHERS / 500);
}

/* ---- rows that are in use ---- */

#define UNDER_WAY 100
#define ROUNDS 200

static void put_next(void **state, unsigned number)
{
    struct aep__tracked execution = make_execution(number, 0);
    MUST((struct track *)*state, put, &execution);
    aep__tracked_done(&execution);
}

static void get_all(void **state)
{
    struct track *track = *state;
    struct aep__tracked found;
    aep__tracked_init(&found);
    for (unsigned i = 1; i <= UNDER_WAY; i++)
        assert_int_equal(track->store->ops->get(track->store, id_of(i), &found, &track->err), 1);
    aep__tracked_done(&found);
}

static void test_rows_that_are_in_use_stay_in_memory(void **state)
{
    unsigned next = 1;
    begin(*state);
    while (next <= UNDER_WAY)
        put_next(state, next++);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < UNDER_WAY; i++)
            put_next(state, next++);
        get_all(state);
    }
    assert_false(asked(state, AEP__SQL_GET));
    commit(*state);
    begin(*state);
    get_all(state);
    assert_false(asked(state, AEP__SQL_GET));
}

/* ---- children ---- */

static void put_child(void **state, unsigned number, unsigned parent, int stalls_at,
                      enum aep__ending outcome)
{
    struct aep__tracked execution = make_execution(number, 0);
    set_text(&execution, &execution.parent_id, id_of(parent));
    execution.parent_known = true;
    execution.stalls_at = AT(stalls_at);
    execution.outcome = outcome;
    MUST((struct track *)*state, put, &execution);
    aep__tracked_done(&execution);
}

/* The latest of so many open children of execution 1. */
static void assert_latest(void **state, int open, int expected)
{
    struct aep__tracked parent = make_execution(1, 0);
    int64_t latest = 0;
    parent.open_children = open;
    MUST((struct track *)*state, open_children, &parent, &latest);
    assert_int_equal(latest, expected ? AT(expected) : AEP__UNKNOWN_US);
    aep__tracked_done(&parent);
}

static void test_children_that_are_in_memory_are_not_looked_for(void **state)
{
    begin(*state);
    put_next(state, 1);
    put_child(state, 2, 1, 100, AEP__ENDING_OPEN);
    put_child(state, 3, 1, 300, AEP__ENDING_COMPLETED);
    put_child(state, 4, 1, 200, AEP__ENDING_OPEN);
    put_child(state, 5, 2, 400, AEP__ENDING_OPEN); /* another's */
    assert_latest(state, 2, 200);
    commit(*state);
    begin(*state);
    put_child(state, 4, 1, 200, AEP__ENDING_FAILED);
    assert_latest(state, 1, 100);
    assert_false(asked(state, AEP__SQL_OPEN_CHILDREN));
}

/* Another tracker's transaction: nothing in memory counts any more. */
static void put_elsewhere(void **state, unsigned number)
{
    struct track other = *(struct track *)*state;
    void *others = &other;
    assert_int_equal(aep__store_open(&other.store, other.path, true, &other.err), AEP_OK);
    begin(&other);
    put_child(&others, number, 1, 500, AEP__ENDING_OPEN);
    commit(&other);
    close_track(&other);
}

static void test_children_that_are_not_in_memory_are_found(void **state)
{
    begin(*state);
    put_child(state, 2, 1, 100, AEP__ENDING_OPEN);
    put_child(state, 3, 1, 300, AEP__ENDING_OPEN);
    commit(*state);
    put_elsewhere(state, 4);
    begin(*state);
    put_child(state, 2, 1, 600, AEP__ENDING_OPEN); /* in memory; 3 and 4 are not */
    assert_latest(state, 3, 600);
    put_child(state, 2, 1, 200, AEP__ENDING_OPEN);
    assert_latest(state, 3, 500);
    put_child(state, 4, 1, 500, AEP__ENDING_COMPLETED);
    assert_latest(state, 2, 300);
    put_child(state, 3, 1, 300, AEP__ENDING_COMPLETED);
    put_child(state, 2, 1, 200, AEP__ENDING_COMPLETED);
    assert_latest(state, 0, 0);
}

/* ---- rows that are read ---- */

#define ROWS 200

static struct aep__sql_driver counting;
static struct aep__sql_statements counted;
static void (*reset_really)(struct aep__statement *statement);
static unsigned questions;

static void count_reset(struct aep__statement *statement)
{
    questions++;
    reset_really(statement);
}

static bool count_row(void *user, const struct aep__tracked *execution)
{
    *(unsigned *)user += execution != NULL;
    return true;
}

static bool count_change(void *user, int64_t number, const char *id,
                         const struct aep__tracked *execution)
{
    (void)number, (void)id;
    return count_row(user, execution);
}

/* A reader's questions are counted, each when its statement is given back. */
static void begin_counting(void **state)
{
    struct track *track = *state;
    begin(track);
    for (unsigned i = 1; i <= ROWS; i++)
        put_next(state, i);
    commit(track);
    close_track(track);
    assert_int_equal(aep__store_open(&track->store, track->path, false, &track->err), AEP_OK);
    struct aep__sql *base = sql_of(state);
    counting = *base->driver;
    counted = *counting.statements;
    reset_really = counted.reset;
    counted.reset = count_reset;
    counting.statements = &counted;
    base->driver = &counting;
    questions = 0;
}

static void test_the_rows_of_a_list_are_read_together(void **state)
{
    struct aep__filter filter;
    unsigned rows = 0;
    aep__filter_init(&filter);
    const struct aep__query query = {.filter = &filter, .clock_us = AT(0), .limit = ROWS - 1};
    begin_counting(state);
    MUST((struct track *)*state, list, &query, count_row, &rows);
    assert_int_equal(rows, ROWS - 1);
    assert_in_range(questions, 1, ROWS / 10);
    aep__filter_done(&filter);
}

static void test_the_rows_that_changed_are_read_together(void **state)
{
    struct track *track = *state;
    unsigned rows = 0;
    int64_t none;
    MUST(track, get_count, AEP__COUNT_CHANGES, &none);
    begin_counting(state);
    assert_int_equal(track->store->ops->changes(track->store, none + 1, ROWS - 2, count_change,
                                                &rows, &track->err),
                     1);
    assert_int_equal(rows, ROWS - 2);
    assert_in_range(questions, 1, ROWS / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRACK_TEST(test_what_was_stored_is_never_taken_for_new),
        TRACK_TEST(test_what_is_new_is_known_to_be_so),
        TRACK_TEST(test_rows_that_are_in_use_stay_in_memory),
        TRACK_TEST(test_children_that_are_in_memory_are_not_looked_for),
        TRACK_TEST(test_children_that_are_not_in_memory_are_found),
        TRACK_TEST(test_the_rows_of_a_list_are_read_together),
        TRACK_TEST(test_the_rows_that_changed_are_read_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

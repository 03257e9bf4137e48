/* SPDX-License-Identifier: Apache-2.0 */
/* What the index of texts holds in PostgreSQL, and that a search takes it. Run with PostgreSQL only. */
#include "track_fixture.h"

static void index_all(struct track *track)
{
    int more;
    while ((more = track->store->ops->index_texts(track->store, 50, &track->err)) > 0)
        ;
    assert_int_equal(more, 0);
}

static PGresult *ask_all(struct track *track, const char *sql)
{
    PGconn *conn = PQconnectdb(track->path);
    PQclear(PQexec(conn, "SET search_path = aep; SET enable_seqscan = off"));
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQfinish(conn);
    return result;
}

static int64_t ask(struct track *track, const char *sql)
{
    PGresult *result = ask_all(track, sql);
    int64_t number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return number;
}

static void put_word(struct track *track, unsigned number, const char *word)
{
    struct aep__tracked execution = make_execution(number, (int)number);
    set_text(&execution, &execution.user_request, word);
    store_execution(track, &execution);
}

#define ROWS "SELECT count(*) FROM texts"
#define GRAMS "SELECT coalesce(max(cardinality(grams)), 0) FROM texts WHERE key = 2"

static void test_it_holds_what_is_stored_and_no_more(void **state)
{
    struct track *track = *state;
    for (unsigned i = 0; i < 120; i++)
        put_word(track, i, i % 2 ? "abc" : "abc abc abd");
    assert_int_equal(ask(track, ROWS), 0);
    index_all(track);
    assert_int_equal(ask(track, ROWS), 120);
    int64_t grams = ask(track, GRAMS);
    put_word(track, 1, "abcdef");
    index_all(track);
    assert_int_equal(ask(track, GRAMS), grams + 3);
    put_word(track, 1, "");
    index_all(track);
    assert_int_equal(ask(track, GRAMS), grams - 3);
    begin(track);
    for (unsigned i = 0; i < 119; i++)
        MUST(track, remove, id_of(i));
    commit(track);
    index_all(track);
    assert_int_equal(ask(track, ROWS), 1);
}

static bool keep_executions(void *user, const struct aep__tracked *execution)
{
    return keep_number(user, execution->id);
}

static void find(struct track *track, const char *word, const char *expected)
{
    struct aep__buf kept = {0};
    struct aep__filter filter;
    struct aep__query query = {.filter = &filter, .clock_us = AT(0)};
    aep__filter_init(&filter);
    assert_int_equal(aep__filter_add(&filter, word, 0, &track->err), AEP_OK);
    MUST(track, list, &query, keep_executions, &kept);
    assert_kept(&kept, expected);
    aep__filter_done(&filter);
}

/* A row whose trigrams are not in the index is not found: so the search asks it. */
static void test_a_search_takes_it(void **state)
{
    struct track *track = *state;
    for (unsigned i = 0; i < 3000; i++)
        put_word(track, i, i == 7 ? "Ärger im Hof" : "nothing of the kind");
    find(track, "äRGER", "7 ");
    index_all(track);
    find(track, "äRGER", "7 ");
    put_word(track, 3000, "viel Ärger"); /* not indexed yet */
    find(track, "äRGER", "3000 7 ");
    assert_true(postgres_run(track->path, "DELETE FROM aep.texts WHERE key = 8"));
    find(track, "äRGER", "3000 ");
    find(track, "är", "3000 7 "); /* too short for it */
}

/* Where the ring has passed it by, it begins anew, and finds everything. */
static void test_it_catches_up(void **state)
{
    struct track *track = *state;
    put_word(track, 1, "the first");
    index_all(track);
    begin(track);
    for (unsigned i = 0; i < 101000; i++) {
        struct aep__tracked execution = make_execution(2 + i % 2000, (int)i);
        MUST(track, put, &execution);
        aep__tracked_done(&execution);
        if (i % 5000 == 0) {
            commit(track);
            begin(track);
        }
    }
    commit(track);
    put_word(track, 3000, "the last");
    index_all(track);
    assert_int_equal(ask(track, ROWS), 2002);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRACK_TEST(test_it_holds_what_is_stored_and_no_more),
        TRACK_TEST(test_a_search_takes_it),
        TRACK_TEST(test_it_catches_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

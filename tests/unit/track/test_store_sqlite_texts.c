/* SPDX-License-Identifier: Apache-2.0 */
/* What the index of texts holds in SQLite: what is stored, and no more. That it finds it is tested with both
 * stores (test_store_texts.c). */
#include "track/store_sqlite.h"
#include "track_fixture.h"

static void index_all(struct track *track)
{
    int more;
    while ((more = track->store->ops->index_texts(track->store, 50, &track->err)) > 0)
        ;
    assert_int_equal(more, 0);
}

static int64_t ask(struct track *track, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *db = aep__sqlite_of(aep__sql_of(track->store))->db;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

static void put_word(struct track *track, unsigned number, const char *word)
{
    struct aep__tracked execution = make_execution(number, (int)number);
    set_text(&execution, &execution.user_request, word);
    store_execution(track, &execution);
}

#define HITS(word) "SELECT count(*) FROM texts WHERE texts MATCH '\"" word "\"'"

static void test_it_holds_what_is_stored_and_no_more(void **state)
{
    struct track *track = *state;
    for (unsigned i = 0; i < 120; i++)
        put_word(track, i, i % 2 ? "Even odder" : "even");
    assert_int_equal(ask(track, HITS("eve")), 0);
    index_all(track);
    assert_int_equal(ask(track, HITS("eve")), 120);
    assert_int_equal(ask(track, HITS("odd")), 60);
    put_word(track, 1, "other");
    index_all(track);
    assert_int_equal(ask(track, HITS("odd")), 59);
    assert_int_equal(ask(track, HITS("oth")), 1);
    begin(track);
    for (unsigned i = 0; i < 119; i++)
        MUST(track, remove, id_of(i));
    commit(track);
    index_all(track);
    assert_int_equal(ask(track, HITS("eve")), 1);
    assert_int_equal(ask(track, "SELECT count(*) FROM texts_of"), 1);
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
    assert_int_equal(ask(track, HITS("fir")), 1);
    assert_int_equal(ask(track, HITS("las")), 1);
    assert_int_equal(ask(track, "SELECT count(*) FROM texts_of"), 2002);
}

#define PIECES "SELECT count(DISTINCT segid) FROM texts_idx"

static void put_words(struct track *track, unsigned count, const char *word)
{
    begin(track);
    for (unsigned i = 0; i < count; i++) {
        struct aep__tracked execution = make_execution(i, (int)i);
        set_text(&execution, &execution.user_request, word);
        MUST(track, put, &execution);
        aep__tracked_done(&execution);
    }
    commit(track);
}

/* Where much has changed: what a few changes leave is not worth it. */
static void test_its_pieces_become_one(void **state)
{
    struct track *track = *state;
    put_words(track, 2000, "the first");
    index_all(track);
    assert_int_equal(ask(track, PIECES), 1);
    put_words(track, 300, "other");
    index_all(track);
    assert_int_not_equal(ask(track, PIECES), 1);
    put_words(track, 1000, "the third");
    index_all(track);
    assert_int_equal(ask(track, PIECES), 1);
    assert_int_equal(ask(track, HITS("fir")), 1000);
    assert_int_equal(ask(track, HITS("thi")), 1000);
    assert_int_equal(ask(track, HITS("oth")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRACK_TEST(test_it_holds_what_is_stored_and_no_more),
        TRACK_TEST(test_it_catches_up),
        TRACK_TEST(test_its_pieces_become_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Stores of earlier aeps: stores/schema_N.sql is one that the first aep of schema N has made. Opened by
 * this one it has the rows that its events give in a new store, however often it was killed meanwhile. */
#include "track_fixture.h"

#include "track/gaps.h"
#include "track/ingest.h"
#include "track/store_sqlite.h"

#include <signal.h>
#include <sys/wait.h>

#define DAY_US INT64_C(86400000000)
#define ROWS_MAX 64
#define KILLS 20

#define NEWEST 2 /* this aep's */

/* ---- SQL ---- */

static sqlite3 *open_base(const char *path)
{
    sqlite3 *base;
    if (sqlite3_open(path, &base) != SQLITE_OK)
        fail_msg("%s: %s", path, sqlite3_errmsg(base));
    return base;
}

static void run_sql(sqlite3 *base, const char *sql)
{
    char *why = NULL;
    if (sqlite3_exec(base, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s", why);
}

static int64_t ask(const char *path, const char *sql)
{
    sqlite3 *base = open_base(path);
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(base, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(base));
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(base);
    return answer;
}

/* The store as that aep left it. */
static void load(struct track *track, int schema)
{
    char path[512];
    struct aep__buf sql = {0};
    char folder[96];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(track->path, '/') - track->path),
             track->path);
    snprintf(path, sizeof path, "%s/schema_%d.sql", AEP_STORES, schema);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("cannot open %s", path);
    char part[4096];
    for (size_t len; (len = fread(part, 1, sizeof part, file)) > 0;)
        aep__buf_add(&sql, part, len);
    fclose(file);
    mkdir(folder, 0700);
    remove(track->path);
    sqlite3 *base = open_base(track->path);
    run_sql(base, aep__buf_string(&sql));
    sqlite3_close(base);
    chmod(track->path, 0600);
    aep__buf_done(&sql);
}

/* ---- rows ---- */

struct rows {
    struct aep__tracked executions[ROWS_MAX];
    int count;
};

static bool take_row(void *user, const struct aep__tracked *execution)
{
    struct rows *rows = user;
    assert_true(rows->count < ROWS_MAX);
    struct aep__tracked *row = &rows->executions[rows->count++];
    aep__tracked_init(row);
    aep__tracked_copy(row, execution);
    row->fate_count = row->usual_us = 0; /* of later versions: known with the next event */
    return true;
}

static int by_id(const void *one, const void *other)
{
    return strcmp(((const struct aep__tracked *)one)->id, ((const struct aep__tracked *)other)->id);
}

static void list_rows(struct track *track, struct rows *rows)
{
    struct aep__filter filter;
    aep__filter_init(&filter);
    struct aep__query query = {.filter = &filter, .clock_us = AT(0)};
    rows->count = 0;
    MUST(track, list, &query, take_row, rows);
    qsort(rows->executions, (size_t)rows->count, sizeof *rows->executions, by_id);
    aep__filter_done(&filter);
}

static void free_rows(struct rows *rows)
{
    for (int i = 0; i < rows->count; i++)
        aep__tracked_done(&rows->executions[i]);
    rows->count = 0;
}

static void open_store(struct track *track)
{
    if (aep__store_open(&track->store, track->path, true, &track->err) != AEP_OK)
        fail_msg("%s", track->err.text);
}

/* ---- the events that it has, taken anew ---- */

static void take_row_event(struct aep__ingest *ingest, sqlite3_stmt *row)
{
    struct aep__arrival arrival = {
        .body = {sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0)},
        .fate = (enum aep__fate)sqlite3_column_int(row, 1),
        .now_us = INT64_MAX / 2};
    aep_error err;
    if (sqlite3_column_bytes(row, 2) == 16) {
        arrival.sequence.known = true;
        memcpy(arrival.sequence.spool, sqlite3_column_blob(row, 2), 16);
        arrival.sequence.ordinal = (uint64_t)sqlite3_column_int64(row, 3);
    }
    if (aep__ingest_take(ingest, &arrival, &err) != AEP_OK)
        fail_msg("%s", err.text);
}

static void take_events(struct track *track, const char *from)
{
    struct aep__ingest ingest;
    sqlite3 *base = open_base(from);
    sqlite3_stmt *row;
    open_store(track);
    assert_int_equal(aep__ingest_init(&ingest, track->store, DAY_US, &track->err), AEP_OK);
    begin(track);
    assert_int_equal(
        sqlite3_prepare_v2(base, "SELECT body, fate, spool, ordinal FROM events ORDER BY key", -1,
                           &row, NULL),
        SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW)
        take_row_event(&ingest, row);
    assert_int_equal(aep__ingest_flush(&ingest, &track->err), AEP_OK);
    commit(track);
    sqlite3_finalize(row);
    sqlite3_close(base);
    aep__ingest_done(&ingest);
}

/* What the store that is open has is what its events give. */
static void assert_as_new(struct track *track)
{
    struct track new = {0};
    static struct rows rows, expected;
    snprintf(new.path, sizeof new.path, "%s/new.db", track->root);
    chmod(track->root, 0700);
    remove(new.path);
    take_events(&new, track->path);
    list_rows(track, &rows);
    list_rows(&new, &expected);
    assert_int_equal(rows.count, expected.count);
    assert_true(rows.count > 5);
    for (int i = 0; i < rows.count; i++)
        if (!aep__tracked_equal(&rows.executions[i], &expected.executions[i]))
            fail_msg("%s is another one in a new store", rows.executions[i].id);
    free_rows(&rows);
    free_rows(&expected);
    close_track(&new);
}

static void test_each_earlier_schema_has_the_rows_of_its_events(void **state)
{
    struct track *track = *state;
    for (int schema = 1; schema < NEWEST; schema++) {
        load(track, schema);
        assert_int_equal(ask(track->path, "PRAGMA user_version"), schema);
        open_store(track);
        assert_int_equal(ask(track->path, "PRAGMA user_version"), NEWEST);
        assert_as_new(track);
        close_track(track);
    }
}

/* All that a schema consists of, in one order, but for a column that nothing uses any more. */
static void add_schema(const char *path, struct aep__buf *out)
{
    sqlite3 *base = open_base(path);
    sqlite3_stmt *row;
    assert_int_equal(
        sqlite3_prepare_v2(base,
                           "SELECT m.name || ' ' || coalesce(c.name || c.type, m.sql) "
                           "FROM sqlite_schema m LEFT JOIN pragma_table_info(m.name) c "
                           "WHERE coalesce(c.name, '') <> 'minute' "
                           "ORDER BY 1",
                           -1, &row, NULL),
        SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW)
        aep__buf_format(out, "%s\n", (const char *)sqlite3_column_text(row, 0));
    sqlite3_finalize(row);
    sqlite3_close(base);
}

static void test_each_has_the_tables_of_a_new_one(void **state)
{
    struct track *track = *state;
    struct aep__buf made = {0}, migrated = {0};
    open_store(track);
    close_track(track);
    add_schema(track->path, &made);
    for (int schema = 1; schema < NEWEST; schema++) {
        load(track, schema);
        open_store(track);
        close_track(track);
        aep__buf_clear(&migrated);
        add_schema(track->path, &migrated);
        assert_string_equal(aep__buf_string(&migrated), aep__buf_string(&made));
    }
    aep__buf_done(&made);
    aep__buf_done(&migrated);
}

/* ---- digests ---- */

static int64_t count_of(struct track *track, const char *name)
{
    int64_t count = -1;
    MUST(track, get_count, name, &count);
    return count;
}

/* Every event comes once more, and one with another body. */
static void take_again(struct track *track)
{
    struct aep__ingest ingest;
    sqlite3 *base = open_base(track->path);
    sqlite3_stmt *row;
    assert_int_equal(aep__ingest_init(&ingest, track->store, DAY_US, &track->err), AEP_OK);
    assert_int_equal(sqlite3_prepare_v2(base,
                                        "SELECT coalesce(body, x'7b7d'), fate, spool, ordinal "
                                        "FROM events ORDER BY key",
                                        -1, &row, NULL),
                     SQLITE_OK);
    begin(track);
    while (sqlite3_step(row) == SQLITE_ROW)
        take_row_event(&ingest, row);
    assert_int_equal(aep__ingest_flush(&ingest, &track->err), AEP_OK);
    sqlite3_finalize(row);
    sqlite3_close(base);
    commit(track);
    aep__ingest_done(&ingest);
}

static void test_events_of_before_are_known_again(void **state)
{
    struct track *track = *state;
    load(track, 1);
    open_store(track);
    int64_t conflicting = count_of(track, "conflicting"), before = count_of(track, "duplicates");
    take_again(track);
    assert_int_equal(count_of(track, "conflicting"), conflicting);
    assert_int_equal(count_of(track, "duplicates"),
                     before + ask(track->path, "SELECT count(*) FROM events"));
}

static void test_an_event_without_a_body_conflicts_with_none(void **state)
{
    struct track *track = *state;
    char id[AEP_ID_SIZE];
    struct aep__stored_event event;
    load(track, 1);
    sqlite3 *base = open_base(track->path);
    run_sql(base, "CREATE TABLE kept AS SELECT body FROM events WHERE key = 1;"
                  "UPDATE events SET body = NULL WHERE key = 1");
    sqlite3_close(base);
    open_store(track);
    base = open_base(track->path);
    sqlite3_stmt *row;
    assert_int_equal(sqlite3_prepare_v2(base, "SELECT body, 0, 0, 0 FROM kept", -1, &row, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    int64_t conflicting = count_of(track, "conflicting");
    struct aep__ingest ingest;
    assert_int_equal(aep__ingest_init(&ingest, track->store, DAY_US, &track->err), AEP_OK);
    const char *body = sqlite3_column_blob(row, 0);
    const char *at = memmem(body, (size_t)sqlite3_column_bytes(row, 0), "\"event_id\":\"", 12);
    memcpy(id, at + 12, AEP_ID_SIZE - 1);
    id[AEP_ID_SIZE - 1] = '\0';
    begin(track);
    take_row_event(&ingest, row);
    assert_int_equal(aep__ingest_flush(&ingest, &track->err), AEP_OK);
    sqlite3_finalize(row);
    sqlite3_close(base);
    commit(track);
    assert_int_equal(count_of(track, "conflicting"), conflicting);
    assert_int_equal(track->store->ops->find_event(track->store, id, &event, &track->err), 1);
    assert_null(event.body.data);
    aep__ingest_done(&ingest);
}

/* ---- kills ---- */

/* Opens it, and is killed after a while; true: it was, before it was done. */
static bool open_and_kill(struct track *track, unsigned after_us)
{
    int status, ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        aep_error err;
        struct aep__store *store;
        if (write(ready[1], "", 1) != 1)
            _exit(2);
        _exit(aep__store_open(&store, track->path, true, &err) == AEP_OK ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    usleep(after_us);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    close(ready[0]);
    close(ready[1]);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static void test_one_that_is_killed_meanwhile_is_old_or_new(void **state)
{
    struct track *track = *state;
    unsigned killed = 0;
    for (unsigned i = 0; killed < KILLS && i < 20 * KILLS; i++) {
        load(track, 1);
        killed += open_and_kill(track, i % KILLS * 300);
        int64_t version = ask(track->path, "PRAGMA user_version");
        bool has = ask(track->path, "SELECT count(*) FROM sqlite_schema WHERE name = 'tombs'");
        assert_int_equal(version, has ? NEWEST : 1);
        open_store(track);
        assert_as_new(track);
        close_track(track);
    }
    print_message("killed %u times\n", killed);
    assert_true(killed >= KILLS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_each_earlier_schema_has_the_rows_of_its_events),
        FOLDER_TEST(test_each_has_the_tables_of_a_new_one),
        FOLDER_TEST(test_events_of_before_are_known_again),
        FOLDER_TEST(test_an_event_without_a_body_conflicts_with_none),
        FOLDER_TEST(test_one_that_is_killed_meanwhile_is_old_or_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

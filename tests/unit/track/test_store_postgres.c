/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of a server, a login, or another program's tables: each error says what to do. When a connection
 * or a writer is lost, nothing that was committed is. Run with PostgreSQL only. */
#include "ingest_fixture.h"

#include <signal.h>
#include <sys/wait.h>

static void run_sql(const struct track *track, const char *format, ...)
{
    char sql[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    assert_true(postgres_run(track->path, sql));
}

static int reopen(struct track *track, const char *url, bool write)
{
    close_track(track);
    track->err = (aep_error){0};
    return aep__store_open(&track->store, url, write, &track->err);
}

/* It says that, and names the store, without a password. */
static void assert_said(const struct track *track, const char *text)
{
    if (!strstr(track->err.text, text) || !strstr(track->err.text, "postgresql://"))
        fail_msg("\"%s\" does not say \"%s\"", track->err.text, text);
    assert_null(strstr(track->err.text, "geheim"));
    assert_string_equal(track->err.field, "track.store");
}

static void assert_refused(struct track *track, const char *url, bool write, int code,
                           const char *text)
{
    assert_int_equal(reopen(track, url, write), code);
    assert_null(track->store);
    assert_said(track, text);
}

/* The test's URL with something else in place of a part. */
static const char *with(const struct track *track, const char *part, const char *other)
{
    static char url[512];
    const char *at = strstr(track->path, part);
    assert_non_null(at);
    snprintf(url, sizeof url, "%.*s%s%s", (int)(at - track->path), track->path, other,
             at + strlen(part));
    return url;
}

/* ---- logging in ---- */

static void test_who_cannot_log_in_learns_why(void **state)
{
    struct track *track = *state;
    assert_refused(track, with(track, "aep@", "aep:geheim@"), true, AEP_EIO, "refuses the login");
    assert_refused(track, with(track, "aep@", "nobody:geheim@"), false, AEP_EIO,
                   "refuses the login");
    assert_refused(track, with(track, "/test_", "/none_"), true, AEP_EIO, "createdb");
    assert_refused(track, "postgresql://u:geheim@127.0.0.1:1/db", true, AEP_EIO, "cannot reach");
    assert_int_equal(reopen(track, "postgresql://u:geheim@[::1/db", true), AEP_ECONFIG);
    assert_non_null(strstr(track->err.text, "postgresql://USER@HOST:PORT/DATABASE"));
    assert_null(strstr(track->err.text, "geheim"));
}

static const char *make_role(const struct track *track, char url[512], const char *options)
{
    char user[32], login[64];
    snprintf(user, sizeof user, "role_%ld", (long)getpid());
    run_sql(track, "CREATE ROLE %s LOGIN PASSWORD 'geheim' %s", user, options);
    snprintf(login, sizeof login, "%s:geheim@", user);
    snprintf(url, 512, "%s", with(track, "aep@", login));
    return url;
}

static void drop_role(const struct track *track)
{
    run_sql(track, "DROP OWNED BY role_%ld", (long)getpid());
    run_sql(track, "DROP ROLE role_%ld", (long)getpid());
}

static void test_who_lacks_a_right_learns_which(void **state)
{
    struct track *track = *state;
    char url[512];
    assert_int_equal(reopen(track, track->path, false), AEP_OK);
    run_sql(track, "DROP SCHEMA aep CASCADE");
    make_role(track, url, "");
    assert_refused(track, url, true, AEP_EIO, "CREATE SCHEMA aep AUTHORIZATION");
    run_sql(track, "CREATE SCHEMA aep AUTHORIZATION role_%ld", (long)getpid());
    assert_int_equal(reopen(track, url, true), AEP_OK); /* as it said */
    store_execution(track, &(struct aep__tracked[]){make_execution(1, 0)}[0]);
    run_sql(track, "REVOKE ALL ON aep.counts FROM role_%ld", (long)getpid());
    begin(track);
    int64_t number;
    assert_int_not_equal(track->store->ops->get_count(track->store, "x", &number, &track->err),
                         AEP_OK);
    assert_said(track, "lacks a right");
    close_track(track);
    drop_role(track);
}

static void test_too_many_connections_are_said(void **state)
{
    struct track *track = *state;
    char url[512];
    make_role(track, url, "CONNECTION LIMIT 0");
    assert_refused(track, url, false, AEP_ESTATE, "has no connection left");
    drop_role(track);
}

/* ---- what the server does not do ---- */

static void test_a_read_only_server_is_said(void **state)
{
    struct track *track = *state;
    run_sql(track,
            "DO $$BEGIN EXECUTE format('ALTER DATABASE %%I SET default_transaction_read_only "
            "= on', current_database()); END$$");
    assert_refused(track, track->path, true, AEP_EIO, "is read-only");
    assert_int_equal(reopen(track, track->path, false), AEP_OK); /* and can be read */
}

static void test_a_full_disk_is_said_and_loses_nothing(void **state)
{
    struct track *track = *state;
    struct aep__tracked execution = make_execution(1, 0), found;
    aep__tracked_init(&found);
    run_sql(track, "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
                   "$$BEGIN RAISE 'no room' USING ERRCODE = '53100'; END$$");
    run_sql(track, "CREATE TRIGGER full_disk BEFORE INSERT ON aep.executions "
                   "EXECUTE FUNCTION full_disk()");
    begin(track);
    MUST(track, put, &execution);
    assert_int_equal(track->store->ops->commit(track->store, &track->err), AEP_EFULL);
    assert_said(track, "the disk of");
    track->store->ops->rollback(track->store);
    run_sql(track, "DROP TRIGGER full_disk ON aep.executions");
    store_execution(track, &execution);
    assert_int_equal(track->store->ops->get(track->store, id_of(1), &found, &track->err), 1);
    aep__tracked_done(&found);
}

/* ---- whose tables ---- */

static void test_a_newer_store_is_refused(void **state)
{
    struct track *track = *state;
    run_sql(track, "UPDATE aep.meta SET version = 99");
    assert_refused(track, track->path, true, AEP_ESTATE, "made by a newer aep (schema 99");
    assert_refused(track, track->path, false, AEP_ESTATE, "made by a newer aep (schema 99");
}

static void test_another_programs_schema_is_left_alone(void **state)
{
    struct track *track = *state;
    run_sql(track, "DROP SCHEMA aep CASCADE; CREATE SCHEMA aep; CREATE TABLE aep.theirs (a int)");
    assert_refused(track, track->path, true, AEP_EIO, "another program's tables");
    run_sql(track, "INSERT INTO aep.theirs VALUES (1)");
}

static void test_a_reader_makes_nothing(void **state)
{
    struct track *track = *state;
    run_sql(track, "DROP SCHEMA aep CASCADE");
    assert_refused(track, track->path, false, AEP_ESPOOL, "there is no store");
    assert_int_equal(reopen(track, track->path, true), AEP_OK);
    assert_int_equal(reopen(track, track->path, false), AEP_OK);
    assert_int_not_equal(track->store->ops->add_count(track->store,
                                                      "a name that is longer than "
                                                      "what is kept in memory of "
                                                      "counts that are added",
                                                      1, &track->err),
                         AEP_OK);
}

static void test_a_removed_store_is_noticed(void **state)
{
    struct track *track = *state;
    struct track other = *track;
    struct aep__tracked execution = make_execution(1, 0), found;
    aep__tracked_init(&found);
    store_execution(track, &execution);
    assert_int_equal(aep__store_open(&other.store, track->path, false, &other.err), AEP_OK);
    assert_int_equal(track->store->ops->replaced(track->store, &track->err), 0);
    run_sql(track, "DROP SCHEMA aep CASCADE");
    assert_int_equal(track->store->ops->replaced(track->store, &track->err), 1);
    assert_int_equal(track->store->ops->begin(track->store, &track->err), AEP_ESPOOL);
    assert_said(track, "removed");
    assert_int_equal(reopen(track, track->path, true), AEP_OK);
    assert_int_equal(track->store->ops->get(track->store, id_of(1), &found, &track->err), 0);
    assert_int_equal(other.store->ops->replaced(other.store, &other.err), 1); /* by that one */
    close_track(&other);
    aep__tracked_done(&found);
}

/* ---- connections that are lost ---- */

static void cut_connections(const struct track *track)
{
    char sql[256];
    const char *name = strstr(track->path, "/test_") + 1;
    snprintf(sql, sizeof sql,
             "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = "
             "'%.*s' AND pid <> pg_backend_pid()",
             (int)strcspn(name, "?"), name);
    assert_true(postgres_run(postgres_server(), sql));
}

static void test_a_reader_outlives_its_connection(void **state)
{
    struct track *track = *state;
    int64_t number = 0;
    begin(track);
    MUST(track, add_count, "n", 7);
    commit(track);
    assert_int_equal(reopen(track, track->path, false), AEP_OK);
    for (int i = 0; i < 3; i++) {
        MUST(track, get_count, "n", &number);
        assert_int_equal(number, 7);
        cut_connections(track);
    }
    assert_int_equal(track->store->ops->replaced(track->store, &track->err), 0);
}

static void test_a_writer_whose_connection_is_lost_opens_it_again(void **state)
{
    struct track *track = *state;
    int64_t number = 0;
    begin(track);
    MUST(track, add_count, "n", 1);
    commit(track);
    begin(track);
    MUST(track, add_count, "n", 1);
    cut_connections(track);
    assert_int_not_equal(track->store->ops->commit(track->store, &track->err), AEP_OK);
    assert_said(track, "postgresql://");
    track->store->ops->rollback(track->store);
    assert_int_equal(reopen(track, track->path, true), AEP_OK);
    MUST(track, get_count, "n", &number);
    assert_int_equal(number, 1); /* a transaction is whole or not at all */
}

/* ---- several writers ---- */

static void add_forever(const struct track *track, int go)
{
    struct aep__store *store;
    aep_error err;
    if (aep__store_open(&store, track->path, true, &err) != AEP_OK)
        _exit(1);
    while (write(go, "", 1) == 1)
        for (int i = 0; i < 3; i++)
            if (store->ops->begin(store, &err) != AEP_OK ||
                store->ops->add_count(store, "one", 1, &err) != AEP_OK ||
                store->ops->add_count(store, "other", 1, &err) != AEP_OK ||
                store->ops->commit(store, &err) != AEP_OK)
                _exit(1);
    _exit(0);
}

/* Of those that are killed nothing half is seen, and none holds up the others for long. */
static void test_killed_writers_leave_whole_transactions(void **state)
{
    struct track *track = *state;
    int64_t one, other, last = 0;
    const char *given = getenv("AEP_TEST_STORE_KILLS");
    for (int i = 0; i < (given ? atoi(given) : 20); i++) {
        int go[2];
        char byte;
        assert_int_equal(pipe(go), 0);
        pid_t pids[2];
        for (int n = 0; n < 2; n++) {
            pids[n] = fork();
            if (pids[n] == 0)
                add_forever(track, go[1]);
        }
        for (int n = 0; n < 4 + i % 7; n++)
            assert_int_equal(read(go[0], &byte, 1), 1);
        for (int n = 0; n < 2; n++) {
            kill(pids[n], SIGKILL);
            waitpid(pids[n], NULL, 0);
        }
        close(go[0]);
        close(go[1]);
        begin(track); /* waits for what is left of them */
        MUST(track, get_count, "one", &one);
        MUST(track, get_count, "other", &other);
        commit(track);
        assert_int_equal(one, other);
        assert_true(one > last);
        last = one;
    }
}

/* ---- bytes ---- */

static void test_texts_with_any_byte_are_kept(void **state)
{
    struct taking *taking = *state;
    TAKE("started", 1, 0,
         .payload = ",\"user_request\":\"a\\u0000b \\u2028 \xf0\x9f\x98\x80 \\\\ ' % _\"");
    const struct aep__tracked *row = ROW(1);
    assert_non_null(row);
    assert_string_equal(row->user_request, "a b \xe2\x80\xa8 \xf0\x9f\x98\x80 \\ ' % _");
    struct aep__stored_event event;
    assert_int_equal(taking->track->store->ops->find_event(taking->track->store, id_of(1), &event,
                                                           &taking->track->err),
                     1);
    assert_non_null(memmem(event.body.data, event.body.len, "a\\u0000b", 8));
    struct aep__buf kept = {0};
    assert_int_equal(taking->track->store->ops->lookup(taking->track->store, "\xff\x80", 1,
                                                       keep_row, &kept, &taking->track->err),
                     AEP_OK);
    assert_kept(&kept, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRACK_TEST(test_who_cannot_log_in_learns_why),
        TRACK_TEST(test_who_lacks_a_right_learns_which),
        TRACK_TEST(test_too_many_connections_are_said),
        TRACK_TEST(test_a_read_only_server_is_said),
        TRACK_TEST(test_a_full_disk_is_said_and_loses_nothing),
        TRACK_TEST(test_a_newer_store_is_refused),
        TRACK_TEST(test_another_programs_schema_is_left_alone),
        TRACK_TEST(test_a_reader_makes_nothing),
        TRACK_TEST(test_a_removed_store_is_noticed),
        TRACK_TEST(test_a_reader_outlives_its_connection),
        TRACK_TEST(test_a_writer_whose_connection_is_lost_opens_it_again),
        TRACK_TEST(test_killed_writers_leave_whole_transactions),
        TAKING_TEST(test_texts_with_any_byte_are_kept),
    };
    if (!postgres_server()) {
        fprintf(stderr,
                "AEP_TEST_POSTGRES is not set: the test postgres.test_store_postgres has it\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

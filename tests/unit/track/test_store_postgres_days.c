/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies in PostgreSQL go by days: a day's partition is dropped, and what has to stay has been copied
 * before. Run with PostgreSQL only. */
#include "retention_fixture.h"

#define DAY 86400.0
#define AGE 1000 /* days: before any second of these tests */

/* The first column of the first row, of a table in the schema. */
static int64_t ask(void **state, const char *format, ...)
{
    char sql[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    PGconn *conn = PQconnectdb(((struct taking *)*state)->track->path);
    PQclear(PQexec(conn, "SET search_path = aep"));
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    int64_t number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    PQfinish(conn);
    return number;
}

static void commit_all(void **state)
{
    struct taking *taking = *state;
    settle_all(taking);
    commit(taking->track);
    begin(taking->track);
}

/* What has been stored so far, has been so many days ago. */
static void age(void **state, int days)
{
    static const char text[] =
        "DO $do$ DECLARE was bigint; BEGIN SET search_path = aep; "
        "FOR was IN SELECT day FROM days WHERE day > %d ORDER BY day LOOP "
        "EXECUTE format('ALTER TABLE bodies DETACH PARTITION bodies_%%s', was); "
        "EXECUTE format('UPDATE bodies_%%s SET day = day - %d', was); "
        "EXECUTE format('ALTER TABLE bodies_%%s RENAME TO bodies_%%s', was, was - %d); "
        "EXECUTE format('ALTER TABLE bodies ATTACH PARTITION bodies_%%s FOR VALUES IN (%%s)', "
        "was - %d, was - %d); END LOOP; "
        "UPDATE events SET day = day - %d WHERE day > %d; "
        "UPDATE days SET day = day - %d WHERE day > %d; END $do$";
    struct taking *taking = *state;
    char sql[sizeof text + 100];
    settle_all(taking);
    commit(taking->track);
    snprintf(sql, sizeof sql, text, days, days, days, days, days, days, days, days, days);
    assert_true(postgres_run(taking->track->path, sql));
    begin(taking->track);
}

#define PARTITIONS "SELECT count(*) FROM pg_inherits WHERE inhparent = 'bodies'::regclass"
#define DAYS_OLD "SELECT count(*) FROM days WHERE day > 0"
#define BODIES "SELECT count(*) FROM bodies"
#define KEPT "SELECT count(*) FROM bodies_kept"

static void take_run(void **state, unsigned number, const char *end)
{
    char correlation[32];
    snprintf(correlation, sizeof correlation, "c%u", number);
    TAKE("started", number, 10, .correlation = correlation);
    TAKE(end, number + 1, 20, .cause = number, .correlation = correlation);
}

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

/* ---- which day ---- */

static void test_hostile_times_share_the_day_of_their_arrival(void **state)
{
    for (unsigned i = 0; i < 300; i++)
        TAKE("progress", 1 + i, (i % 2 ? 1 : -1) * DAY * 7 * i, .correlation = "c");
    commit_all(state);
    assert_int_equal(ask(state, BODIES), 300);
    assert_int_equal(ask(state, PARTITIONS), 2); /* and that of what is kept */
}

static void test_trackers_share_a_day(void **state)
{
    struct taking *taking = *state;
    struct aep__store *other;
    struct made_event event = make_event(50, AT(0), id_of(1), "its body");
    assert_int_equal(aep__store_open(&other, taking->track->path, true, &taking->track->err),
                     AEP_OK);
    take_run(state, 1, "completed");
    settle_all(taking);
    commit(taking->track);
    assert_int_equal(other->ops->begin(other, &taking->track->err), AEP_OK);
    assert_int_equal(
        other->ops->add_event(other, &event.observation, &event.stored, &taking->track->err),
        AEP_OK);
    assert_int_equal(other->ops->commit(other, &taking->track->err), AEP_OK);
    other->ops->close(other);
    begin(taking->track);
    assert_int_equal(ask(state, BODIES), 3);
    assert_int_equal(ask(state, PARTITIONS), 2);
}

/* ---- what goes, and what stays ---- */

static void test_what_is_emptied_is_not_read_and_goes_with_its_day(void **state)
{
    take_run(state, 1, "completed");
    retain_usually(*state, 8);
    assert_bodies(state, 1, "none none ");
    assert_int_equal(ask(state, BODIES), 2); /* nothing was deleted */
    age(state, AGE);
    retain_usually(*state, 8.1);
    assert_int_equal(ask(state, BODIES), 0);
    assert_int_equal(ask(state, PARTITIONS), 1);
    assert_bodies(state, 1, "none none ");
    assert_int_equal(ROW(1)->events, 2);
}

static void test_what_is_failed_open_or_pinned_outlives_its_day(void **state)
{
    take_run(state, 1, "completed");
    take_run(state, 11, "failed");
    TAKE("started", 21, 10, .correlation = "c21");
    take_run(state, 31, "completed");
    pin(*state, 31, true);
    age(state, AGE);
    retain_usually(*state, 8);
    assert_int_equal(ask(state, PARTITIONS), 1);
    assert_int_equal(ask(state, KEPT), 5);
    assert_bodies(state, 1, "none none ");
    assert_bodies(state, 11, "body body ");
    assert_bodies(state, 21, "body ");
    assert_bodies(state, 31, "body body ");
    retain_usually(*state, 20.1); /* when those of failed ones go */
    assert_bodies(state, 11, "none none ");
    pin(*state, 31, false);
    TAKE("completed", 22, 8 * DAY, .cause = 21, .correlation = "c21");
    retain_usually(*state, 20.2);
    assert_bodies(state, 21, "none none ");
    assert_bodies(state, 31, "none none ");
    assert_int_equal(ask(state, KEPT), 0);
}

static void test_a_day_goes_a_day_after_its_last_body_is_due(void **state)
{
    take_run(state, 1, "completed");
    age(state, 10);
    int64_t day = ask(state, "SELECT max(day) FROM days");
    double ends = (double)((day + 2) * DAY_US - EPOCH_US) / (double)DAY_US;
    retain_usually(*state, ends + 6.999);
    assert_int_equal(ask(state, DAYS_OLD), 1);
    retain_usually(*state, ends + 7.001);
    assert_int_equal(ask(state, DAYS_OLD), 0);
}

static void test_a_long_day_is_walked_in_steps(void **state)
{
    for (unsigned i = 0; i < 2500; i++)
        TAKE(i ? "progress" : "started", 1 + i, 10, .cause = i ? 1 : 0);
    take_run(state, 5001, "completed");
    age(state, AGE);
    struct taking *taking = *state;
    struct aep__retention retention = USUAL;
    bool more = true;
    settle_all(taking);
    commit(taking->track);
    for (int64_t before = 0, after; more; before = after) {
        assert_int_equal(aep__retention_step(&retention, &taking->ingest, EPOCH_US + DAYS(8), &more,
                                             &taking->track->err),
                         AEP_OK);
        after = ask(state, KEPT);
        assert_in_range(after - before, 0, AEP__RETENTION_ROWS);
    }
    begin(taking->track);
    assert_int_equal(ask(state, KEPT), 2500);
    assert_int_equal(ask(state, PARTITIONS), 1);
    assert_int_equal(ask(state, "SELECT max(bytes) - (SELECT sum(octet_length(body) + 140) FROM "
                                "bodies) FROM days"),
                     0);
}

/* Merging moves events: what could not be read before stays so, what could does. */
static void test_events_that_move_take_along_what_can_be_read(void **state)
{
    TAKE("progress", 2, 15);
    TAKE("completed", 3, 20);
    retain_usually(*state, 8);
    TAKE("started", 1, 10);
    assert_bodies(state, 1, "body none none ");
    age(state, AGE);
    retain_usually(*state, 8.1);
    assert_int_equal(ask(state, KEPT), 1);
    assert_bodies(state, 1, "body none none ");
}

static void test_no_day_grows_old_whatever_the_retention(void **state)
{
    struct aep__retention never = {0};
    take_run(state, 1, "completed");
    age(state, 99);
    retain(*state, &never, 8);
    assert_int_equal(ask(state, DAYS_OLD), 1);
    age(state, 1);
    retain(*state, &never, 8);
    assert_int_equal(ask(state, DAYS_OLD), 0);
    assert_bodies(state, 1, "body body ");
}

static void test_the_day_that_goes_on_does_not_go(void **state)
{
    struct taking *taking = *state;
    take_run(state, 1, "completed");
    TAKE("started", 11, 20);
    struct aep__retention retention = USUAL;
    retain(taking, &retention, 10000); /* by a clock that is years ahead */
    assert_int_equal(ask(state, DAYS_OLD), 1);
    assert_bodies(state, 11, "body ");
}

static void test_a_day_that_somebody_reads_goes_later(void **state)
{
    struct taking *taking = *state;
    take_run(state, 1, "completed");
    age(state, AGE);
    PGconn *reader = PQconnectdb(taking->track->path);
    PQclear(PQexec(reader, "BEGIN"));
    PQclear(PQexec(reader, "SELECT count(*) FROM aep.bodies"));
    retain_usually(taking, 8);
    assert_int_equal(ROW(1)->emptied_at, EPOCH_US + DAYS(8));
    assert_int_equal(ask(state, DAYS_OLD), 1);
    take_run(state, 11, "completed"); /* it is not waited for */
    commit_all(state);
    PQfinish(reader);
    commit(taking->track);
    close_track(taking->track);
    assert_int_equal(
        aep__store_open(&taking->track->store, taking->track->path, true, &taking->track->err),
        AEP_OK);
    aep__ingest_done(&taking->ingest);
    assert_int_equal(
        aep__ingest_init(&taking->ingest, taking->track->store, DAY_US, &taking->track->err),
        AEP_OK);
    begin(taking->track);
    retain_usually(taking, 9);
    assert_int_equal(ask(state, "SELECT count(*) FROM days WHERE day BETWEEN 1 AND %lld",
                         (long long)(aep__clock_wall_us() / DAY_US - AGE / 2)),
                     0);
}

/* ---- how much room all takes ---- */

static void test_room_is_counted_and_given_back(void **state)
{
    struct taking *taking = *state;
    int64_t empty, full;
    MUST(taking->track, bytes, &empty);
    for (unsigned i = 0; i < 50; i++)
        take_run(state, 1 + i * 2, i % 2 ? "completed" : "failed");
    settle_all(taking);
    MUST(taking->track, bytes, &full);
    assert_in_range(full - empty, 50 * 2500, 50 * 10000);
    age(state, AGE);
    retain_usually(taking, 8);
    TAKE("started", 201, 10, .correlation = "later"); /* on another day */
    TAKE("completed", 202, 20, .correlation = "later", .cause = 201);
    retain_usually(taking, 31);
    assert_null(ROW(1));
    assert_null(ROW(201));
    assert_int_equal(ask(state, "SELECT bytes FROM meta"), 0);
    assert_int_equal(ask(state, "SELECT sum(bytes) FROM days"), 0);
    assert_int_equal(ask(state, BODIES), 0);
    assert_int_equal(ask(state, "SELECT count(*) FROM emptied"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TAKING_TEST(test_hostile_times_share_the_day_of_their_arrival),
        TAKING_TEST(test_trackers_share_a_day),
        TAKING_TEST(test_what_is_emptied_is_not_read_and_goes_with_its_day),
        TAKING_TEST(test_what_is_failed_open_or_pinned_outlives_its_day),
        TAKING_TEST(test_a_day_goes_a_day_after_its_last_body_is_due),
        TAKING_TEST(test_a_long_day_is_walked_in_steps),
        TAKING_TEST(test_events_that_move_take_along_what_can_be_read),
        TAKING_TEST(test_no_day_grows_old_whatever_the_retention),
        TAKING_TEST(test_the_day_that_goes_on_does_not_go),
        TAKING_TEST(test_a_day_that_somebody_reads_goes_later),
        TAKING_TEST(test_room_is_counted_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Stores that an older aep made: stores/schema_N_waiting.sql is one of version N, dumped by sqlite3, with a
 * run that waits, one that failed, and one whose started event is not known. */
#include "track/store_sqlite.h"
#include "track_fixture.h"

static void make_old(struct track *track, int version)
{
    static char sql[1 << 20];
    char path[512];
    sqlite3 *db;
    char *why = NULL;
    snprintf(path, sizeof path, "%s/schema_%d_waiting.sql", AEP_STORES, version);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    sql[fread(sql, 1, sizeof sql - 1, file)] = '\0';
    fclose(file);
    snprintf(path, sizeof path, "%s/state", track->root);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(sqlite3_open(track->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("schema_%d_waiting.sql: %s", version, why);
    sqlite3_close(db);
    chmod(track->path, 0600);
}

static int open_track(struct track *track, bool write)
{
    close_track(track);
    return aep__store_open(&track->store, track->path, write, &track->err);
}

static void assert_rows(struct track *track)
{
    struct aep__buf kept = {0};
    struct aep__filter filter;
    struct aep__query query = {.filter = &filter, .clock_us = INT64_MIN + 1};
    int64_t counts[AEP__STATE_COUNT];
    aep__filter_init(&filter);
    MUST(track, list, &query, keep_row, &kept);
    assert_kept(&kept, "default/c3/late 01a22342-d242-7584-a58e-23a00861d731 "
                       "01a22342-d23b-7180-9798-ee2c69886c6f ");
    MUST(track, events, "default/c3/late", NULL, keep_event, &kept);
    assert_non_null(strstr(aep__buf_string(&kept), "nobody began it"));
    aep__buf_done(&kept);
    MUST(track, count, query.clock_us, counts);
    assert_int_equal(counts[AEP__STATE_WAITING], 1);
    assert_int_equal(counts[AEP__STATE_FAILED], 1);
    assert_int_equal(counts[AEP__STATE_RUNNING], 1);
}

static bool stop(void *user, int64_t number, const char *id, const struct aep__tracked *execution)
{
    (void)number, (void)execution;
    keep_number(user, id);
    return true;
}

/* Before version 2 there was no ring: what changed then is not known, and readers read everything once. */
static void assert_changes(struct track *track, int version)
{
    struct aep__buf kept = {0};
    struct aep__tracked execution = make_execution(1, 0);
    const struct aep__store_ops *ops = track->store->ops;
    int64_t before;
    MUST(track, get_count, AEP__COUNT_CHANGES, &before);
    assert_int_equal(ops->changes(track->store, 0, 0, stop, &kept, &track->err), version >= 2);
    aep__buf_clear(&kept);
    assert_int_equal(ops->changes(track->store, before, 0, stop, &kept, &track->err), 1);
    assert_int_equal(kept.len, 0);
    store_execution(track, &execution);
    assert_int_equal(ops->changes(track->store, before, 0, stop, &kept, &track->err), 1);
    assert_kept(&kept, "1 ");
}

/* Its texts are in the index once that has been filled. */
static void assert_texts(struct track *track)
{
    struct aep__buf kept = {0};
    struct aep__filter filter;
    struct aep__query query = {.filter = &filter, .clock_us = AT(0)};
    int more;
    aep__filter_init(&filter);
    assert_int_equal(aep__filter_add(&filter, "NOBODY", 0, &track->err), AEP_OK);
    MUST(track, list, &query, keep_row, &kept);
    assert_kept(&kept, "default/c3/late ");
    while ((more = track->store->ops->index_texts(track->store, 2, &track->err)) > 0)
        ;
    assert_int_equal(more, 0);
    MUST(track, list, &query, keep_row, &kept);
    assert_kept(&kept, "default/c3/late ");
    aep__filter_done(&filter);
}

static void test_a_store_of_an_older_aep_is_migrated(void **state)
{
    for (int version = 1; version < 2; version++) {
        struct track *track;
        char text[32];
        begin_folder(state);
        track = *state;
        make_old(track, version);
        assert_int_equal(open_track(track, false), AEP_ESTATE);
        snprintf(text, sizeof text, "older aep (schema %d", version);
        assert_non_null(strstr(track->err.text, text));
        assert_int_equal(open_track(track, true), AEP_OK);
        assert_rows(track);
        assert_texts(track);
        assert_changes(track, version);
        assert_int_equal(open_track(track, false), AEP_OK);
        assert_int_equal(end_track(state), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_store_of_an_older_aep_is_migrated)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

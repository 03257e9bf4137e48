/* SPDX-License-Identifier: Apache-2.0 */
/* Stores in PostgreSQL that an older aep made: stores/postgres_N_waiting.sql is one of version N, dumped by
 * pg_dump, with a run that waits, one that failed, and one whose started event is not known. Run with
 * PostgreSQL only. */
#include "retention_fixture.h"

#include "track/state.h"

#define FAILED "01a223ef-5f01-73bb-8895-ed55bcfb9bcf"
#define WAITING "01a223ef-5eed-75e7-a50b-64985c9e58d5"
#define LATE "default/c3/late"

static void make_old(struct track *track, int version)
{
    static char sql[1 << 20];
    char path[512];
    snprintf(path, sizeof path, "%s/postgres_%d_waiting.sql", AEP_STORES, version);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    sql[fread(sql, 1, sizeof sql - 1, file)] = '\0';
    fclose(file);
    assert_true(postgres_run(track->path, sql));
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
    assert_kept(&kept, LATE " " FAILED " " WAITING " ");
    MUST(track, events, LATE, NULL, keep_event, &kept);
    assert_non_null(strstr(aep__buf_string(&kept), "nobody began it"));
    aep__buf_done(&kept);
    MUST(track, count, query.clock_us, counts);
    assert_int_equal(counts[AEP__STATE_WAITING], 1);
    assert_int_equal(counts[AEP__STATE_FAILED], 1);
    assert_int_equal(counts[AEP__STATE_RUNNING], 1);
}

/* Its texts are in the index once that has been filled. */
static void assert_texts(struct track *track)
{
    struct aep__buf kept = {0};
    struct aep__filter filter;
    struct aep__query query = {.filter = &filter, .clock_us = AT(0)};
    int more;
    aep__filter_init(&filter);
    assert_int_equal(aep__filter_add(&filter, "ärgeR", 0, &track->err), AEP_OK);
    MUST(track, list, &query, keep_row, &kept);
    assert_kept(&kept, WAITING " ");
    while ((more = track->store->ops->index_texts(track->store, 2, &track->err)) > 0)
        ;
    assert_int_equal(more, 0);
    MUST(track, list, &query, keep_row, &kept);
    assert_kept(&kept, WAITING " ");
    aep__filter_done(&filter);
}

/* It goes on as any other: retention empties, and all room is given back in the end. */
static void assert_retention(struct track *track)
{
    struct taking taking = {.track = track};
    struct aep__buf kept = {0};
    int64_t before, after;
    assert_int_equal(aep__ingest_init(&taking.ingest, track->store, DAY_US, &track->err), AEP_OK);
    begin(track);
    MUST(track, bytes, &before);
    retain_usually(&taking, 380 + 25);
    MUST(track, events, FAILED, NULL, keep_event, &kept);
    assert_kept(&kept, "  ");
    retain_usually(&taking, 380 + 40);
    MUST(track, bytes, &after);
    assert_in_range(before - after, 2500, 10000);
    commit(track);
    aep__ingest_done(&taking.ingest);
}

static void test_a_store_of_an_older_aep_is_migrated(void **state)
{
    for (int version = 1; version < 2; version++) {
        struct track *track;
        char text[32];
        assert_int_equal(begin_folder(state), 0);
        track = *state;
        make_old(track, version);
        assert_int_equal(open_track(track, false), AEP_ESTATE);
        snprintf(text, sizeof text, "older aep (schema %d", version);
        assert_non_null(strstr(track->err.text, text));
        assert_int_equal(open_track(track, true), AEP_OK);
        assert_rows(track);
        assert_texts(track);
        assert_retention(track);
        assert_int_equal(open_track(track, false), AEP_OK);
        assert_int_equal(end_track(state), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_store_of_an_older_aep_is_migrated)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

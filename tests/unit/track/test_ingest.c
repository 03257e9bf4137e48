/* SPDX-License-Identifier: Apache-2.0 */
/* Ingest: whatever the order in which events come, and however often, the same executions stand in the
 * store, in the same tree.
 *
 * A random history of several executions is taken in the order of its timestamps into one store and in
 * a random order, with repetitions, over several transactions and up to a day later, into another; some
 * events come from Kafka too, before or after; what a spool has numbered may come without its number
 * first. */
#include "history_fixture.h"

#define HISTORIES 200

/* As they come: with copies, some of which have the number that the first one had not. */
static void take_somehow(struct aep__ingest *ingest, const struct history *history, bool commits)
{
    bool late[EVENTS_MAX];
    int64_t now_us = NOW_US;
    for (int i = 0; i < history->count; i++) {
        late[i] = any(3) == 0;
        take_with_copy(ingest, &history->events[i], !late[i], now_us);
        const struct event *earlier = &history->events[any((unsigned)i + 1)];
        if (any(4) == 0)
            take(ingest, earlier, earlier->fate, any(2), now_us);
        if (any(4) > 0)
            continue;
        now_us = NOW_US + any(2) * DAY_US;
        flush(ingest);
        if (commits) {
            end_transaction(ingest);
            begin_transaction(ingest);
        }
    }
    for (int i = 0; i < history->count; i++)
        if (late[i])
            take(ingest, &history->events[i], history->events[i].fate, true, now_us);
}

static void take_into(struct aep__store *store, const struct history *history, bool somehow,
                      bool commits, struct rows *rows)
{
    struct aep__ingest ingest;
    aep_error err = {0};
    assert_int_equal(aep__ingest_init(&ingest, store, DAY_US, &err), AEP_OK);
    begin_transaction(&ingest);
    if (somehow)
        take_somehow(&ingest, history, commits);
    for (int i = 0; !somehow && i < history->count; i++)
        take_with_copy(&ingest, &history->events[i], true, NOW_US);
    flush(&ingest);
    list_rows(store, rows);
    store->ops->rollback(store);
    aep__ingest_done(&ingest);
}

/* A store that is made anew takes longer than a history: most are rolled back in the same one. */
static struct aep__store *shared;

static void take_all(const struct history *history, bool somehow, struct rows *rows)
{
    void *state;
    if (!somehow || any(8) > 0) {
        take_into(shared, history, somehow, false, rows);
        return;
    }
    assert_int_equal(begin_track(&state), 0);
    take_into(((struct track *)state)->store, history, true, true, rows);
    end_track(&state);
}

/* ---- comparing ---- */

static int by_time(const void *one, const void *other)
{
    const struct event *a = one, *b = other;
    return a->at_us != b->at_us ? (a->at_us < b->at_us ? -1 : 1)
                                : (a->id > b->id) - (a->id < b->id);
}

static bool compare(const struct history *history, bool say)
{
    static struct rows in_time, as_they_come;
    struct history sorted = *history;
    qsort(sorted.events, (size_t)sorted.count, sizeof *sorted.events, by_time);
    take_all(&sorted, false, &in_time);
    take_all(history, true, &as_they_come);
    bool differ = !same_rows(&in_time, &as_they_come);
    for (int which = 0; say && which < 2; which++) {
        const struct rows *rows = which ? &as_they_come : &in_time;
        print_message("%s:\n", which ? "as they came" : "in the order of time");
        for (int i = 0; i < rows->count; i++)
            print_execution(&rows->executions[i]);
    }
    free_rows(&in_time);
    free_rows(&as_they_come);
    return differ;
}

static bool differs(const void *history)
{
    return compare(history, false);
}

static void test_any_order_of_arrival_gives_the_same_rows(void **state)
{
    struct track here = *(struct track *)*state;
    shared = here.store;
    begin_random();
    for (long i = 0; i < histories; i++) {
        struct history history;
        make_history(&history);
        shuffle_events(history.events, sizeof *history.events, history.count);
        if (!differs(&history))
            continue;
        shrink_events(history.events, sizeof *history.events, &history.count, differs, &history);
        print_message("history %ld, in the order of arrival:\n", i);
        print_history(&history);
        compare(&history, true);
        fail_msg("the rows depend on the order of arrival");
    }
    *(struct track *)*state = here;
}

int main(int argc, char **argv)
{
    read_arguments(argc, argv, HISTORIES);
    const struct CMUnitTest tests[] = {
        TRACK_TEST(test_any_order_of_arrival_gives_the_same_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

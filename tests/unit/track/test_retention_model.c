/* SPDX-License-Identifier: Apache-2.0 */
/* Retention in random histories: an execution that is gone stays gone, whatever comes of it later, and
 * those that live are as if that had never come.
 *
 * A part of a history is taken; whatever has ended goes. Then all of that part comes again, and the rest
 * of the history for the first time. Another store does the same, but never gets what was late in the
 * first one. */
#include "history_fixture.h"

#include "track/retention.h"

#define HISTORIES 60
#define LATER_US (NOW_US + DAY_US)

struct store {
    struct track track;
    struct aep__ingest ingest;
};

static void begin_store(struct store *store)
{
    void *state;
    assert_int_equal(begin_track(&state), 0);
    store->track = *(struct track *)state;
    aep_error err;
    assert_int_equal(aep__ingest_init(&store->ingest, store->track.store, DAY_US, &err), AEP_OK);
    begin_transaction(&store->ingest);
}

static void end_store(struct store *store)
{
    void *state = &store->track;
    store->track.store->ops->rollback(store->track.store);
    aep__ingest_done(&store->ingest);
    end_track(&state);
}

static void purge(struct store *store)
{
    struct aep__retention retention = {.executions_us = 1};
    bool more = true;
    aep_error err;
    end_transaction(&store->ingest);
    while (more)
        if (aep__retention_step(&retention, &store->ingest, LATER_US, &more, &err) != AEP_OK)
            fail_msg("%s", err.text);
    begin_transaction(&store->ingest);
}

static const struct aep__tracked *find_row(const struct rows *rows, const char *id)
{
    for (int i = 0; i < rows->count; i++)
        if (strcmp(rows->executions[i].id, id) == 0)
            return &rows->executions[i];
    return NULL;
}

static bool same_key(const struct aep__tracked *one, const struct aep__tracked *other)
{
    return strcmp(one->tenant_id, other->tenant_id) == 0 &&
           strcmp(one->correlation_id, other->correlation_id) == 0 &&
           strcmp(one->agent_name, other->agent_name) == 0;
}

/* ---- what must hold ---- */

/* Those that were there before and have ended are dead, but for parents of open ones. */
static bool is_alive(const struct rows *after, const struct aep__tracked *execution)
{
    const struct aep__tracked *row = find_row(after, execution->id);
    return row && same_key(row, execution);
}

static const char *check_purge(const struct rows *before, const struct rows *after)
{
    for (int i = 0; i < before->count; i++) {
        const struct aep__tracked *row = &before->executions[i];
        bool stays = row->outcome == AEP__ENDING_OPEN || row->open_children > 0;
        if (is_alive(after, row) != stays)
            return stays ? "one that is open has gone" : "one that has ended is still there";
    }
    return NULL;
}

/* Counts of children, roots and depths are those of the rows. */
static const char *check_tree(const struct rows *rows)
{
    for (int i = 0; i < rows->count; i++) {
        const struct aep__tracked *row = &rows->executions[i];
        const struct aep__tracked *parent =
            row->parent_known ? find_row(rows, row->parent_id) : NULL;
        int64_t children = 0, open = 0;
        for (int k = 0; k < rows->count; k++) {
            const struct aep__tracked *child = &rows->executions[k];
            bool below = child->parent_known && strcmp(child->parent_id, row->id) == 0;
            children += below;
            open += below && child->outcome == AEP__ENDING_OPEN;
        }
        if (row->children != children || row->open_children != open)
            return "children are counted wrongly";
        if (row->parent_known && !parent)
            return "a parent that is gone is known";
        if (strcmp(row->root_id, parent ? parent->root_id : row->id) != 0 ||
            row->depth != (parent ? parent->depth + 1 : 0))
            return "a root or depth is wrong";
    }
    return NULL;
}

/* What an event was of before the purge. */
static bool was_of_the_dead(const char *owner, const struct rows *before, const struct rows *after)
{
    const struct aep__tracked *row = find_row(before, owner);
    return row && !is_alive(after, row);
}

static void note_owners(struct store *store, const struct history *history, int count,
                        char owners[EVENTS_MAX][AEP__TEXT_MAX + 1])
{
    for (int i = 0; i < count; i++) {
        struct aep__stored_event stored;
        struct aep__buf id = {0};
        aep_error err;
        add_id(&id, history->events[i].id);
        aep__buf_string(&id);
        id.data[id.len - 1] = '\0'; /* without the quotes */
        assert_int_equal(
            store->track.store->ops->find_event(store->track.store, id.data + 1, &stored, &err), 1);
        snprintf(owners[i], sizeof owners[i], "%s", stored.execution_id);
        aep__buf_done(&id);
    }
}

static bool take_one(struct store *store, const struct event *event)
{
    int64_t before = store->ingest.tallies[AEP__TALLY_LATE];
    take(&store->ingest, event, event->fate, true, NOW_US);
    return store->ingest.tallies[AEP__TALLY_LATE] > before;
}

/* An id that is a key may have been given to a provisional one that lives, when a started event took its
 * own. */
static bool is_raised(const struct rows *rows, const struct rows *after,
                      const struct aep__tracked *execution)
{
    return !strchr(execution->id, '/') && !is_alive(after, execution) && is_alive(rows, execution);
}

/* Why the history fails; NULL: it does not. */
static const char *try_history(const struct history *history)
{
    static struct rows before, after, rows, expected;
    static char owners[EVENTS_MAX][AEP__TEXT_MAX + 1];
    struct store one, other;
    const char *why = NULL;
    int part = (history->count + 1) / 2;
    begin_store(&one);
    begin_store(&other);
    for (int i = 0; i < part; i++) {
        take_one(&one, &history->events[i]);
        take_one(&other, &history->events[i]);
    }
    flush(&one.ingest);
    list_rows(one.track.store, &before);
    note_owners(&one, history, part, owners);
    purge(&one);
    purge(&other);
    list_rows(one.track.store, &after);
    why = check_purge(&before, &after);
    for (int i = 0; i < part && !why; i++)
        if (take_one(&one, &history->events[i]) != was_of_the_dead(owners[i], &before, &after))
            why = "a repeated event is late though its execution lives, or the other way about";
    for (int i = part; i < history->count && !why; i++)
        if (!take_one(&one, &history->events[i]))
            take_one(&other, &history->events[i]);
    flush(&one.ingest);
    flush(&other.ingest);
    list_rows(one.track.store, &rows);
    list_rows(other.track.store, &expected);
    if (!why)
        why = check_tree(&rows);
    if (!why && !same_rows(&rows, &expected))
        why = "late events have changed those that live";
    for (int i = 0; i < before.count && !why; i++)
        if (is_raised(&rows, &after, &before.executions[i]))
            why = "one has been raised from the dead";
    free_rows(&before);
    free_rows(&after);
    free_rows(&rows);
    free_rows(&expected);
    end_store(&one);
    end_store(&other);
    return why;
}

static bool fails(const void *history)
{
    return try_history(history) != NULL;
}

static void test_the_dead_stay_dead_and_the_living_do_not_notice(void **state)
{
    (void)state;
    begin_random();
    for (long i = 0; i < histories; i++) {
        struct history history;
        make_history(&history);
        shuffle_events(history.events, sizeof *history.events, history.count);
        if (!fails(&history))
            continue;
        shrink_events(history.events, sizeof *history.events, &history.count, fails, &history);
        print_message("history %ld, in the order of arrival; the first half, and later all:\n", i);
        print_history(&history);
        fail_msg("%s", try_history(&history));
    }
}

int main(int argc, char **argv)
{
    read_arguments(argc, argv, HISTORIES);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_dead_stay_dead_and_the_living_do_not_notice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations on more rows than fit in memory at once, against a model; what a transaction has
 * not committed is seen within it and nowhere else. AEP_TEST_SEED=N repeats a run. */
#include "base/clock.h"
#include "track_fixture.h"

#define ROWS 700
#define STEPS 20000

static struct aep__tracked now[ROWS], committed[ROWS]; /* id NULL: none */
static uint64_t seed;

static unsigned random_below(unsigned limit)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % limit;
}

static void choose_texts(struct aep__tracked *row)
{
    static const char *const texts[] = {"a", "b", "a longer text than the others", NULL};
    set_text(row, &row->agent_name, texts[random_below(2)]);
    set_text(row, &row->current_step, texts[random_below(4)]);
    row->parent_known = random_below(2);
    set_text(row, &row->parent_id, random_below(3) ? id_of(random_below(ROWS / 50)) : NULL);
}

/* Most changes are those of a run that goes on. */
static void change_row(struct aep__tracked *row)
{
    row->last_event_at += random_below(3) * INT64_C(20000000);
    row->stalls_at = random_below(9) ? row->last_event_at : AEP__NEVER_US;
    row->events++;
    row->progress_percent = random_below(100);
    row->origins[AEP__ORIGIN_LAST].at_us = row->last_event_at;
    if (random_below(4) == 0)
        row->outcome = random_below(4);
    if (random_below(4) == 0)
        row->waiting = random_below(3);
    if (random_below(4) == 0)
        choose_texts(row);
}

static void copy_row(struct aep__tracked *to, const struct aep__tracked *from)
{
    aep__tracked_done(to);
    aep__tracked_init(to);
    aep__tracked_copy(to, from);
}

static void put_row(struct track *track, unsigned i)
{
    if (!now[i].id) {
        now[i] = make_execution(i, (int)(i * 37 % ROWS));
        choose_texts(&now[i]);
    }
    change_row(&now[i]);
    MUST(track, put, &now[i]);
}

static void remove_row(struct track *track, unsigned i)
{
    MUST(track, remove, id_of(i));
    aep__tracked_done(&now[i]);
    aep__tracked_init(&now[i]);
}

static void assert_row(struct track *track, unsigned i)
{
    struct aep__tracked found;
    aep__tracked_init(&found);
    int rc = track->store->ops->get(track->store, id_of(i), &found, &track->err);
    assert_int_equal(rc, now[i].id != NULL);
    if (rc && (!aep__tracked_equal(&found, &now[i])))
        fail_msg("row %u is not what was put", i);
    aep__tracked_done(&found);
}

static void assert_nearest(struct track *track, unsigned i)
{
    struct aep__tracked key = make_execution(0, 0), found;
    struct aep__order order = order_of(ROWS, AT(i));
    const struct aep__tracked *best = NULL, *first = NULL;
    for (unsigned n = 0; n < ROWS; n++) {
        const struct aep__order *began = &now[n].origins[AEP__ORIGIN_STARTED];
        if (!now[n].id || strcmp(now[n].agent_name, "a") != 0)
            continue;
        if (!first || aep__order_before(began, &first->origins[AEP__ORIGIN_STARTED]))
            first = &now[n];
        if (!aep__order_before(&order, began) &&
            (!best || aep__order_before(&best->origins[AEP__ORIGIN_STARTED], began)))
            best = &now[n];
    }
    best = best ? best : first;
    aep__tracked_init(&found);
    int rc = track->store->ops->nearest(track->store, &key, &order, &found, &track->err);
    assert_int_equal(rc, best != NULL);
    if (best && !aep__tracked_equal(&found, best))
        fail_msg("%s is not the nearest: %s is, or is as it was", found.id, best->id);
    aep__tracked_done(&found);
    aep__tracked_done(&key);
}

static bool is_child(unsigned n, const char *parent)
{
    return now[n].id && now[n].parent_known && now[n].parent_id &&
           strcmp(now[n].parent_id, parent) == 0;
}

static bool count_id(void *user, const char *id)
{
    (void)id;
    ++*(unsigned *)user;
    return true;
}

static void assert_children(struct track *track, unsigned i)
{
    struct aep__tracked parent = make_execution(i % (ROWS / 50), 0);
    int64_t latest = AEP__UNKNOWN_US, found;
    unsigned children = 0, found_children = 0;
    for (unsigned n = 0; n < ROWS; n++)
        if (is_child(n, parent.id)) {
            children++;
            parent.open_children += now[n].outcome == AEP__ENDING_OPEN;
            if (now[n].outcome == AEP__ENDING_OPEN && now[n].stalls_at > latest)
                latest = now[n].stalls_at;
        }
    MUST(track, open_children, &parent, &found);
    assert_true(found == latest);
    MUST(track, children, parent.id, count_id, &found_children);
    assert_int_equal(found_children, children);
    aep__tracked_done(&parent);
}

static void assert_counts(struct track *track, unsigned i)
{
    int64_t expected[AEP__STATE_COUNT] = {0}, found[AEP__STATE_COUNT];
    for (unsigned n = 0; n < ROWS; n++)
        if (now[n].id)
            expected[aep__state_of(&now[n], AT(i * 4))]++;
    MUST(track, count, AT(i * 4), found);
    for (int state = 0; state < AEP__STATE_COUNT; state++)
        assert_int_equal(found[state], expected[state]);
}

static void end_transaction(struct track *track, bool keep)
{
    if (keep)
        commit(track);
    else
        track->store->ops->rollback(track->store);
    for (unsigned i = 0; i < ROWS; i++)
        copy_row(keep ? &committed[i] : &now[i], keep ? &now[i] : &committed[i]);
    for (unsigned i = 0; i < 5; i++)
        assert_row(track, random_below(ROWS)); /* outside of any */
    begin(track);
}

static void step(struct track *track)
{
    unsigned i = random_below(ROWS);
    switch (random_below(16)) {
    case 0:
        remove_row(track, i);
        break;
    case 1:
        assert_nearest(track, i);
        break;
    case 2:
        assert_children(track, i);
        break;
    case 3:
        if (random_below(10) == 0)
            assert_counts(track, i);
        break;
    case 4:
        if (random_below(20) == 0)
            end_transaction(track, random_below(3) > 0);
        break;
    case 5:
    case 6:
    case 7:
        assert_row(track, i);
        break;
    default:
        put_row(track, i % 3 ? i : i % 20); /* some more often than others */
    }
}

static void test_rows_are_what_was_put_last(void **state)
{
    struct track *track = *state;
    const char *given = getenv("AEP_TEST_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)aep__clock_wall_us();
    printf("AEP_TEST_SEED=%llu\n", (unsigned long long)seed);
    for (unsigned i = 0; i < ROWS; i++) {
        aep__tracked_init(&now[i]);
        aep__tracked_init(&committed[i]);
    }
    begin(track);
    for (unsigned i = 0; i < STEPS; i++)
        step(track);
    end_transaction(track, true);
    track->store->ops->rollback(track->store);
    for (unsigned i = 0; i < ROWS; i++)
        assert_row(track, i);
    for (unsigned i = 0; i < ROWS; i++) {
        aep__tracked_done(&now[i]);
        aep__tracked_done(&committed[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TRACK_TEST(test_rows_are_what_was_put_last)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

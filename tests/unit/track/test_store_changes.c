/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of changes: random puts and removals, by a follower who looks now and then, against a model.
 * AEP_TEST_SEED=N repeats a run. */
#include "base/clock.h"
#include "track/store.h"
#include "track_fixture.h"

#define ROWS 1500 /* more than the rows in memory */
#define RING 100000

static uint64_t seed;

static unsigned random_below(unsigned limit)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % limit;
}

static int64_t newest(struct track *track)
{
    int64_t number;
    MUST(track, get_count, AEP__COUNT_CHANGES, &number);
    return number;
}

/* "1 2 -3 ": 3 was removed. Each number is greater than the one before. */
struct given {
    struct aep__buf kept;
    int64_t number;
    unsigned most; /* after that many it stops; 0: never */
};

static bool keep_change(void *user, int64_t number, const char *id,
                        const struct aep__tracked *execution)
{
    struct given *given = user;
    assert_true(number > given->number);
    given->number = number;
    aep__buf_text(&given->kept, execution ? "" : "-");
    keep_number(&given->kept, id);
    if (execution) {
        assert_string_equal(execution->id, id);
        assert_true(execution->change == number);
    }
    return --given->most != 0;
}

static int changes(struct track *track, int64_t after, unsigned limit, struct given *given)
{
    return track->store->ops->changes(track->store, after, limit, keep_change, given, &track->err);
}

static void assert_changes(struct track *track, int64_t after, unsigned limit, const char *expected)
{
    struct given given = {.number = after};
    assert_int_equal(changes(track, after, limit, &given), 1);
    assert_kept(&given.kept, expected);
}

static void put(struct track *track, unsigned number, int seconds)
{
    struct aep__tracked execution = make_execution(number, 0);
    execution.last_event_at = AT(seconds);
    MUST(track, put, &execution);
    aep__tracked_done(&execution);
}

static void test_each_comes_once_by_its_last_change(void **state)
{
    struct track *track = *state;
    int64_t none = newest(track);
    assert_changes(track, none, 0, "");
    begin(track);
    for (unsigned i = 1; i <= 4; i++)
        put(track, i, 0);
    put(track, 2, 1);
    put(track, 2, 2);
    commit(track);
    assert_changes(track, none, 0, "1 3 4 2 ");
    assert_changes(track, none, 2, "1 3 ");
    int64_t before = newest(track);
    begin(track);
    put(track, 1, 3);
    MUST(track, remove, id_of(4)); /* the one with the greatest key, which the next one gets */
    put(track, 5, 0);
    commit(track);
    assert_changes(track, none, 0, "3 2 -4 5 1 ");
    assert_changes(track, before, 0, "-4 5 1 ");
    assert_changes(track, newest(track), 0, "");
    struct given given = {.most = 2};
    assert_int_equal(changes(track, none, 0, &given), 1);
    assert_kept(&given.kept, "3 2 ");
}

static void test_what_is_rolled_back_was_no_change(void **state)
{
    struct track *track = *state;
    int64_t none = newest(track);
    begin(track);
    put(track, 1, 0);
    commit(track);
    begin(track);
    put(track, 2, 0);
    put(track, 1, 1);
    track->store->ops->rollback(track->store);
    assert_changes(track, none, 0, "1 ");
    begin(track);
    put(track, 3, 0);
    commit(track);
    assert_changes(track, none, 0, "1 3 ");
}

static void test_a_number_that_it_never_gave(void **state)
{
    struct track *track = *state;
    struct given given = {.number = 0};
    int64_t none = newest(track);
    assert_int_equal(changes(track, none + 1, 0, &given), 0);
    assert_int_equal(changes(track, none - 1, 0, &given), 0);
    assert_int_equal(changes(track, 0, 0, &given), 0);
    assert_int_equal(changes(track, -1, 0, &given), 0);
    begin(track);
    put(track, 1, 0);
    commit(track);
    assert_int_equal(changes(track, none + 2, 0, &given), 0);
    assert_int_equal(changes(track, none - 1, 0, &given), 0);
    assert_int_equal(changes(track, 0, 0, &given), 0);
    assert_int_equal(given.kept.len, 0);
}

static void test_the_ring_ends_somewhere(void **state)
{
    struct track *track = *state;
    struct given given = {.number = 0};
    int64_t none = newest(track);
    for (unsigned i = 0; i < RING + 3000; i += ROWS) {
        begin(track);
        for (unsigned n = 0; n < ROWS; n++)
            put(track, n, (int)i);
        commit(track);
    }
    int64_t last = newest(track);
    assert_true(last > none + RING);
    assert_int_equal(changes(track, none, 0, &given), 0);
    assert_int_equal(changes(track, last - RING - 2 * ROWS, 0, &given), 0);
    given.number = last - RING;
    given.most = 0;
    assert_int_equal(changes(track, last - RING, 0, &given), 1);
    assert_true(given.number == last);
    aep__buf_done(&given.kept);
}

static void test_numbers_are_never_used_again(void **state)
{
    struct track *track = *state;
    int64_t last = 0;
    for (unsigned round = 0; round < 4; round++) {
        begin(track);
        put(track, 1, (int)round);
        if (round == 1)
            MUST(track, remove, id_of(1));
        commit(track);
        assert_true(newest(track) > last);
        last = newest(track);
        close_track(track);
        assert_int_equal(aep__store_open(&track->store, track->path, true, &track->err), AEP_OK);
        assert_true(newest(track) == last);
    }
}

/* A reader of one that was removed is told that it has to read everything. */
static void test_a_new_store_has_none_of_the_old_ones_numbers(void **state)
{
    struct track *track = *state;
    struct given given = {.number = 0};
    begin(track);
    put(track, 1, 0);
    commit(track);
    int64_t last = newest(track);
    assert_int_equal(end_track(state), 0);
    assert_int_equal(begin_track(state), 0);
    track = *state;
    begin(track);
    for (unsigned i = 1; i <= 3; i++)
        put(track, i, 0);
    commit(track);
    assert_true(newest(track) > last);
    assert_int_equal(changes(track, last, 0, &given), 0);
    assert_int_equal(given.kept.len, 0);
}

/* ---- a follower ---- */

static struct {
    int64_t seconds, seen; /* 0: there is none */
} model[ROWS];

struct follower {
    struct aep__store *store;
    int64_t at;
    unsigned given;
};

static bool follow(void *user, int64_t number, const char *id, const struct aep__tracked *execution)
{
    struct follower *follower = user;
    unsigned i;
    follower->at = number;
    follower->given++;
    assert_int_equal(sscanf(id, "019a0000-0000-7000-8000-%12x", &i), 1);
    model[i].seen = execution ? (execution->last_event_at - AT(0)) / 1000000 : 0;
    return true;
}

static void look(struct track *track, struct follower *follower)
{
    unsigned limit = random_below(3) ? 0 : 1 + random_below(50);
    do {
        follower->given = 0;
        assert_int_equal(follower->store->ops->changes(follower->store, follower->at, limit, follow,
                                                       follower, &track->err),
                         1);
    } while (limit && follower->given == limit);
    for (unsigned i = 0; i < ROWS; i++)
        if (model[i].seen != model[i].seconds)
            fail_msg("%u is seen as of %lld and is as of %lld", i, (long long)model[i].seen,
                     (long long)model[i].seconds);
}

static void change_some(struct track *track, int64_t seconds)
{
    begin(track);
    for (unsigned left = 1 + random_below(random_below(4) ? 20 : 3000); left > 0; left--) {
        unsigned i = random_below(left % 2 ? ROWS : 10);
        if (random_below(4)) {
            put(track, i, (int)seconds);
            model[i].seconds = seconds;
        } else {
            MUST(track, remove, id_of(i));
            model[i].seconds = 0;
        }
    }
    commit(track);
}

static void test_a_follower_has_what_the_store_has(void **state)
{
    struct track *track = *state;
    struct follower follower = {.at = newest(track)};
    const char *given = getenv("AEP_TEST_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)aep__clock_wall_us();
    printf("AEP_TEST_SEED=%llu\n", (unsigned long long)seed);
    assert_int_equal(aep__store_open(&follower.store, track->path, false, &track->err), AEP_OK);
    for (int64_t round = 1; round <= 150; round++) {
        change_some(track, round);
        if (random_below(3))
            look(track, &follower);
    }
    look(track, &follower);
    follower.store->ops->close(follower.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRACK_TEST(test_each_comes_once_by_its_last_change),
        TRACK_TEST(test_what_is_rolled_back_was_no_change),
        TRACK_TEST(test_a_number_that_it_never_gave),
        TRACK_TEST(test_the_ring_ends_somewhere),
        TRACK_TEST(test_numbers_are_never_used_again),
        TRACK_TEST(test_a_new_store_has_none_of_the_old_ones_numbers),
        TRACK_TEST(test_a_follower_has_what_the_store_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

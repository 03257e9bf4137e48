/* SPDX-License-Identifier: Apache-2.0 */
/* Many events of one execution, and many executions of one correlation id: what an event costs does not
 * grow with those before it. What the store reads and writes is counted, not the time. */
#include "ingest_fixture.h"

#define MANY 10000
#define EACH 8 /* rows and events that one event may read and write */

static uint64_t work;
static struct aep__store_ops counting;
static const struct aep__store_ops *really;

struct given {
    aep__event_fn fn;
    void *user;
};

static void add_work(uint64_t more)
{
    work += more;
    if (work > (uint64_t)3 * EACH * MANY)
        fail_msg("what an event costs grows with those before it");
}

static bool count_event(void *user, const struct aep__stored_event *event)
{
    const struct given *given = user;
    add_work(1);
    return given->fn(given->user, event);
}

static int count_events(struct aep__store *store, const char *execution_id,
                        const struct aep__order *from, aep__event_fn fn, void *user, aep_error *err)
{
    struct given given = {fn, user};
    return really->events(store, execution_id, from, count_event, &given, err);
}

static int count_move(struct aep__store *store, const char *from_id, const char *to_id,
                      const struct aep__order *from, const struct aep__order *before,
                      uint64_t *ret_count, aep_error *err)
{
    int result = really->move_events(store, from_id, to_id, from, before, ret_count, err);
    add_work(*ret_count);
    return result;
}

static int count_put(struct aep__store *store, const struct aep__tracked *execution, aep_error *err)
{
    add_work(1);
    return really->put(store, execution, err);
}

static int count_get(struct aep__store *store, const char *id, struct aep__tracked *ret,
                     aep_error *err)
{
    add_work(1);
    return really->get(store, id, ret, err);
}

static void begin_counting(struct taking *taking)
{
    if (!really)
        really = taking->track->store->ops;
    counting = *really;
    counting.events = count_events;
    counting.move_events = count_move;
    counting.put = count_put;
    counting.get = count_get;
    taking->track->store->ops = &counting;
    work = 0;
}

static int begin_many(void **state)
{
    int result = begin_taking(state);
    if (result == 0)
        begin_counting(*state);
    return result;
}

#define MANY_TEST(function) cmocka_unit_test_setup_teardown(function, begin_many, end_taking)

/* As a tracker does: not each event in a transaction of its own. */
static void pause_after(void **state, unsigned i)
{
    if (i % 1000 == 999)
        settle_all(*state);
}

/* ---- one execution ---- */

static void test_one_run_of_many_events(void **state)
{
    TAKE("started", 1, 0);
    for (unsigned i = 0; i < MANY; i++) {
        TAKE("progress", MANY + i, 1 + i, .payload = ",\"current_step\":\"s\"");
        pause_after(state, i);
    }
    TAKE("completed", 2, 2 * MANY);
    assert_int_equal(ROW(1)->events, MANY + 2);
}

static void test_its_events_may_come_backwards(void **state)
{
    for (unsigned i = MANY; i > 0; i--) {
        TAKE("progress", MANY + i, i, .payload = ",\"current_step\":\"s\"");
        pause_after(state, i);
    }
    TAKE("started", 1, 0);
    assert_int_equal(ROW(1)->events, MANY + 1);
}

#define GIVEN_UP ",\"error_code\":\"ABANDONED\",\"inferred\":true"

static void test_one_that_was_given_up_may_go_on_for_long(void **state)
{
    TAKE("started", 1, 0);
    TAKE("failed", 2, 1, .payload = GIVEN_UP);
    for (unsigned i = 0; i < MANY; i++) {
        TAKE("progress", MANY + i, 2 + i);
        pause_after(state, i);
    }
    assert_state(*state, 1, MANY + 2, AEP__STATE_RUNNING);
    assert_int_equal(ROW(1)->events, MANY + 2);
}

static void test_it_may_be_given_up_again_and_again(void **state)
{
    TAKE("started", 1, 0);
    for (unsigned i = 0; i < MANY; i++) {
        if (i % 2)
            TAKE("progress", MANY + i, 1 + i);
        else
            TAKE("failed", MANY + i, 1 + i, .payload = GIVEN_UP);
        pause_after(state, i);
    }
    assert_state(*state, 1, MANY, AEP__STATE_RUNNING);
    TAKE("failed", 2, 2 * MANY, .payload = GIVEN_UP);
    assert_state(*state, 1, 2 * MANY, AEP__STATE_ABANDONED);
}

static void end_often(void **state, unsigned first_number, unsigned spools)
{
    TAKE("started", 1, 0);
    for (unsigned i = 0; i < MANY; i++) {
        TAKE("completed", MANY + i, 1 + i, .number = first_number ? first_number + i : 0,
             .spool = i % spools);
        pause_after(state, i);
    }
    assert_int_equal(ROW(1)->events, MANY + 1);
    assert_int_equal(ROW(1)->ended_at, AT(1));
    assert_true(ROW(1)->conflict);
}

static void test_it_may_end_again_and_again(void **state)
{
    end_often(state, 0, 1);
}

static void test_with_numbers_of_one_spool(void **state)
{
    end_often(state, 1, 1);
}

static void test_and_of_several(void **state)
{
    end_often(state, 1, 3);
}

/* ---- one correlation id ---- */

static void test_many_runs_one_after_the_other(void **state)
{
    for (unsigned i = 0; i < MANY; i++) {
        TAKE("started", 1 + i, 2 * i);
        TAKE("completed", 2 * MANY + i, 2 * i + 1);
        pause_after(state, i);
    }
    assert_int_equal(ROW(1)->events, 2);
    assert_int_equal(ROW(MANY)->events, 2);
    assert_int_equal(ROW(MANY)->ended_at, AT(2 * MANY - 1));
}

static void test_many_agents_at_once(void **state)
{
    char agent[16];
    const char *const kinds[] = {"progress", "started", "completed"}; /* in whatever order */
    for (unsigned kind = 0; kind < 3; kind++)
        for (unsigned i = 0; i < MANY; i++) {
            snprintf(agent, sizeof agent, "agent-%u", i);
            TAKE(kinds[kind], kind * MANY + i, (kind == 1 ? 0 : (kind + 1) * MANY) + i,
                 .agent = agent);
            pause_after(state, i);
        }
    assert_int_equal(ROW(MANY)->events, 3);
    assert_int_equal(ROW(2 * MANY - 1)->events, 3);
}

static void test_many_children(void **state)
{
    char agent[16];
    TAKE("started", 1, 0);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(agent, sizeof agent, "agent-%u", i);
        TAKE("started", MANY + i, 1 + i, .agent = agent, .cause = 1);
        TAKE("completed", 2 * MANY + i, 1 + MANY + i, .agent = agent);
        pause_after(state, i);
    }
    assert_int_equal(ROW(1)->children, MANY);
    assert_int_equal(ROW(1)->open_children, 0);
}

static void test_many_children_before_their_parent(void **state)
{
    char agent[16];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(agent, sizeof agent, "agent-%u", i);
        TAKE("started", MANY + i, 1 + i, .agent = agent, .cause = 1);
        pause_after(state, i);
    }
    TAKE("started", 1, 86400); /* a day later */
    assert_int_equal(ROW(1)->children, MANY);
    assert_string_equal(ROW(2 * MANY - 1)->root_id, id_of(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANY_TEST(test_one_run_of_many_events),
        MANY_TEST(test_its_events_may_come_backwards),
        MANY_TEST(test_one_that_was_given_up_may_go_on_for_long),
        MANY_TEST(test_it_may_be_given_up_again_and_again),
        MANY_TEST(test_it_may_end_again_and_again),
        MANY_TEST(test_with_numbers_of_one_spool),
        MANY_TEST(test_and_of_several),
        MANY_TEST(test_many_runs_one_after_the_other),
        MANY_TEST(test_many_agents_at_once),
        MANY_TEST(test_many_children),
        MANY_TEST(test_many_children_before_their_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A waiter: the fates of many events through one descriptor. */
#include "wait_fixture.h"

static int next_within(aep_waiter *waiter, int timeout_ms, aep_outcome *outcome)
{
    int64_t deadline = now_ms() + timeout_ms;
    for (;;) {
        aep_error err;
        int result = aep_waiter_next(waiter, outcome, &err);
        if (result != AEP_EDEFERRED || now_ms() >= deadline)
            return result;
        struct pollfd poll_fd = {.fd = aep_waiter_fd(waiter), .events = POLLIN};
        poll(&poll_fd, 1, (int)(deadline - now_ms()));
    }
}

/* Waits for the next outcome. */
static void expect_outcome(struct here *here, aep_waiter *waiter, uint64_t token, int code)
{
    aep_outcome outcome;
    accepted(here, next_within(waiter, DEADLINE_MS, &outcome));
    assert_int_equal(outcome.token, token);
    assert_int_equal(outcome.code, code);
}

static bool is_readable(const aep_waiter *waiter, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = aep_waiter_fd(waiter), .events = POLLIN};
    return poll(&poll_fd, 1, timeout_ms) == 1;
}

static void test_a_waiter_tells_each_fate_under_its_token(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    aep_outcome outcome;
    bool told[100] = {false};
    aep_waiter *waiter = open_waiter(here);
    aep_receipt receipt = publish(here);
    fake_start(&fake, here->dir, "dead");
    for (uint64_t i = 0; i < 100; i++)
        accepted(here, aep_waiter_add(waiter, &receipt, i, &here->err));
    for (int i = 0; i < 100; i++) {
        accepted(here, next_within(waiter, DEADLINE_MS, &outcome));
        assert_int_equal(outcome.code, AEP_EDEAD);
        assert_in_range(outcome.token, 0, 99);
        assert_false(told[outcome.token]);
        told[outcome.token] = true;
    }
    assert_int_equal(aep_waiter_next(waiter, &outcome, &here->err), AEP_EDEFERRED);
    assert_false(is_readable(waiter, 0));
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

/* Such an answer is final: the question is not repeated on another connection until the
 * deadline. */
static void test_a_wait_ends_where_the_event_is_gone(void **state)
{
    struct here *here = *state;
    static const char *const answers[] = {"error purged", "error lost",
                                          "error no record ends there"};
    struct fake_relay fake;
    aep_waiter *waiter = open_waiter(here);
    aep_receipt receipt = publish(here);
    fake_start(&fake, here->dir, NULL);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        atomic_store(&fake.answer, answers[i]);
        assert_int_equal(aep_publisher_wait(here->pub, &receipt, 30000, &here->err), AEP_ESPOOL);
        assert_non_null(strstr(here->err.text, "Kafka does not have it"));
        accepted(here, aep_waiter_add(waiter, &receipt, i, &here->err));
        expect_outcome(here, waiter, i, AEP_ESPOOL);
    }
    assert_int_equal(atomic_load(&fake.questions), 2 * sizeof answers / sizeof answers[0]);
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

static void test_a_waiter_watches_the_folder_until_a_relay_listens(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    aep_waiter *waiter;
    open_publisher(here);
    aep_receipt receipt = publish(here);
    int before = count_watches();
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    accepted(here, aep_waiter_add(waiter, &receipt, 1, &here->err));
    assert_int_equal(count_watches(), before + 1);
    aep_waiter_cancel(waiter, 1);
    assert_int_equal(count_watches(), before);
    accepted(here, aep_waiter_add(waiter, &receipt, 2, &here->err));
    fake_start(&fake, here->dir, "acked");
    expect_outcome(here, waiter, 2, AEP_OK);
    assert_int_equal(count_watches(), before);
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

static void test_a_waiters_descriptor_is_readable_while_there_is_something(void **state)
{
    struct here *here = *state;
    aep_outcome outcome;
    set_option(here, "mode", "local");
    aep_waiter *waiter = open_waiter(here);
    aep_receipt receipt = publish(here);
    assert_false(is_readable(waiter, 0));
    accepted(here, aep_waiter_add(waiter, &receipt, 1, &here->err));
    accepted(here, aep_waiter_add(waiter, NULL, 2, &here->err));
    assert_true(is_readable(waiter, DEADLINE_MS));
    accepted(here, aep_waiter_next(waiter, &outcome, &here->err));
    assert_int_equal(outcome.token, 1);
    assert_true(is_readable(waiter, DEADLINE_MS));
    accepted(here, aep_waiter_next(waiter, &outcome, &here->err));
    assert_int_equal(outcome.token, 2);
    assert_false(is_readable(waiter, 0));
    aep_waiter_free(waiter);
}

static void test_a_waiter_follows_the_relay_with_one_descriptor(void **state)
{
    struct here *here = *state;
    struct fake_relay first, second;
    aep_outcome outcome;
    aep_waiter *waiter = open_waiter(here);
    int fd = aep_waiter_fd(waiter);
    aep_receipt receipt = publish(here);
    accepted(here, aep_waiter_add(waiter, &receipt, 7, &here->err));
    fake_start(&first, here->dir, NULL);
    while (atomic_load(&first.questions) == 0) {
        assert_true(is_readable(waiter, DEADLINE_MS)); /* an event loop calls only then */
        assert_int_equal(aep_waiter_next(waiter, &outcome, &here->err), AEP_EDEFERRED);
    }
    fake_kill(&first);
    fake_start(&second, here->dir, "acked");
    expect_outcome(here, waiter, 7, AEP_OK);
    assert_int_equal(aep_waiter_fd(waiter), fd);
    aep_waiter_free(waiter);
    fake_kill(&second);
}

static void test_a_waiter_without_a_relay_reads_the_cursor(void **state)
{
    struct here *here = *state;
    aep_outcome outcome;
    aep_waiter *waiter = open_waiter(here);
    aep_receipt receipt = publish(here);
    accepted(here, aep_waiter_add(waiter, NULL, 1, &here->err));
    move_cursor(here, receipt.position);
    accepted(here, next_within(waiter, DEADLINE_MS, &outcome));
    assert_int_equal(outcome.token, 1);
    aep_waiter_free(waiter);
}

static void test_a_waiter_without_a_relay_reads_the_side_logs(void **state)
{
    struct here *here = *state;
    aep_outcome outcome;
    int codes[4] = {AEP_EDEFERRED, AEP_EDEFERRED, AEP_EDEFERRED, AEP_EDEFERRED};
    aep_waiter *waiter = open_waiter(here);
    aep_receipt sent = publish(here), parked = publish(here);
    set_last_aside(here, "parked-topic");
    aep_receipt dead = publish(here);
    set_last_aside(here, AEP__SIDELOG_DEAD);
    accepted(here, aep_waiter_add(waiter, &sent, 0, &here->err));
    accepted(here, aep_waiter_add(waiter, &parked, 1, &here->err));
    accepted(here, aep_waiter_add(waiter, &dead, 2, &here->err));
    accepted(here, aep_waiter_add(waiter, NULL, 3, &here->err));
    move_cursor(here, dead.position);
    for (int i = 0; i < 4; i++) {
        accepted(here, next_within(waiter, DEADLINE_MS, &outcome));
        assert_in_range(outcome.token, 0, 3);
        codes[outcome.token] = outcome.code;
    }
    assert_int_equal(codes[0], AEP_OK);
    assert_int_equal(codes[1], AEP_EPARKED);
    assert_int_equal(codes[2], AEP_EDEAD);
    assert_int_equal(codes[3], AEP_EPARKED);
    aep_waiter_free(waiter);
}

/* The relay refuses more. */
static void test_a_waiter_asks_as_many_questions_as_it_may(void **state)
{
    enum { COUNT = AEP__CONTROL_QUESTIONS + 50 };
    struct here *here = *state;
    struct fake_relay fake;
    aep_waiter *waiter;
    aep_outcome outcome;
    open_publisher(here);
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    aep_receipt receipt = publish(here);
    fake_start(&fake, here->dir, NULL);
    for (uint64_t i = 0; i < COUNT; i++)
        accepted(here, aep_waiter_add(waiter, &receipt, i, &here->err));
    for (int64_t deadline = now_ms() + 60000;
         atomic_load(&fake.questions) < AEP__CONTROL_QUESTIONS && now_ms() < deadline;)
        next_within(waiter, 10, &outcome);
    aep_waiter_cancel(waiter, 0); /* one more may be asked, and comes after all others */
    for (int64_t deadline = now_ms() + 60000;
         atomic_load(&fake.questions) <= AEP__CONTROL_QUESTIONS && now_ms() < deadline;)
        next_within(waiter, 10, &outcome);
    assert_int_equal(atomic_load(&fake.questions), AEP__CONTROL_QUESTIONS + 1);
    fake_kill(&fake);
    fake_start(&fake, here->dir, "acked");
    for (int i = 1; i < COUNT; i++) {
        accepted(here, next_within(waiter, 60000, &outcome));
        assert_int_equal(outcome.code, AEP_OK);
    }
    assert_int_equal(aep_waiter_next(waiter, &outcome, &here->err), AEP_EDEFERRED);
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

static void test_a_cancelled_request_is_forgotten(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    aep_outcome outcome;
    aep_waiter *waiter = open_waiter(here);
    aep_receipt receipt = publish(here);
    fake_start(&fake, here->dir, NULL);
    accepted(here, aep_waiter_add(waiter, &receipt, 1, &here->err));
    await_question(&fake, 1);
    aep_waiter_cancel(waiter, 1);
    aep_waiter_cancel(waiter, 99);
    atomic_store(&fake.answer, "acked");
    accepted(here, aep_waiter_add(waiter, &receipt, 2, &here->err));
    accepted(here, next_within(waiter, DEADLINE_MS, &outcome));
    assert_int_equal(outcome.token, 2);
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

static void test_a_waiter_is_told_of_another_state_of_the_broker(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    aep_outcome outcome;
    aep_waiter *waiter = open_waiter(here);
    accepted(here, aep_waiter_add_broker(waiter, AEP_BROKER_UNKNOWN, 5, &here->err));
    move_cursor(here, (aep_position){9, 0}); /* says nothing about the broker */
    assert_int_equal(next_within(waiter, 50, &outcome), AEP_EDEFERRED);
    fake_start(&fake, here->dir, "ok");
    expect_outcome(here, waiter, 5, AEP_OK);
    assert_non_null(strstr(fake.question, " unknown"));
    accepted(here, aep_waiter_add_broker(waiter, AEP_BROKER_AUTH_FAILED, 6, &here->err));
    accepted(here, next_within(waiter, DEADLINE_MS, &outcome));
    assert_int_equal(outcome.token, 6);
    assert_non_null(strstr(fake.question, " auth_failed"));
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

/* A program that waits for a change passes the state that health() returned, whichever it is. */
static void test_every_state_of_the_broker_can_be_waited_on(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    aep_waiter *waiter = open_waiter(here);
    fake_start(&fake, here->dir, "ok");
    for (int other = AEP_BROKER_UNKNOWN; other <= AEP_BROKER_MISCONFIGURED; other++) {
        accepted(here, aep_waiter_add_broker(waiter, (enum aep_broker_state)other, (uint64_t)other,
                                             &here->err));
        expect_outcome(here, waiter, (uint64_t)other, AEP_OK);
        assert_non_null(strstr(fake.question, aep_broker_name((enum aep_broker_state)other)));
    }
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

/* A relay that does not know the question is not asked again and again. */
static void test_an_older_relay_cannot_tell_the_brokers_state(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    aep_waiter *waiter = open_waiter(here);
    aep_receipt receipt = publish(here);
    fake_start(&fake, here->dir, "error unknown request");
    accepted(here, aep_waiter_add_broker(waiter, AEP_BROKER_UNKNOWN, 1, &here->err));
    expect_outcome(here, waiter, 1, AEP_ERELAY);
    atomic_store(&fake.answer, "acked");
    accepted(here, aep_waiter_add(waiter, &receipt, 2, &here->err));
    expect_outcome(here, waiter, 2, AEP_OK);
    assert_int_equal(atomic_load(&fake.questions), 2);
    assert_int_equal(atomic_load(&fake.connections), 1); /* nor is the connection dropped */
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

static void test_the_brokers_state_in_local_mode_is_known(void **state)
{
    struct here *here = *state;
    aep_outcome outcome;
    set_option(here, "mode", "local");
    aep_waiter *waiter = open_waiter(here);
    accepted(here, aep_waiter_add_broker(waiter, AEP_BROKER_UNKNOWN, 1, &here->err));
    accepted(here, aep_waiter_next(waiter, &outcome, &here->err));
    assert_int_equal(outcome.code, AEP_OK);
    accepted(here, aep_waiter_add_broker(waiter, AEP_BROKER_LOCAL, 2, &here->err));
    assert_int_equal(next_within(waiter, 50, &outcome), AEP_EDEFERRED);
    aep_waiter_cancel(waiter, 2);
    assert_int_equal(aep_waiter_add_broker(waiter, (enum aep_broker_state)99, 3, &here->err),
                     AEP_EINVAL);
    aep_waiter_free(waiter);
}

static int use_in_child(void *user)
{
    aep_waiter *waiter = user;
    aep_outcome outcome;
    int result = aep_waiter_next(waiter, &outcome, NULL);
    aep_waiter_free(waiter);
    return result == AEP_ESTATE ? 0 : 1;
}

static void test_a_waiter_stays_with_the_process_that_made_it(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    aep_outcome outcome;
    aep_waiter *waiter = open_waiter(here);
    aep_receipt receipt = publish(here);
    fake_start(&fake, here->dir, "acked");
    assert_int_equal(in_child(use_in_child, waiter), 0);
    accepted(here, aep_waiter_add(waiter, &receipt, 1, &here->err));
    accepted(here, next_within(waiter, DEADLINE_MS, &outcome));
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_waiter_tells_each_fate_under_its_token),
        TEST(test_a_wait_ends_where_the_event_is_gone),
        TEST(test_a_waiter_watches_the_folder_until_a_relay_listens),
        TEST(test_a_waiters_descriptor_is_readable_while_there_is_something),
        TEST(test_a_waiter_follows_the_relay_with_one_descriptor),
        TEST(test_a_waiter_without_a_relay_reads_the_cursor),
        TEST(test_a_waiter_without_a_relay_reads_the_side_logs),
        TEST(test_a_waiter_asks_as_many_questions_as_it_may),
        TEST(test_a_cancelled_request_is_forgotten),
        TEST(test_a_waiter_is_told_of_another_state_of_the_broker),
        TEST(test_every_state_of_the_broker_can_be_waited_on),
        TEST(test_an_older_relay_cannot_tell_the_brokers_state),
        TEST(test_the_brokers_state_in_local_mode_is_known),
        TEST(test_a_waiter_stays_with_the_process_that_made_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

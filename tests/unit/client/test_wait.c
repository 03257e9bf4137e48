/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for an event's fate, and flushing: with a relay, without one, with one that comes and
 * goes. */
#include "wait_fixture.h"

/* ---- with a relay ---- */

static void test_a_wait_is_told_the_records_own_fate(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    open_publisher(here);
    aep_receipt receipt = publish(here);
    fake_start(&fake, here->dir, "acked");
    accepted(here, aep_publisher_wait(here->pub, &receipt, DEADLINE_MS, &here->err));
    atomic_store(&fake.answer, "parked");
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, DEADLINE_MS, &here->err), AEP_EPARKED);
    assert_int_equal(here->err.code, AEP_EPARKED);
    atomic_store(&fake.answer, "dead");
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, DEADLINE_MS, &here->err), AEP_EDEAD);
    assert_int_equal(fake.client_count, 1); /* one connection served all */
    fake_kill(&fake);
}

static void test_a_wait_ends_at_its_time_not_before(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    open_publisher(here);
    aep_receipt receipt = publish(here);
    fake_start(&fake, here->dir, NULL);
    int64_t begun = now_ms();
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, 60, &here->err), AEP_EDEFERRED);
    int64_t took = now_ms() - begun;
    assert_in_range(took, 60, DEADLINE_MS);
    /* A late answer to that question is no answer to the next. */
    atomic_store(&fake.answer, "parked");
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, DEADLINE_MS, &here->err), AEP_EPARKED);
    fake_kill(&fake);
}

static void test_a_wait_of_no_time_only_asks(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    open_publisher(here);
    aep_receipt receipt = publish(here);
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, 0, &here->err), AEP_EDEFERRED);
    assert_non_null(strstr(here->err.text, "no relay is running"));
    fake_start(&fake, here->dir, NULL);
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, 0, &here->err), AEP_EDEFERRED);
    atomic_store(&fake.answer, "acked");
    accepted(here, aep_publisher_wait(here->pub, &receipt, 0, &here->err));
    fake_kill(&fake);
}

struct waiting {
    struct here *here;
    aep_receipt receipt;
    int result;
};

static void *wait_for_ever(void *arg)
{
    struct waiting *waiting = arg;
    waiting->result = aep_publisher_wait(waiting->here->pub, &waiting->receipt, -1, NULL);
    return NULL;
}

static void test_a_wait_outlives_the_relay_that_it_asked(void **state)
{
    struct here *here = *state;
    struct fake_relay first, second;
    pthread_t thread;
    open_publisher(here);
    struct waiting waiting = {.here = here, .receipt = publish(here), .result = -1};
    fake_start(&first, here->dir, NULL);
    pthread_create(&thread, NULL, wait_for_ever, &waiting);
    await_question(&first, 1);
    fake_kill(&first);
    fake_start(&second, here->dir, "acked");
    pthread_join(thread, NULL);
    assert_int_equal(waiting.result, AEP_OK);
    fake_kill(&second);
}

static void test_a_wait_finds_a_relay_that_begins_later(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    pthread_t thread;
    open_publisher(here);
    struct waiting waiting = {.here = here, .receipt = publish(here), .result = -1};
    pthread_create(&thread, NULL, wait_for_ever, &waiting);
    fake_start(&fake, here->dir, "acked");
    pthread_join(thread, NULL);
    assert_int_equal(waiting.result, AEP_OK);
    fake_kill(&fake);
}

static void test_a_wait_watches_the_folder_until_a_relay_listens(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    pthread_t thread;
    open_publisher(here);
    struct waiting waiting = {.here = here, .receipt = publish(here), .result = -1};
    int before = count_watches();
    pthread_create(&thread, NULL, wait_for_ever, &waiting);
    await_watches(before + 1);
    fake_start(&fake, here->dir, "acked");
    pthread_join(thread, NULL);
    assert_int_equal(waiting.result, AEP_OK);
    assert_int_equal(count_watches(), before);
    fake_kill(&fake);
}

/* ---- without one ---- */

static void test_without_a_relay_the_cursor_tells(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    aep_receipt first = publish(here), second = publish(here);
    move_cursor(here, first.position);
    accepted(here, aep_publisher_wait(here->pub, &first, DEADLINE_MS, &here->err));
    assert_int_equal(aep_publisher_wait(here->pub, &second, 20, &here->err), AEP_EDEFERRED);
    move_cursor(here, (aep_position){2, 0}); /* a retired segment */
    accepted(here, aep_publisher_wait(here->pub, &second, DEADLINE_MS, &here->err));
}

/* Acts as a relay that sends the parked record after all. */
static void empty_log(struct here *here, const char *name)
{
    struct aep__spool spool;
    struct aep__sidelog log;
    accepted(here, aep__spool_open(&spool, here->dir, NULL, &here->err));
    assert_int_equal(aep__sidelog_open(&log, &spool, name, true), 0);
    aep__sidelog_advance(&log, log.end, log.count);
    assert_int_equal(aep__sidelog_sync(&log, true), 0);
    aep__sidelog_done(&log);
    aep__spool_done(&spool);
}

static void test_without_a_relay_the_side_logs_tell(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    aep_receipt sent = publish(here), parked = publish(here);
    set_last_aside(here, "parked-topic");
    aep_receipt dead = publish(here);
    set_last_aside(here, AEP__SIDELOG_DEAD);
    aep_receipt last = publish(here);
    assert_int_equal(aep_publisher_wait(here->pub, &parked, 0, &here->err), AEP_EDEFERRED);
    move_cursor(here, last.position);
    accepted(here, aep_publisher_wait(here->pub, &sent, DEADLINE_MS, &here->err));
    assert_int_equal(aep_publisher_wait(here->pub, &parked, DEADLINE_MS, &here->err), AEP_EPARKED);
    assert_int_equal(here->err.code, AEP_EPARKED);
    assert_int_equal(aep_publisher_wait(here->pub, &dead, DEADLINE_MS, &here->err), AEP_EDEAD);
    accepted(here, aep_publisher_wait(here->pub, &last, DEADLINE_MS, &here->err));
    assert_int_equal(aep_publisher_flush(here->pub, DEADLINE_MS, &here->err), AEP_EPARKED);
    empty_log(here, "parked-topic");
    accepted(here, aep_publisher_wait(here->pub, &parked, DEADLINE_MS, &here->err));
    /* A dead one blocks no one. */
    accepted(here, aep_publisher_flush(here->pub, DEADLINE_MS, &here->err));
}

static void test_what_is_no_side_log_tells_nothing(void **state)
{
    struct here *here = *state;
    char path[128];
    open_publisher(here);
    aep_receipt receipt = publish(here);
    snprintf(path, sizeof path, "%s/parked-folder", here->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/parked-link", here->dir);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    move_cursor(here, receipt.position);
    accepted(here, aep_publisher_wait(here->pub, &receipt, DEADLINE_MS, &here->err));
}

static void test_a_flush_of_nothing_is_done(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    accepted(here, aep_publisher_flush(here->pub, -1, &here->err));
    aep_receipt receipt = publish(here);
    assert_int_equal(aep_publisher_flush(here->pub, 20, &here->err), AEP_EDEFERRED);
    move_cursor(here, receipt.position);
    accepted(here, aep_publisher_flush(here->pub, -1, &here->err));
}

static void test_a_torn_tail_holds_up_no_flush(void **state)
{
    struct here *here = *state;
    char path[128];
    open_publisher(here);
    aep_receipt receipt = publish(here);
    snprintf(path, sizeof path, "%s/%016x.seg", here->dir, 1);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "\xff\x53\xfe\xff torn", 9), 9);
    close(fd);
    move_cursor(here, receipt.position);
    accepted(here, aep_publisher_flush(here->pub, 0, &here->err));
}

static void test_a_flush_asks_for_all_that_was_accepted(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    unsigned long long segment = 0, end = 0;
    open_publisher(here);
    publish(here);
    aep_receipt last = publish(here);
    fake_start(&fake, here->dir, "parked");
    assert_int_equal(aep_publisher_flush(here->pub, DEADLINE_MS, &here->err), AEP_EPARKED);
    assert_int_equal(sscanf(fake.question, "flush %*u %llu %llu", &segment, &end), 2);
    assert_int_equal(segment, last.position.segment);
    assert_int_equal(end, last.position.offset);
    fake_kill(&fake);
}

static void test_a_relay_that_is_not_installed_is_an_error_at_once(void **state)
{
    struct here *here = *state;
    set_option(here, "relay.mode", "auto");
    set_option(here, "relay.path", "/nonexistent/aep-relay");
    open_publisher(here);
    aep_receipt receipt = publish(here);
    int64_t begun = now_ms();
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, 60000, &here->err), AEP_ERELAY);
    assert_non_null(strstr(here->err.text, "/nonexistent/aep-relay"));
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, 60000, &here->err), AEP_ERELAY);
    assert_true(now_ms() - begun < 30000);
    assert_int_equal(atomic_load(&here->log_count), 1); /* said once */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_wait_is_told_the_records_own_fate),
        TEST(test_a_wait_ends_at_its_time_not_before),
        TEST(test_a_wait_of_no_time_only_asks),
        TEST(test_a_wait_outlives_the_relay_that_it_asked),
        TEST(test_a_wait_finds_a_relay_that_begins_later),
        TEST(test_a_wait_watches_the_folder_until_a_relay_listens),
        TEST(test_without_a_relay_the_cursor_tells),
        TEST(test_without_a_relay_the_side_logs_tell),
        TEST(test_what_is_no_side_log_tells_nothing),
        TEST(test_a_flush_of_nothing_is_done),
        TEST(test_a_torn_tail_holds_up_no_flush),
        TEST(test_a_flush_asks_for_all_that_was_accepted),
        TEST(test_a_relay_that_is_not_installed_is_an_error_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

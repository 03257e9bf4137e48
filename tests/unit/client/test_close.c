/* SPDX-License-Identifier: Apache-2.0 */
/* Closing a publisher waits briefly if the spool is lost with the machine or container. */
#include "wait_fixture.h"

/* Publishes to a spool in memory while a relay lives, and closes. Returns how long closing took. */
static int64_t time_close(struct here *here, const char *wait_ms, const char *answer,
                          int64_t broker)
{
    struct fake_relay fake;
    char root[] = "/dev/shm/aep-test.XXXXXX";
    if (!mkdtemp(root))
        skip();
    snprintf(here->dir, sizeof here->dir, "%s/spool", root);
    set_option(here, "spool.dir", here->dir);
    set_option(here, "close.wait_ms", wait_ms);
    open_publisher(here);
    fake_start(&fake, here->dir, answer);
    write_broker_state(here, broker);
    publish(here);
    int64_t begun = now_ms();
    aep_publisher_close(here->pub);
    here->pub = NULL;
    int64_t took = now_ms() - begun;
    bool is_volatile = fake.spool.fs == AEP__FS_VOLATILE;
    fake_kill(&fake);
    remove_tree(root);
    if (!is_volatile)
        skip();
    return took;
}

static void test_closing_in_memory_waits_for_the_broker_a_little(void **state)
{
    assert_in_range(time_close(*state, "200", NULL, AEP_BROKER_CONNECTED), 200, DEADLINE_MS);
}

static void test_closing_in_memory_ends_with_the_acknowledgement(void **state)
{
    assert_in_range(time_close(*state, "300000", "acked", AEP_BROKER_CONNECTED), 0, DEADLINE_MS);
}

static void test_closing_in_memory_does_not_wait_for_a_broker_that_is_down(void **state)
{
    assert_in_range(time_close(*state, "300000", NULL, AEP_BROKER_UNREACHABLE), 0, DEADLINE_MS);
}

static void test_closing_on_disk_does_not_wait(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    set_option(here, "close.wait_ms", "60000");
    open_publisher(here);
    publish(here);
    fake_start(&fake, here->dir, NULL);
    if (fake.spool.fs == AEP__FS_LOCAL)
        aep_publisher_close(here->pub);
    here->pub = NULL;
    assert_int_equal(atomic_load(&fake.questions), 0);
    fake_kill(&fake);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_closing_in_memory_waits_for_the_broker_a_little),
        TEST(test_closing_in_memory_ends_with_the_acknowledgement),
        TEST(test_closing_in_memory_does_not_wait_for_a_broker_that_is_down),
        TEST(test_closing_on_disk_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

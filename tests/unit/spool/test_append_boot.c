/* SPDX-License-Identifier: Apache-2.0 */
/* A segment of another boot takes no more records (docs/SPOOL.md, Reboot). */
#include "spool_fixture.h"

#include "spool/bell.h"
#include "spool/boot.h"

#include "spool_faults.h"

static void test_a_segment_of_another_boot_is_sealed_and_left(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "before");
    aep__append_done(&appender);
    reboot(here);
    appender = begin_appending(here);
    assert_int_equal(append_text(&appender, "after").segment, 2);
    assert_int_equal(seal_of(here, 1), L);
    assert_all(here, "before after");
    aep__append_done(&appender);
}

/* The power cut took the segment's tail, but not the cursor. */
static void test_records_never_land_below_a_cursor_beyond_the_end(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    append_text(&appender, "two");
    aep__append_done(&appender);
    store_cursor(here, 1, L + 777);
    cut_segment(here, 1, 60);
    reboot(here);
    appender = begin_appending(here);
    assert_int_equal(append_text(&appender, "after").segment, 2);
    assert_int_equal(seal_of(here, 1), L + 777);
    assert_all(here, "after");
    aep__append_done(&appender);
}

static void test_a_segment_lost_with_the_power_comes_back_sealed_behind_the_cursor(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    store_cursor(here, 4, 500);
    reboot(here);
    assert_int_equal(append_text(&appender, "after").segment, 5);
    assert_int_equal(seal_of(here, 4), L);
    assert_all(here, "after");
    aep__append_done(&appender);
}

/* Two containers on one kernel, each with a boot id of its own. */
static struct aep__spool in_container(const struct here *here, uint8_t id)
{
    struct aep__spool spool = here->spool;
    memset(spool.boot, id, sizeof spool.boot);
    return spool;
}

static void test_containers_with_boot_ids_of_their_own_share_a_segment(void **state)
{
    struct here *here = *state;
    struct aep__spool spools[2] = {in_container(here, 1), in_container(here, 2)};
    struct aep__appender appenders[2];
    for (int i = 0; i < 2; i++)
        aep__append_init(&appenders[i], &spools[i], 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(append_text(&appenders[i % 2], "x").segment, 1);
    /* One has ended, another starts. */
    aep__append_done(&appenders[0]);
    assert_int_equal(append_text(&appenders[0], "x").segment, 1);
    aep__append_done(&appenders[0]);
    aep__append_done(&appenders[1]);
    /* All have ended: no process can vouch for their boot ids. */
    assert_int_equal(append_text(&appenders[1], "x").segment, 2);
    aep__append_done(&appenders[1]);
}

/* Commands in containers, one after the other, and nobody lives who could tell that it is one boot. */
static void test_an_event_of_each_boot_costs_little_disk_space(void **state)
{
    struct here *here = *state;
    here->spool.segment_bytes = 256 * L;
    for (uint8_t i = 0; i < 20; i++) {
        struct aep__spool spool = in_container(here, 100 + i);
        struct aep__appender appender;
        aep__append_init(&appender, &spool, 0);
        assert_int_equal(append_text(&appender, "x").segment, 1 + i);
        aep__append_done(&appender);
    }
    for (uint64_t number = 2; number <= 20; number++) {
        struct stat st;
        char name[AEP__SEGMENT_NAME_SIZE];
        aep__segment_name(number, name);
        assert_int_equal(fstatat(here->spool.dir_fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_in_range(st.st_blocks * 512, 0, 4 * L);
        assert_int_equal(seal_of(here, number), number < 20 ? 256 * L : -1);
    }
    assert_all(here, "x x x x x x x x x x x x x x x x x x x x");
}

static void test_while_a_relay_lives_its_boot_id_is_everybodys(void **state)
{
    struct here *here = *state;
    int lock_fd = aep__lock_open(&here->spool);
    assert_true(aep__lock_take(lock_fd));
    aep__boot_vouch(&here->spool, lock_fd);
    store_cursor(here, 1, 0);
    for (uint8_t i = 0; i < 20; i++) { /* as many commands, each in a container of its own */
        struct aep__spool spool = in_container(here, 100 + i);
        struct aep__appender appender;
        aep__append_init(&appender, &spool, 0);
        assert_int_equal(append_long(&appender, "x", L / 4).segment, 1 + i / 4);
        aep__append_done(&appender);
    }
    close(lock_fd);
    struct aep__spool spool = in_container(here, 99);
    struct aep__appender appender;
    aep__append_init(&appender, &spool, 0);
    append_text(&appender, "alone");
    assert_int_equal(spool.boot[0], 99);
    aep__append_done(&appender);
}

static void test_a_segment_of_this_boot_but_shorter_than_the_cursor_takes_no_more(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    aep__append_done(&appender);
    store_cursor(here, 1, 1000);
    appender = begin_appending(here);
    assert_int_equal(append_text(&appender, "two").segment, 2);
    assert_int_equal(seal_of(here, 1), L);
    assert_all(here, "two");
    aep__append_done(&appender);
}

/* Unless the file can be extended there must be no seal; going on is still safe, since no process
 * of this boot writes there. */
static void test_where_an_old_segment_cannot_be_extended_it_is_left_unsealed(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "before");
    aep__append_done(&appender);
    off_t size = segment_size(here, 1);
    reboot(here);
    appender = begin_appending(here);
    fault_hooks[CALL_FALLOCATE] = no_space;
    assert_int_equal(append_text(&appender, "after").segment, 2);
    assert_int_equal(segment_size(here, 1), size);
    assert_all(here, "before after"); /* the relay reads on, too */
    no_faults();
    assert_all(here, "before after");
    aep__append_done(&appender);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_a_segment_of_another_boot_is_sealed_and_left),
        HERE_TEST(test_records_never_land_below_a_cursor_beyond_the_end),
        HERE_TEST(test_a_segment_lost_with_the_power_comes_back_sealed_behind_the_cursor),
        HERE_TEST(test_containers_with_boot_ids_of_their_own_share_a_segment),
        HERE_TEST(test_an_event_of_each_boot_costs_little_disk_space),
        HERE_TEST(test_while_a_relay_lives_its_boot_id_is_everybodys),
        HERE_TEST(test_a_segment_of_this_boot_but_shorter_than_the_cursor_takes_no_more),
        HERE_TEST(test_where_an_old_segment_cannot_be_extended_it_is_left_unsealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

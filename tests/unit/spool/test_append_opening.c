/* SPDX-License-Identifier: Apache-2.0 */
/* Which segment a record goes into (docs/SPOOL.md, Appending), also after segments were retired,
 * created again, or removed by somebody else. */
#include "spool_fixture.h"

#include "spool_faults.h"

#define CROSSING (L - 60) /* bytes of text that bring an empty segment beyond L */

static struct here *hooked; /* what hooks work on */
static uint64_t hook_number;

/* ---- opening ---- */

static void test_who_slept_through_many_segments_goes_to_the_newest(void **state)
{
    struct here *here = *state;
    struct aep__appender sleeper = begin_appending(here), busy = begin_appending(here);
    append_text(&sleeper, "early");
    for (int i = 0; i < 150; i++)
        append_long(&busy, "x", CROSSING);
    assert_int_equal(append_text(&sleeper, "late").segment, busy.segment + 1);
    for (int i = 0; i < 3; i++) { /* and again when what it had open has been retired */
        append_long(&busy, "x", CROSSING);
        retire_first(here);
    }
    append_text(&sleeper, "later");
    aep__append_done(&sleeper);
    aep__append_done(&busy);
}

static void test_who_slept_until_its_segment_was_retired_goes_to_the_newest(void **state)
{
    struct here *here = *state;
    struct aep__appender sleeper = begin_appending(here), busy = begin_appending(here);
    append_text(&sleeper, "early");
    append_long(&busy, "x", L);
    append_text(&busy, "y");
    retire_first(here);
    assert_int_equal(append_text(&sleeper, "late").segment, 2);
    assert_all(here, "y late");
    aep__append_done(&sleeper);
    aep__append_done(&busy);
}

/* Between the look at the cursor and the making of the segment, the relay retires it. */
static bool retire_before_link(const struct fault_args *args, ssize_t *ret)
{
    (void)args, (void)ret;
    fault_hooks[CALL_LINK] = count_call;
    store_cursor(hooked, hook_number, 0);
    return false;
}

static void test_a_segment_made_anew_after_it_was_retired_is_left(void **state)
{
    struct here *here = hooked = *state;
    struct aep__appender appender = begin_appending(here);
    store_cursor(here, 1, 0);
    hook_number = 3;
    fault_hooks[CALL_LINK] = retire_before_link;
    assert_int_equal(append_text(&appender, "one").segment, 3);
    no_faults();
    assert_int_equal(segment_size(here, 1), AEP__SEGMENT_EMPTY_BYTES); /* the zombie */
    assert_all(here, "one");
    aep__append_done(&appender);
}

static void test_an_open_zombie_is_left(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 0);
    store_cursor(here, 2, 0);
    assert_int_equal(append_text(&appender, "one").segment, 2);
    assert_int_equal(segment_size(here, 1), AEP__SEGMENT_EMPTY_BYTES);
    aep__append_done(&appender);
}

static void test_a_stray_number_is_foreign(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    add_to_segment(here, 9, "garbage", 7);
    assert_int_equal(append_text(&appender, "one").segment, 1);
    assert_int_equal(aep__segment_create(&here->spool, 0xffff, 0), 0);
    assert_int_equal(aep__segment_create(&here->spool, UINT64_MAX, 0), 0);
    append_long(&appender, "two", L);
    assert_int_equal(append_text(&appender, "three").segment, 2);
    assert_all(here, "one two three");
    aep__append_done(&appender);
}

static void test_a_segment_that_was_removed_from_the_middle_is_noticed(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here), late;
    append_long(&appender, "one", L);
    append_long(&appender, "two", L);
    append_text(&appender, "three");
    remove_segment(here, 2);
    add_to_segment(here, 9, "garbage", 7);
    aep__append_init(&late, &here->spool, 0);
    assert_int_equal(append_long(&late, "four", L).segment, 2);
    assert_int_equal(append_text(&late, "five").segment, 3);
    assert_int_equal(late.gaps, 1);
    assert_int_equal(appender.gaps, 0);
    assert_all(here, "one four three five");
    aep__append_done(&late);
    aep__append_done(&appender);
}

static void test_a_stray_file_is_no_sign_of_a_removed_one(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    add_to_segment(here, 2, "garbage", 7);
    append_long(&appender, "one", L);
    append_text(&appender, "two");
    assert_int_equal(appender.gaps, 0);
    aep__append_done(&appender);
}

static void test_garbage_in_the_place_of_a_segment_is_sealed_and_passed(void **state)
{
    static const char zeros[1000];
    struct here *here = *state;
    struct aep__spool other = here->spool;
    struct aep__appender appender = begin_appending(here);
    other.uuid[5]++;
    add_to_segment(here, 1, "", 0);
    add_to_segment(here, 2, zeros, sizeof zeros);
    add_to_segment(here, 3, "some text", 9);
    assert_int_equal(aep__segment_create(&other, 4, 0), 0);
    add_whole(here, 4, "foreign");
    assert_int_equal(aep__segment_create(&here->spool, 5, 0), 0);
    cut_segment(here, 5, 20);
    assert_int_equal(append_text(&appender, "one").segment, 6);
    assert_int_equal(seal_of(here, 5), L);
    assert_all(here, "one");
    for (uint64_t number = 1; number < 6; number++)
        assert_int_equal(seal_of(here, number), L);
    aep__append_done(&appender);
}

static void test_a_symbolic_link_is_not_written_through(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    struct stat st;
    char target[128];
    aep_position position;
    snprintf(target, sizeof target, "%s/target", here->root);
    close(open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_int_equal(symlinkat(target, here->spool.dir_fd, "0000000000000001.seg"), 0);
    assert_int_equal(try_append(&appender, "x", 1, false, &position, &here->err), AEP_ESPOOL);
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_size, 0);
    aep__append_done(&appender);
}

/* ---- removed under us ---- */

static void test_after_its_segment_is_deleted_the_record_comes_again(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    remove_segment(here, 1);
    append_text(&appender, "two");
    assert_all(here, "two");
    remove_segment(here, 1);
    append_long(&appender, "three", L); /* crossing, so that it seals a file without a name */
    assert_all(here, "three");
    aep__append_done(&appender);
}

/* A removed file below the cursor was not necessarily retired: this one was never sealed. */
static void test_a_removed_segment_below_the_cursor_was_not_read(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    remove_segment(here, 1);
    store_cursor(here, 2, 0);
    assert_int_equal(append_text(&appender, "two").segment, 2);
    assert_all(here, "two");
    aep__append_done(&appender);
}

/* After the write, before the look: the segment is sealed early, read to its seal, retired. */
static bool retire_after_write(const struct fault_args *args, ssize_t *ret)
{
    (void)args, (void)ret;
    fault_hooks[CALL_STATX] = count_call;
    seal_early(hooked, 1, 0);
    retire_first(hooked);
    return false;
}

static void test_a_record_retired_at_once_counts_and_does_not_come_again(void **state)
{
    struct here *here = hooked = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    fault_hooks[CALL_STATX] = retire_after_write;
    aep_position position = append_text(&appender, "two");
    no_faults();
    assert_int_equal(position.segment, 1);
    assert_false(exists(here, "0000000000000001.seg"));
    assert_all(here, ""); /* it has been read: no second copy is waiting */
    assert_int_equal(append_text(&appender, "three").segment, 2);
    assert_all(here, "three");
    aep__append_done(&appender);
}

static void test_a_crossing_record_retired_at_once_counts_too(void **state)
{
    struct here *here = hooked = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    fault_hooks[CALL_STATX] = retire_after_write;
    aep_position position = append_long(&appender, "crossing", L);
    no_faults();
    assert_int_equal(position.segment, 1);
    assert_all(here, "");
    assert_int_equal(append_text(&appender, "three").segment, 2);
    aep__append_done(&appender);
}

static void test_a_deleted_folder_is_noticed_and_nothing_written(void **state)
{
    struct here *here = *state;
    aep_position position;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    assert_int_equal(nftw(here->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(try_append(&appender, "two", 3, false, &position, &here->err), AEP_ESPOOL);
    assert_non_null(strstr(here->err.text, "deleted"));
    struct aep__appender fresh = begin_appending(here);
    assert_int_equal(try_append(&fresh, "two", 3, false, &position, &here->err), AEP_ESPOOL);
    aep__append_done(&appender);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_who_slept_through_many_segments_goes_to_the_newest),
        HERE_TEST(test_who_slept_until_its_segment_was_retired_goes_to_the_newest),
        HERE_TEST(test_a_segment_made_anew_after_it_was_retired_is_left),
        HERE_TEST(test_an_open_zombie_is_left),
        HERE_TEST(test_a_stray_number_is_foreign),
        HERE_TEST(test_a_segment_that_was_removed_from_the_middle_is_noticed),
        HERE_TEST(test_a_stray_file_is_no_sign_of_a_removed_one),
        HERE_TEST(test_garbage_in_the_place_of_a_segment_is_sealed_and_passed),
        HERE_TEST(test_a_symbolic_link_is_not_written_through),
        HERE_TEST(test_after_its_segment_is_deleted_the_record_comes_again),
        HERE_TEST(test_a_removed_segment_below_the_cursor_was_not_read),
        HERE_TEST(test_a_record_retired_at_once_counts_and_does_not_come_again),
        HERE_TEST(test_a_crossing_record_retired_at_once_counts_too),
        HERE_TEST(test_a_deleted_folder_is_noticed_and_nothing_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Appending a record by one write, and seals (docs/SPOOL.md, Appending). test_append_*.c cover the
 * rest. */
#include "spool_fixture.h"

#include "base/clock.h"

#include "spool_faults.h"

static struct here *hooked; /* what hooks work on */

/* ---- one write ---- */

static void test_a_record_is_one_write_and_ends_where_append_says(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    fault_calls = 0;
    fault_hooks[CALL_WRITE] = count_call;
    aep_position position = append_text(&appender, "two");
    no_faults();
    assert_int_equal(fault_calls, 1);
    assert_int_equal(position.segment, 1);
    assert_int_equal(position.offset, segment_size(here, 1));
    assert_all(here, "one two");
    aep__append_done(&appender);
}

static bool write_twenty_bytes_once(const struct fault_args *args, ssize_t *ret)
{
    fault_hooks[CALL_WRITE] = count_call;
    *ret = syscall(SYS_write, args->fd, args->data, 20);
    return true;
}

static void test_a_short_write_is_garbage_and_the_record_comes_whole_again(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    fault_hooks[CALL_WRITE] = write_twenty_bytes_once;
    aep_position position = append_text(&appender, "two");
    no_faults();
    assert_int_equal(position.offset, segment_size(here, 1));
    begin_reading(here, &reader, 1, 0, false);
    expect_next(&reader, "one");
    expect_next(&reader, "two");
    expect_next(&reader, "(wait)");
    assert_int_equal(reader.skipped_bytes, 20);
    aep__reader_done(&reader);
    aep__append_done(&appender);
}

/* A disk with room for 20,000 bytes; punching a hole frees nothing. */
static bool disk_takes_one_part(const struct fault_args *args, ssize_t *ret)
{
    if (fault_calls++ > 0)
        return fails_with(ENOSPC, ret);
    *ret = syscall(SYS_write, args->fd, args->data, 20000);
    return true;
}

static void test_a_record_without_room_leaves_none_of_its_bytes_on_a_full_disk(void **state)
{
    struct here *here = *state;
    here->spool.segment_bytes = 16 * L;
    struct aep__appender appender = begin_appending(here);
    aep_position position = append_text(&appender, "one");
    static char large[30000];
    memset(large, 'x', sizeof large);
    fault_calls = 0;
    fault_hooks[CALL_WRITE] = disk_takes_one_part;
    assert_int_equal(try_append(&appender, large, sizeof large, false, &position, &here->err),
                     AEP_EFULL);
    no_faults();
    append_text(&appender, "two");
    assert_all(here, "one two");
    char data[20000];
    size_t xs = 0;
    int fd = aep__segment_open(&here->spool, 1, false, NULL);
    assert_int_equal(pread(fd, data, sizeof data, (off_t)position.offset), sizeof data);
    close(fd);
    for (size_t i = 0; i < sizeof data; i++)
        xs += data[i] == 'x';
    assert_true(xs < 2 * 4096); /* no more than the blocks at its edges */
    aep__append_done(&appender);
}

static void test_a_full_disk_is_not_asked_at_once_for_what_it_took_only_a_part_of(void **state)
{
    struct here *here = *state;
    here->spool.segment_bytes = 16 * L;
    struct aep__appender appender = begin_appending(here);
    aep_position position;
    static char large[30000];
    append_text(&appender, "one");
    fault_calls = 0;
    fault_hooks[CALL_WRITE] = disk_takes_one_part;
    assert_int_equal(try_append(&appender, large, sizeof large, false, &position, &here->err),
                     AEP_EFULL);
    int asked = fault_calls;
    assert_int_equal(try_append(&appender, large, sizeof large, false, &position, &here->err),
                     AEP_EFULL);
    assert_int_equal(fault_calls, asked);
    no_faults();
    append_text(&appender, "smaller");
    int64_t deadline_us = aep__clock_mono_us() + 60000000;
    while (try_append(&appender, large, sizeof large, false, &position, &here->err) != AEP_OK)
        assert_true(aep__clock_mono_us() < deadline_us);
    aep__append_done(&appender);
}

static int punches;

/* A record is torn in a segment that is sealed meanwhile; the disk has no room for the next one. */
static bool torn_then_sealed_then_full(const struct fault_args *args, ssize_t *ret)
{
    if (args->len < 20000) /* headers, seals */
        return false;
    switch (fault_calls++) {
    case 0:
        *ret = syscall(SYS_write, args->fd, args->data, 20000);
        return true;
    case 1:
        seal_early(hooked, 1, 0);
        return false;
    default:
        return fails_with(ENOSPC, ret);
    }
}

static bool count_punches(const struct fault_args *args, ssize_t *ret)
{
    (void)ret;
    punches += (args->mode & FALLOC_FL_PUNCH_HOLE) != 0;
    return false;
}

static void test_nothing_is_erased_in_another_segment_than_the_torn_records(void **state)
{
    struct here *here = hooked = *state;
    here->spool.segment_bytes = 16 * L;
    struct aep__appender appender = begin_appending(here);
    aep_position position;
    append_text(&appender, "one");
    static char large[30000];
    memset(large, 'x', sizeof large);
    fault_calls = punches = 0;
    fault_hooks[CALL_WRITE] = torn_then_sealed_then_full;
    fault_hooks[CALL_FALLOCATE] = count_punches;
    assert_int_equal(try_append(&appender, large, sizeof large, false, &position, &here->err),
                     AEP_EFULL);
    no_faults();
    assert_int_equal(fault_calls, 3);
    assert_int_equal(punches, 0);
    append_text(&appender, "two");
    assert_all(here, "one two");
    aep__append_done(&appender);
}

static bool interrupt_once(const struct fault_args *args, ssize_t *ret)
{
    (void)args;
    fault_hooks[CALL_WRITE] = count_call;
    return fails_with(EINTR, ret);
}

static void test_an_interrupted_write_is_begun_again(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    fault_hooks[CALL_WRITE] = interrupt_once;
    append_text(&appender, "two");
    no_faults();
    assert_all(here, "one two");
    aep__append_done(&appender);
}

/* ---- seals ---- */

static void test_what_crosses_the_limit_counts_and_seals(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    aep_position crossing = append_long(&appender, "crossing", L);
    assert_int_equal(crossing.segment, 1);
    assert_int_equal(seal_of(here, 1), crossing.offset);
    assert_int_equal(append_text(&appender, "next").segment, 2);
    assert_all(here, "one crossing next");
    aep__append_done(&appender);
}

static void test_the_limit_itself_is_where_a_record_crosses(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    size_t overhead = (size_t)append_text(&appender, "x").offset - AEP__SEGMENT_EMPTY_BYTES - 1;
    size_t room = L - (size_t)segment_size(here, 1) - overhead;
    assert_int_equal(append_long(&appender, "below", room - overhead - 2).offset, L - 2 - overhead);
    assert_int_equal(seal_of(here, 1), -1);
    assert_int_equal(append_long(&appender, "a", 2).offset, L); /* not below L */
    assert_int_equal(seal_of(here, 1), L);
    assert_all(here, "x below a");
    aep__append_done(&appender);
}

static void test_a_record_behind_a_seal_goes_into_the_next_segment(void **state)
{
    struct here *here = *state;
    struct aep__appender late = begin_appending(here), other = begin_appending(here);
    append_text(&late, "early");
    append_long(&other, "crossing", L);
    aep_position position = append_text(&late, "late");
    assert_int_equal(position.segment, 2);
    assert_int_equal(position.offset, segment_size(here, 2));
    assert_all(here, "early crossing late");
    aep__append_done(&late);
    aep__append_done(&other);
}

static bool no_space_for_seals(const struct fault_args *args, ssize_t *ret)
{
    return args->len == AEP__RECORD_HEAD && fails_with(ENOSPC, ret);
}

/* The writer that crossed was killed, or had no space, before its seal. */
static void test_beyond_the_limit_but_before_any_seal_counts_and_seals(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    fault_hooks[CALL_WRITE] = no_space_for_seals;
    append_long(&appender, "crossing", L);
    assert_int_equal(seal_of(here, 1), -1);
    append_text(&appender, "second");
    no_faults();
    aep_position third = append_text(&appender, "third");
    assert_int_equal(third.segment, 1);
    assert_int_equal(seal_of(here, 1), third.offset);
    assert_int_equal(append_text(&appender, "fourth").segment, 2);
    assert_all(here, "crossing second third fourth");
    aep__append_done(&appender);
}

static void test_after_an_early_seal_records_go_into_the_next_segment(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    seal_early(here, 1, 0);
    assert_int_equal(append_text(&appender, "two").segment, 2);
    assert_all(here, "one two");
    aep__append_done(&appender);
}

static bool seal_before_write(const struct fault_args *args, ssize_t *ret)
{
    (void)args, (void)ret;
    seal_early(hooked, 1, 0);
    fault_hooks[CALL_WRITE] = count_call;
    return false;
}

static bool extend_before_write(const struct fault_args *args, ssize_t *ret)
{
    (void)ret;
    fault_hooks[CALL_WRITE] = count_call;
    syscall(SYS_fallocate, args->fd, 0, 0L, (long)L);
    return false;
}

static void test_an_append_between_an_early_seals_two_steps_counts(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    fault_hooks[CALL_WRITE] = extend_before_write;
    assert_int_equal(append_text(&appender, "two").segment, 1);
    no_faults();
    assert_int_equal(append_text(&appender, "three").segment, 2);
    assert_all(here, "one two three");
    aep__append_done(&appender);
}

static void test_an_append_under_way_behind_an_early_seal_comes_again(void **state)
{
    struct here *here = hooked = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    fault_hooks[CALL_WRITE] = seal_before_write;
    assert_int_equal(append_text(&appender, "two").segment, 2);
    no_faults();
    assert_all(here, "one two");
    aep__append_done(&appender);
}

static void test_what_cannot_be_judged_is_not_accepted(void **state)
{
    struct here *here = *state;
    aep_position position = {0};
    struct aep__appender appender = begin_appending(here), other = begin_appending(here);
    append_text(&appender, "one");
    append_long(&other, "crossing", L);
    fault_hooks[CALL_PREAD] = io_error; /* is there a seal? */
    assert_int_equal(try_append(&appender, "two", 3, false, &position, &here->err), AEP_EIO);
    assert_int_equal(position.segment, 0);
    no_faults();
    assert_int_equal(append_text(&appender, "two").segment, 2);
    assert_all(here, "one crossing two");
    aep__append_done(&appender);
    aep__append_done(&other);
}

/* ---- the tail ---- */

static void test_the_tail_is_behind_everything_accepted(void **state)
{
    struct here *here = *state;
    aep_position tail, last;
    struct aep__appender appender = begin_appending(here), other = begin_appending(here);
    assert_int_equal(aep__append_tail(&other, &tail, &here->err), AEP_OK);
    assert_int_equal(tail.segment, 1);
    assert_int_equal(tail.offset, 0);
    append_long(&appender, "one", L);
    last = append_text(&appender, "two");
    assert_int_equal(aep__append_tail(&other, &tail, &here->err), AEP_OK);
    assert_int_equal(tail.segment, last.segment);
    assert_int_equal(tail.offset, last.offset);
    store_cursor(here, 9, 0); /* all is retired */
    assert_int_equal(aep__append_tail(&other, &tail, &here->err), AEP_OK);
    assert_int_equal(tail.segment, 9);
    aep__append_done(&appender);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_a_record_is_one_write_and_ends_where_append_says),
        HERE_TEST(test_a_short_write_is_garbage_and_the_record_comes_whole_again),
        HERE_TEST(test_a_record_without_room_leaves_none_of_its_bytes_on_a_full_disk),
        HERE_TEST(test_a_full_disk_is_not_asked_at_once_for_what_it_took_only_a_part_of),
        HERE_TEST(test_nothing_is_erased_in_another_segment_than_the_torn_records),
        HERE_TEST(test_an_interrupted_write_is_begun_again),
        HERE_TEST(test_what_crosses_the_limit_counts_and_seals),
        HERE_TEST(test_the_limit_itself_is_where_a_record_crosses),
        HERE_TEST(test_a_record_behind_a_seal_goes_into_the_next_segment),
        HERE_TEST(test_beyond_the_limit_but_before_any_seal_counts_and_seals),
        HERE_TEST(test_after_an_early_seal_records_go_into_the_next_segment),
        HERE_TEST(test_an_append_between_an_early_seals_two_steps_counts),
        HERE_TEST(test_an_append_under_way_behind_an_early_seal_comes_again),
        HERE_TEST(test_what_cannot_be_judged_is_not_accepted),
        HERE_TEST(test_the_tail_is_behind_everything_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

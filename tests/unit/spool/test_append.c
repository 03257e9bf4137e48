/* SPDX-License-Identifier: Apache-2.0 */
/* Where a record goes: the rules of the spool's protocol, by their numbers. */
#include "spool_fixture.h"

#include "base/clock.h"
#include "spool/bell.h"
#include "spool/boot.h"

#include "spool_faults.h"

#define CROSSING (L - 60) /* bytes of text that bring an empty segment beyond L */

/* What hooks work on. */
static struct here *hooked;
static uint64_t hook_number;
static int hook_calls;

/* ---- 1: one write ---- */

static bool count_call(const struct fault_args *args, ssize_t *ret)
{
    (void)args, (void)ret;
    hook_calls++;
    return false;
}

static void test_a_record_is_one_write_and_ends_where_append_says(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    hook_calls = 0;
    fault_hooks[CALL_WRITE] = count_call;
    aep_position position = append_text(&appender, "two");
    no_faults();
    assert_int_equal(hook_calls, 1);
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

/* A disk with room for 20,000 bytes, to which a punched hole adds nothing. */
static bool disk_takes_one_part(const struct fault_args *args, ssize_t *ret)
{
    if (hook_calls++ > 0)
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
    hook_calls = 0;
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
    hook_calls = 0;
    fault_hooks[CALL_WRITE] = disk_takes_one_part;
    assert_int_equal(try_append(&appender, large, sizeof large, false, &position, &here->err),
                     AEP_EFULL);
    int asked = hook_calls;
    assert_int_equal(try_append(&appender, large, sizeof large, false, &position, &here->err),
                     AEP_EFULL);
    assert_int_equal(hook_calls, asked);
    no_faults();
    append_text(&appender, "smaller");
    int64_t deadline_us = aep__clock_mono_us() + 60000000;
    while (try_append(&appender, large, sizeof large, false, &position, &here->err) != AEP_OK)
        assert_true(aep__clock_mono_us() < deadline_us);
    aep__append_done(&appender);
}

static struct here *sealing;
static int punches;

/* A record is torn in a segment that somebody seals meanwhile; the disk has no room in the next. */
static bool torn_then_sealed_then_full(const struct fault_args *args, ssize_t *ret)
{
    if (args->len < 20000) /* headers, seals */
        return false;
    switch (hook_calls++) {
    case 0:
        *ret = syscall(SYS_write, args->fd, args->data, 20000);
        return true;
    case 1:
        seal_early(sealing, 1, 0);
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
    struct here *here = sealing = *state;
    here->spool.segment_bytes = 16 * L;
    struct aep__appender appender = begin_appending(here);
    aep_position position;
    append_text(&appender, "one");
    static char large[30000];
    memset(large, 'x', sizeof large);
    hook_calls = punches = 0;
    fault_hooks[CALL_WRITE] = torn_then_sealed_then_full;
    fault_hooks[CALL_FALLOCATE] = count_punches;
    assert_int_equal(try_append(&appender, large, sizeof large, false, &position, &here->err),
                     AEP_EFULL);
    no_faults();
    assert_int_equal(hook_calls, 3);
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

/* ---- 2: seals ---- */

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

/* ---- 3: opening ---- */

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
    append_long(&appender, "three", L); /* crossing, so that it seals what nobody can see */
    assert_all(here, "three");
    aep__append_done(&appender);
}

/* The cursor being beyond it does not make a removed file a retired one: it was never sealed. */
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
    assert_all(here, ""); /* it has been read: no second copy waits */
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

/* ---- 6: fork ---- */

static void test_parent_and_child_append_with_descriptors_of_their_own(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    char expected[64], got[8192];
    int finished = 0;
    append_text(&appender, "begin");
    pid_t child = fork();
    if (child == 0)
        aep__append_forked(&appender);
    for (int i = 0; i < 300; i++) {
        snprintf(expected, sizeof expected, "%s%d", child ? "p" : "c", i);
        aep_position position = append_text(&appender, expected);
        struct aep__reader reader; /* the position is where this very record ends */
        struct aep__buf record = {0};
        encode_text(&record, expected, strlen(expected));
        begin_reading(here, &reader, position.segment, position.offset - record.len, false);
        finished += strcmp(next_of(&reader), expected) == 0;
        aep__reader_done(&reader);
        aep__buf_done(&record);
    }
    if (child == 0)
        _exit(finished == 300 ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(finished, 300);
    snprintf(got, sizeof got, "%s", all_from(here, 1, 0));
    int words = 1;
    for (const char *at = got; (at = strchr(at, ' ')); at++)
        words++;
    assert_int_equal(words, 601);
    aep__append_done(&appender);
}

static int to_parent[2], to_child[2];

/* In the child, between its write and the look at where that ended: the parent appends. */
static bool let_the_parent_append(const struct fault_args *args, ssize_t *ret)
{
    char byte = 'x';
    (void)args, (void)ret;
    fault_hooks[CALL_STATX] = count_call;
    if (syscall(SYS_write, to_parent[1], &byte, 1) != 1 || read(to_child[0], &byte, 1) != 1)
        _exit(3);
    return false;
}

static void test_a_parents_append_does_not_move_the_childs_position(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    char byte;
    append_text(&appender, "one");
    assert_true(pipe(to_parent) == 0 && pipe(to_child) == 0);
    pid_t child = fork();
    if (child == 0) {
        aep__append_forked(&appender);
        append_text(&appender, "two");
        fault_hooks[CALL_STATX] = let_the_parent_append;
        uint64_t before = (uint64_t)segment_size(here, 1);
        struct aep__buf record = {0};
        encode_text(&record, "child", 5);
        _exit(append_text(&appender, "child").offset == before + record.len ? 0 : 1);
    }
    assert_int_equal(read(to_parent[0], &byte, 1), 1);
    append_text(&appender, "parent");
    assert_int_equal(write(to_child[1], &byte, 1), 1);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_all(here, "one two child parent");
    aep__append_done(&appender);
}

/* ---- 7: another boot ---- */

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
    /* One has ended, another comes. */
    aep__append_done(&appenders[0]);
    assert_int_equal(append_text(&appenders[0], "x").segment, 1);
    aep__append_done(&appenders[0]);
    aep__append_done(&appenders[1]);
    /* All have: nobody knows any more. */
    assert_int_equal(append_text(&appenders[1], "x").segment, 2);
    aep__append_done(&appenders[1]);
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

/* Without the extension there must be no seal; going on is safe all the same, since nobody of this
 * boot writes there. */
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
        HERE_TEST(test_parent_and_child_append_with_descriptors_of_their_own),
        HERE_TEST(test_a_parents_append_does_not_move_the_childs_position),
        HERE_TEST(test_a_segment_of_another_boot_is_sealed_and_left),
        HERE_TEST(test_records_never_land_below_a_cursor_beyond_the_end),
        HERE_TEST(test_a_segment_lost_with_the_power_comes_back_sealed_behind_the_cursor),
        HERE_TEST(test_containers_with_boot_ids_of_their_own_share_a_segment),
        HERE_TEST(test_while_a_relay_lives_its_boot_id_is_everybodys),
        HERE_TEST(test_a_segment_of_this_boot_but_shorter_than_the_cursor_takes_no_more),
        HERE_TEST(test_where_an_old_segment_cannot_be_extended_it_is_left_unsealed),
        HERE_TEST(test_the_tail_is_behind_everything_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_fixture.h"

#include "spool_faults.h"

#include <signal.h>
#include <time.h>

#define BLOCK 4096

/* Corrupts one byte of a slot, as a write cut off by a power failure does. */
static void tear_slot(const struct here *here, int slot)
{
    char byte;
    int fd = openat(here->spool.dir_fd, "cursor", O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, &byte, 1, slot * BLOCK + 20), 1);
    byte++;
    assert_int_equal(pwrite(fd, &byte, 1, slot * BLOCK + 20), 1);
    close(fd);
}

static void assert_cursor(struct here *here, uint64_t segment, uint64_t offset)
{
    load_cursor(here);
    assert_int_equal(here->cursor.segment, segment);
    assert_int_equal(here->cursor.offset, offset);
}

static void test_a_new_spool_begins_at_segment_one(void **state)
{
    struct here *here = *state;
    assert_cursor(here, 1, 0);
    assert_int_equal(here->cursor.ordinal, 0);
}

/* The disk may be full when the first relay starts. */
static void test_a_new_spool_has_its_cursor_whole(void **state)
{
    struct here *here = *state;
    assert_int_equal(size_of(here, "cursor"), 2 * BLOCK);
}

static void test_looking_for_one_makes_none(void **state)
{
    struct here *here = *state;
    assert_int_equal(unlinkat(here->spool.dir_fd, "cursor", 0), 0);
    assert_cursor(here, 1, 0);
    assert_false(exists(here, "cursor"));
}

static void test_what_is_stored_is_loaded(void **state)
{
    struct here *here = *state;
    here->cursor_fd = aep__cursor_open(&here->spool);
    struct aep__cursor cursor = {.segment = 7, .offset = 1234, .ordinal = UINT64_MAX - 1};
    assert_int_equal(aep__cursor_store(&here->spool, here->cursor_fd, &cursor, true), 0);
    assert_cursor(here, 7, 1234);
    assert_true(here->cursor.ordinal == UINT64_MAX - 1);
    assert_memory_equal(here->cursor.boot, here->spool.boot, 16);
}

static void test_it_tells_the_boot_that_it_was_written_in(void **state)
{
    struct here *here = *state;
    store_cursor(here, 1, 100);
    uint8_t before[16];
    memcpy(before, here->spool.boot, 16);
    reboot(here);
    load_cursor(here);
    assert_memory_equal(here->cursor.boot, before, 16);
    store_cursor(here, 1, 200);
    load_cursor(here);
    assert_memory_equal(here->cursor.boot, here->spool.boot, 16);
}

static void test_slots_in_separate_blocks_are_written_in_turn(void **state)
{
    struct here *here = *state;
    char before[2 * BLOCK], after[2 * BLOCK];
    store_cursor(here, 1, 1);
    assert_int_equal(size_of(here, "cursor"), 2 * BLOCK);
    int changed_last = -1;
    for (uint64_t i = 2; i < 6; i++) {
        assert_int_equal(pread(here->cursor_fd, before, sizeof before, 0), sizeof before);
        store_cursor(here, 1, i);
        assert_int_equal(pread(here->cursor_fd, after, sizeof after, 0), sizeof after);
        int changed = memcmp(before, after, BLOCK) != 0 ? 0 : 1;
        assert_memory_equal(before + BLOCK * !changed, after + BLOCK * !changed, BLOCK);
        assert_int_not_equal(changed, changed_last);
        changed_last = changed;
    }
}

static void test_of_a_torn_slot_and_a_whole_one_the_whole_counts(void **state)
{
    struct here *here = *state;
    for (uint64_t i = 1; i <= 4; i++) {
        store_cursor(here, 1, i * 10);
        tear_slot(here, (int)(here->cursor.generation % 2)); /* the newest */
        assert_cursor(here, 1, i == 1 ? 0 : (i - 1) * 10 + 5);
        store_cursor(here, 1, i * 10 + 5);
        assert_cursor(here, 1, i * 10 + 5);
    }
}

static void test_with_both_slots_torn_it_says_so(void **state)
{
    struct here *here = *state;
    store_cursor(here, 3, 10);
    tear_slot(here, 0);
    tear_slot(here, 1);
    assert_int_equal(aep__cursor_load(&here->spool, &here->cursor, &here->err), AEP_ESPOOL);
    assert_non_null(strstr(here->err.text, "damaged"));
}

static void test_an_empty_or_foreign_file_is_damaged_too(void **state)
{
    struct here *here = *state;
    assert_int_equal(unlinkat(here->spool.dir_fd, "cursor", 0), 0);
    add_to_file(here, "cursor", "", 0);
    assert_int_equal(aep__cursor_load(&here->spool, &here->cursor, &here->err), AEP_ESPOOL);
    add_to_file(here, "cursor", "hello", 5);
    assert_int_equal(aep__cursor_load(&here->spool, &here->cursor, &here->err), AEP_ESPOOL);
}

/* The older slot stays intact, so that a second failure cannot corrupt both. */
static bool write_half(const struct fault_args *args, ssize_t *ret)
{
    *ret = syscall(SYS_pwrite64, args->fd, "half", 4, args->offset);
    return true;
}

static void test_a_store_that_fails_changes_nothing(void **state)
{
    struct here *here = *state;
    store_cursor(here, 1, 10);
    struct aep__cursor cursor = here->cursor;
    cursor.offset = 20;
    fault_hooks[CALL_PWRITE] = no_space;
    assert_int_equal(aep__cursor_store(&here->spool, here->cursor_fd, &cursor, true), -1);
    assert_int_equal(errno, ENOSPC);
    fault_hooks[CALL_PWRITE] = write_half;
    assert_int_equal(aep__cursor_store(&here->spool, here->cursor_fd, &cursor, true), -1);
    assert_int_equal(errno, ENOSPC);
    no_faults();
    assert_int_equal(cursor.generation, here->cursor.generation);
    fault_hooks[CALL_FDATASYNC] = io_error;
    assert_int_equal(aep__cursor_store(&here->spool, here->cursor_fd, &cursor, true), -1);
    assert_int_equal(errno, EIO);
    no_faults();
    assert_int_equal(aep__cursor_store(&here->spool, here->cursor_fd, &cursor, true), 0);
    assert_cursor(here, 1, 20);
}

static void test_a_removed_file_is_noticed_when_stored(void **state)
{
    struct here *here = *state;
    store_cursor(here, 1, 10);
    assert_int_equal(unlinkat(here->spool.dir_fd, "cursor", 0), 0);
    assert_int_equal(aep__cursor_store(&here->spool, here->cursor_fd, &here->cursor, false), -1);
    assert_int_equal(errno, ESTALE);
}

static void test_a_symbolic_link_is_not_followed(void **state)
{
    struct here *here = *state;
    assert_int_equal(unlinkat(here->spool.dir_fd, "cursor", 0), 0);
    assert_int_equal(symlinkat("spool.id", here->spool.dir_fd, "cursor"), 0);
    assert_int_equal(aep__cursor_load(&here->spool, &here->cursor, &here->err), AEP_ESPOOL);
    assert_int_equal(aep__cursor_open(&here->spool), -1);
}

/* The error message advises moving a damaged cursor away: the remaining records are then sent
 * again. */
static void test_without_a_cursor_the_lowest_segment_of_ours_is_first(void **state)
{
    struct here *here = *state;
    struct aep__spool other = here->spool;
    other.uuid[0]++;
    assert_int_equal(unlinkat(here->spool.dir_fd, "cursor", 0), 0);
    assert_int_equal(aep__segment_create(&other, 5, 0), 0); /* somebody else's */
    add_to_segment(here, 6, "garbage", 7);
    assert_cursor(here, 1, 0);
    assert_int_equal(aep__segment_create(&here->spool, 58, 0), 0);
    assert_int_equal(aep__segment_create(&here->spool, 57, 0), 0);
    assert_cursor(here, 57, 0);
    here->cursor_fd = aep__cursor_open(&here->spool);
    assert_cursor(here, 57, 0);
    remove_segment(here, 57);
    assert_cursor(here, 57, 0); /* now it is written down */
}

static void test_segment_one_is_first_where_it_is_there(void **state)
{
    struct here *here = *state;
    assert_int_equal(unlinkat(here->spool.dir_fd, "cursor", 0), 0);
    add_to_segment(here, 1, "", 0);
    assert_int_equal(aep__segment_create(&here->spool, 2, 0), 0);
    assert_cursor(here, 1, 0);
}

/* Ordinals already used must not be given to other events. */
static void test_a_cursor_made_anew_begins_beyond_all_ordinals(void **state)
{
    struct here *here = *state;
    store_cursor(here, 1, 10);
    uint64_t given = UINT64_C(100000) << 32; /* as many boots, then events */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(unlinkat(here->spool.dir_fd, "cursor", 0), 0);
        close(here->cursor_fd);
        here->cursor_fd = aep__cursor_open(&here->spool);
        load_cursor(here);
        assert_true(here->cursor.ordinal > given);
        assert_true(here->cursor.ordinal < INT64_MAX);
        given = here->cursor.ordinal;
    }
}

/* A relay stores as fast as it can; readers see whole cursors that never go back. */
static void test_readers_beside_a_writer_never_see_it_go_back(void **state)
{
    struct here *here = *state;
    store_cursor(here, 1, 3);
    pid_t writer = fork();
    if (writer == 0)
        for (uint64_t i = 2;; i++) {
            here->cursor.segment = i;
            here->cursor.offset = i * 3;
            if (aep__cursor_store(&here->spool, here->cursor_fd, &here->cursor, false) < 0)
                _exit(1);
        }
    uint64_t last = 1;
    time_t end = time(NULL) + 60; /* on a busy machine the writer may not run for a while */
    for (int i = 0; i < 20000 || (last == 1 && time(NULL) < end); i++) {
        load_cursor(here);
        assert_true(here->cursor.segment >= last);
        assert_true(here->cursor.offset == here->cursor.segment * 3);
        last = here->cursor.segment;
    }
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    assert_true(last > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_a_new_spool_begins_at_segment_one),
        HERE_TEST(test_a_new_spool_has_its_cursor_whole),
        HERE_TEST(test_looking_for_one_makes_none),
        HERE_TEST(test_what_is_stored_is_loaded),
        HERE_TEST(test_it_tells_the_boot_that_it_was_written_in),
        HERE_TEST(test_slots_in_separate_blocks_are_written_in_turn),
        HERE_TEST(test_of_a_torn_slot_and_a_whole_one_the_whole_counts),
        HERE_TEST(test_with_both_slots_torn_it_says_so),
        HERE_TEST(test_an_empty_or_foreign_file_is_damaged_too),
        HERE_TEST(test_a_store_that_fails_changes_nothing),
        HERE_TEST(test_a_removed_file_is_noticed_when_stored),
        HERE_TEST(test_a_symbolic_link_is_not_followed),
        HERE_TEST(test_without_a_cursor_the_lowest_segment_of_ours_is_first),
        HERE_TEST(test_segment_one_is_first_where_it_is_there),
        HERE_TEST(test_a_cursor_made_anew_begins_beyond_all_ordinals),
        HERE_TEST(test_readers_beside_a_writer_never_see_it_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_fixture.h"

#include "spool_faults.h"

#include <time.h>

/* Three events in two segments, the first of them sealed; the cursor inside the first. */
static struct aep__appender begin_sealed(struct here *here)
{
    struct aep__appender appender;
    aep__append_init(&appender, &here->spool, 0);
    append_text(&appender, "one");
    append_long(&appender, "two", L);
    store_cursor(here, 1, 100);
    return appender;
}

static ino_t inode_of(const struct here *here, const char *name)
{
    struct stat st;
    assert_int_equal(fstatat(here->spool.dir_fd, name, &st, 0), 0);
    return st.st_ino;
}

static int retire(struct here *here)
{
    return retire_inode(here, inode_of(here, "0000000000000001.seg"));
}

/* ---- the order ---- */

static char trace[1024];
static int calls_left; /* until the process is interrupted; -1: never */

static bool note_call(const struct fault_args *args, ssize_t *ret)
{
    static const char *const words[CALL_COUNT] = {[CALL_PWRITE] = "cursor",
                                                  [CALL_FSYNC] = "folder",
                                                  [CALL_FDATASYNC] = "durable",
                                                  [CALL_LINK] = "made",
                                                  [CALL_UNLINK] = "removed"};
    (void)ret;
    if (calls_left == 0)
        _exit(77);
    calls_left -= calls_left > 0;
    if (args->name && strncmp(args->name, AEP__SPOOL_TEMP, 4) == 0)
        return false;
    size_t len = strlen(trace);
    snprintf(trace + len, sizeof trace - len, "%s%s%s%s", len ? " " : "", words[args->call],
             args->name ? "-" : "", args->name ? args->name + 15 : "");
    return false;
}

static void note_calls(void)
{
    static const enum fault_call calls[] = {CALL_PWRITE, CALL_FSYNC, CALL_FDATASYNC, CALL_LINK,
                                            CALL_UNLINK};
    trace[0] = '\0';
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        fault_hooks[calls[i]] = note_call;
}

static void test_each_step_is_done_before_the_next(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_sealed(here);
    calls_left = -1;
    note_calls();
    assert_int_equal(retire(here), 0);
    no_faults();
    assert_string_equal(trace, "made-2.seg cursor folder durable removed-1.seg");
    assert_false(exists(here, "0000000000000001.seg"));
    assert_true(exists(here, "0000000000000002.seg"));
    assert_int_equal(here->cursor.segment, 2);
    assert_int_equal(here->cursor.offset, 0);
    load_cursor(here);
    assert_int_equal(here->cursor.segment, 2);
    aep__append_done(&appender);
}

/* Interrupted before any step, it leaves a spool that works: finished records stay finished, the
 * others are read. */
static void test_a_kill_between_any_two_steps_loses_and_repeats_nothing(void **state)
{
    struct here *here = *state;
    for (int steps = 0, status = -1; status != 0; steps++) {
        struct aep__appender appender;
        aep__append_init(&appender, &here->spool, 0);
        append_text(&appender, "one");
        aep_position two = append_long(&appender, "two", L);
        store_cursor(here, two.segment, two.offset);
        char name[AEP__SEGMENT_NAME_SIZE];
        aep__segment_name(two.segment, name);
        ino_t inode = inode_of(here, name);
        pid_t child = fork();
        if (child == 0) {
            calls_left = steps;
            note_calls();
            _exit(retire_inode(here, inode) ? 1 : 0);
        }
        waitpid(child, &status, 0);
        assert_true(status == 0 || WEXITSTATUS(status) == 77);
        load_cursor(here);
        aep__retire_sweep(&here->spool, here->cursor_fd, &here->cursor);
        append_text(&appender, "three");
        assert_string_equal(all_from(here, here->cursor.segment, here->cursor.offset), "three");
        aep__append_done(&appender);
        uint64_t newest = aep__segment_last(&here->spool, here->cursor.segment);
        store_cursor(here, newest + 1, 0); /* a clean spool for the next round */
        aep__retire_sweep(&here->spool, here->cursor_fd, &here->cursor);
        assert_true(steps < 20);
    }
}

/* Until the cursor has moved, nothing has changed; after that, nothing is removed that a power cut
 * could bring back. */
static void test_a_step_that_fails_ends_it(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_sealed(here);
    static const struct {
        enum fault_call call;
        uint64_t segment; /* of the cursor, then */
    } steps[] = {{CALL_LINK, 1}, {CALL_PWRITE, 1}, {CALL_FSYNC, 2}, {CALL_FDATASYNC, 2}};
    for (size_t i = 0; i < 4; i++) {
        store_cursor(here, 1, 100);
        fault_hooks[steps[i].call] = no_space;
        assert_int_equal(retire(here), -1);
        assert_int_equal(errno, ENOSPC);
        no_faults();
        assert_int_equal(here->cursor.segment, steps[i].segment);
        assert_true(exists(here, "0000000000000001.seg"));
    }
    assert_int_equal(aep__retire_remove(&here->spool, here->cursor_fd, 1, 2), 0);
    assert_false(exists(here, "0000000000000001.seg"));
    aep__append_done(&appender);
}

/* ---- only what was read ---- */

static void test_another_file_under_the_name_is_not_removed(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_sealed(here);
    ino_t read = inode_of(here, "0000000000000001.seg");
    add_to_file(here, "other", "x", 1); /* there at the same time: another inode */
    assert_int_equal(
        renameat(here->spool.dir_fd, "other", here->spool.dir_fd, "0000000000000001.seg"), 0);
    assert_int_equal(retire_inode(here, read), -1);
    assert_int_equal(errno, EBUSY);
    assert_true(exists(here, "0000000000000001.seg"));
    assert_int_equal(here->cursor.segment, 1);
    aep__append_done(&appender);
}

static void test_a_segment_that_is_gone_already_is_retired(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_sealed(here);
    ino_t read = inode_of(here, "0000000000000001.seg");
    remove_segment(here, 1);
    assert_int_equal(retire_inode(here, read), 0);
    assert_int_equal(here->cursor.segment, 2);
    aep__append_done(&appender);
}

static void test_a_successor_that_is_there_is_kept(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_sealed(here);
    append_text(&appender, "three");
    assert_int_equal(retire(here), 0);
    assert_string_equal(all_from(here, 2, 0), "three");
    aep__append_done(&appender);
}

/* ---- sweeping ---- */

static void test_sweeping_removes_what_is_below_the_cursor_only(void **state)
{
    struct here *here = *state;
    for (uint64_t number = 1; number <= 6; number++)
        assert_int_equal(aep__segment_create(&here->spool, number, 0), 0);
    add_to_file(here, "0000000000000001.seg.bak", "x", 1);
    store_cursor(here, 4, 0);
    assert_int_equal(aep__retire_sweep(&here->spool, here->cursor_fd, &here->cursor), 3);
    for (uint64_t number = 1; number <= 6; number++)
        assert_int_equal(aep__segment_exists(&here->spool, number), number >= 4);
    assert_true(exists(here, "0000000000000001.seg.bak"));
    assert_true(exists(here, "spool.id"));
    assert_true(exists(here, "cursor"));
}

static void test_sweeping_waits_for_a_cursor_that_lasts(void **state)
{
    struct here *here = *state;
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 0);
    store_cursor(here, 2, 0);
    fault_hooks[CALL_FDATASYNC] = no_space;
    assert_int_equal(aep__retire_sweep(&here->spool, here->cursor_fd, &here->cursor), 0);
    no_faults();
    assert_int_equal(aep__retire_sweep(&here->spool, here->cursor_fd, &here->cursor), 1);
}

static void test_sweeping_removes_old_temporary_files(void **state)
{
    struct here *here = *state;
    const struct timespec old[2] = {{.tv_sec = time(NULL) - 3700}, {.tv_sec = time(NULL) - 3700}};
    add_to_file(here, AEP__SPOOL_TEMP "1.old", "x", 1);
    add_to_file(here, AEP__SPOOL_TEMP "1.new", "x", 1);
    add_to_file(here, "an.old.file", "x", 1);
    assert_int_equal(utimensat(here->spool.dir_fd, AEP__SPOOL_TEMP "1.old", old, 0), 0);
    assert_int_equal(utimensat(here->spool.dir_fd, "an.old.file", old, 0), 0);
    store_cursor(here, 1, 0);
    assert_int_equal(aep__retire_sweep(&here->spool, here->cursor_fd, &here->cursor), 1);
    assert_false(exists(here, AEP__SPOOL_TEMP "1.old"));
    assert_true(exists(here, AEP__SPOOL_TEMP "1.new"));
    assert_true(exists(here, "an.old.file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_each_step_is_done_before_the_next),
        HERE_TEST(test_a_kill_between_any_two_steps_loses_and_repeats_nothing),
        HERE_TEST(test_a_step_that_fails_ends_it),
        HERE_TEST(test_another_file_under_the_name_is_not_removed),
        HERE_TEST(test_a_segment_that_is_gone_already_is_retired),
        HERE_TEST(test_a_successor_that_is_there_is_kept),
        HERE_TEST(test_sweeping_removes_what_is_below_the_cursor_only),
        HERE_TEST(test_sweeping_waits_for_a_cursor_that_lasts),
        HERE_TEST(test_sweeping_removes_old_temporary_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Why a record is refused: limits, a full disk, a failing disk; and what a sync covers. */
#include "spool_fixture.h"

#include "spool_faults.h"

#include <signal.h>
#include <sys/resource.h>

/* ---- 9, limits ---- */

static void test_a_small_limit_on_file_sizes_is_refused(void **state)
{
    struct here *here = *state;
    struct rlimit old, small;
    aep_position position;
    struct aep__appender appender = begin_appending(here);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = (1 << 30) - 1;
    setrlimit(RLIMIT_FSIZE, &small);
    int result = try_append(&appender, "x", 1, false, &position, &here->err);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(result, AEP_ESPOOL);
    assert_non_null(strstr(here->err.text, "RLIMIT_FSIZE"));
    assert_false(exists(here, "0000000000000001.seg"));
    append_text(&appender, "one");
    aep__append_done(&appender);
}

static void test_another_effective_user_writes_nothing(void **state)
{
    struct here *here = *state;
    aep_position position;
    struct aep__appender appender = begin_appending(here);
    if (geteuid() != 0)
        skip(); /* only root can become others */
    assert_int_equal(seteuid(65534), 0);
    int result = try_append(&appender, "x", 1, false, &position, &here->err);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(result, AEP_ESPOOL);
    assert_false(exists(here, "0000000000000001.seg"));
    aep__append_done(&appender);
}

static uint64_t used(struct here *here, const struct aep__appender *appender)
{
    load_cursor(here);
    return (appender->segment - here->cursor.segment) * L +
           (uint64_t)segment_size(here, appender->segment);
}

static void test_the_last_part_is_kept_for_what_is_reserved(void **state)
{
    struct here *here = *state;
    enum { MAX = 10 * L };
    aep_position position;
    struct aep__appender appender;
    static char text[200];
    memset(text, 'x', sizeof text);
    aep__append_init(&appender, &here->spool, MAX);
    while (try_append(&appender, text, sizeof text, false, &position, &here->err) == AEP_OK)
        assert_true(used(here, &appender) <= MAX - MAX / 100 * 5);
    assert_int_equal(here->err.code, AEP_EFULL);
    assert_string_equal(here->err.field, "spool.max_bytes");
    assert_true(used(here, &appender) > MAX - MAX / 100 * 5 - 300);
    while (try_append(&appender, text, sizeof text, true, &position, &here->err) == AEP_OK)
        assert_true(used(here, &appender) <= MAX);
    assert_int_equal(here->err.code, AEP_EFULL);
    assert_true(used(here, &appender) > MAX - 300);
    aep__append_done(&appender);
}

static void test_a_full_spool_takes_more_once_a_segment_is_retired(void **state)
{
    struct here *here = *state;
    aep_position position;
    struct aep__appender appender;
    aep__append_init(&appender, &here->spool, 4 * L);
    while (try_append(&appender, "some text", 9, false, &position, &here->err) == AEP_OK)
        ;
    retire_first(here);
    int more = 0;
    while (try_append(&appender, "some text", 9, false, &position, &here->err) == AEP_OK)
        more++;
    assert_true(more > L / 100);
    aep__append_done(&appender);
}

/* A side log of some bytes, as a relay leaves it. */
static void set_aside(const struct here *here, const char *name, off_t bytes)
{
    int fd = openat(here->spool.dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, AEP__SIDELOG_FIRST + bytes), 0);
    close(fd);
}

static void test_what_is_set_aside_counts_in_the_limit(void **state)
{
    struct here *here = *state;
    enum { MAX = 10 * L };
    aep_position position;
    struct aep__appender appender;
    aep__append_init(&appender, &here->spool, MAX);
    set_aside(here, "parked-one-1", 3 * L);
    set_aside(here, "parked-two-2", 2 * L);
    set_aside(here, "dead", L);
    while (try_append(&appender, "some text", 9, true, &position, &here->err) == AEP_OK)
        ;
    assert_int_equal(here->err.code, AEP_EFULL);
    assert_true(used(here, &appender) <= 4 * L);
    assert_true(used(here, &appender) > 4 * L - 300);
    assert_non_null(strstr(here->err.text, "20480 of them parked, 4096 dead letters"));
    assert_non_null(strstr(here->err.text, "aep dead drop"));
    assert_int_equal(unlinkat(here->spool.dir_fd, "parked-one-1", 0), 0); /* it was sent */
    while (try_append(&appender, "some text", 9, true, &position, &here->err) == AEP_OK)
        ;
    assert_true(used(here, &appender) <= 7 * L);
    assert_true(used(here, &appender) > 7 * L - 300);
    aep__append_done(&appender);
}

/* A topic that stays missing: the relay parks all that comes. */
static void test_a_relay_that_parks_everything_does_not_undo_the_limit(void **state)
{
    struct here *here = *state;
    enum { MAX = 10 * L };
    aep_position position;
    struct aep__appender appender;
    aep__append_init(&appender, &here->spool, MAX);
    uint64_t parked = 0, first = 1;
    for (int i = 0; i < 10000; i++) {
        if (try_append(&appender, "some text", 9, true, &position, &here->err) != AEP_OK)
            break;
        if (position.segment > first) {
            retire_first(here);
            first++;
            set_aside(here, "parked-one-1", (off_t)(parked += L));
        }
        assert_true(parked + used(here, &appender) <= MAX + L);
    }
    assert_int_equal(here->err.code, AEP_EFULL);
    assert_true(parked >= MAX / 2);
    aep__append_done(&appender);
}

/* Many at once: each may overshoot by one record at most. */
static void test_no_lock_is_needed_to_keep_the_limit(void **state)
{
    struct here *here = *state;
    enum { WRITERS = 4, MAX = 20 * L, TEXT = 500 };
    for (int i = 0; i < WRITERS; i++)
        if (fork() == 0) {
            static char text[TEXT];
            aep_position position;
            struct aep__appender appender;
            memset(text, 'x', sizeof text);
            aep__append_init(&appender, &here->spool, MAX);
            while (try_append(&appender, text, TEXT, true, &position, &here->err) == AEP_OK)
                ;
            _exit(here->err.code == AEP_EFULL ? 0 : 1);
        }
    for (int i = 0, status; i < WRITERS; i++) {
        wait(&status);
        assert_int_equal(status, 0);
    }
    struct aep__appender last = {.segment = aep__segment_last(&here->spool, 1)};
    assert_true(used(here, &last) <= MAX + WRITERS * (TEXT + 64));
    assert_true(used(here, &last) > MAX - TEXT - 64);
}

static void test_a_full_disk_refuses_and_goes_on_when_there_is_space(void **state)
{
    struct here *here = *state;
    aep_position position;
    struct aep__appender appender = begin_appending(here);
    fault_hooks[CALL_LINK] = no_space;
    assert_int_equal(try_append(&appender, "x", 1, false, &position, &here->err), AEP_EFULL);
    no_faults();
    append_text(&appender, "one");
    fault_hooks[CALL_WRITE] = no_space;
    assert_int_equal(try_append(&appender, "x", 1, false, &position, &here->err), AEP_EFULL);
    assert_string_equal(here->err.field, "spool.dir");
    no_faults();
    append_text(&appender, "two");
    assert_all(here, "one two");
    aep__append_done(&appender);
}

static bool write_always_short(const struct fault_args *args, ssize_t *ret)
{
    *ret = syscall(SYS_write, args->fd, args->data, 1);
    return true;
}

static void test_a_disk_that_takes_no_whole_record_does_not_hang_us(void **state)
{
    struct here *here = *state;
    aep_position position;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    fault_hooks[CALL_WRITE] = write_always_short;
    assert_int_equal(try_append(&appender, "x", 1, false, &position, &here->err), AEP_EFULL);
    no_faults();
    append_text(&appender, "two");
    assert_all(here, "one two");
    aep__append_done(&appender);
}

static void test_a_disk_error_is_told(void **state)
{
    struct here *here = *state;
    aep_position position;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    fault_hooks[CALL_WRITE] = io_error;
    assert_int_equal(try_append(&appender, "x", 1, false, &position, &here->err), AEP_EIO);
    no_faults();
    append_text(&appender, "two");
    assert_all(here, "one two");
    aep__append_done(&appender);
}

/* ---- sync ---- */

static ino_t synced[16];
static int synced_count;

static bool note_sync(const struct fault_args *args, ssize_t *ret)
{
    struct stat st;
    (void)ret;
    assert_int_equal(fstat(args->fd, &st), 0);
    synced[synced_count++] = st.st_ino;
    return false;
}

static bool was_synced(const struct here *here, const char *name)
{
    struct stat st;
    assert_int_equal(fstatat(here->spool.dir_fd, name, &st, 0), 0);
    for (int i = 0; i < synced_count; i++)
        if (synced[i] == st.st_ino)
            return true;
    return false;
}

static void test_sync_covers_every_segment_written_to_and_the_names(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_long(&appender, "one", L);
    append_long(&appender, "two", L);
    append_text(&appender, "three");
    synced_count = 0;
    fault_hooks[CALL_FDATASYNC] = fault_hooks[CALL_FSYNC] = note_sync;
    assert_int_equal(aep__append_sync(&appender, &here->err), AEP_OK);
    assert_true(was_synced(here, "0000000000000001.seg"));
    assert_true(was_synced(here, "0000000000000002.seg"));
    assert_true(was_synced(here, "0000000000000003.seg"));
    assert_true(was_synced(here, "."));
    synced_count = 0;
    assert_int_equal(aep__append_sync(&appender, &here->err), AEP_OK);
    assert_int_equal(synced_count, 0); /* nothing was written since */
    append_text(&appender, "four");
    assert_int_equal(aep__append_sync(&appender, &here->err), AEP_OK);
    assert_true(was_synced(here, "0000000000000003.seg"));
    assert_int_equal(synced_count, 1);
    no_faults();
    aep__append_done(&appender);
}

/* The process that made the segment may not live to sync its name. */
static void test_the_name_of_a_segment_that_another_made_is_synced_too(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 0);
    append_text(&appender, "one");
    synced_count = 0;
    fault_hooks[CALL_FSYNC] = note_sync;
    assert_int_equal(aep__append_sync(&appender, &here->err), AEP_OK);
    no_faults();
    assert_true(was_synced(here, "."));
    aep__append_done(&appender);
}

static void test_segments_retired_meanwhile_need_no_sync(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_long(&appender, "one", L);
    append_text(&appender, "two");
    retire_first(here);
    assert_int_equal(aep__append_sync(&appender, &here->err), AEP_OK);
    aep__append_done(&appender);
}

static void test_a_sync_that_fails_is_told_and_tried_again(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    fault_hooks[CALL_FDATASYNC] = io_error;
    assert_int_equal(aep__append_sync(&appender, &here->err), AEP_EIO);
    synced_count = 0;
    fault_hooks[CALL_FDATASYNC] = note_sync;
    assert_int_equal(aep__append_sync(&appender, &here->err), AEP_OK);
    no_faults();
    assert_true(was_synced(here, "0000000000000001.seg"));
    aep__append_done(&appender);
}

static void test_what_the_parent_wrote_is_the_parents_to_sync(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    struct aep__appender child = appender;
    child.fd = dup(appender.fd); /* as after fork */
    aep__append_forked(&child);
    synced_count = 0;
    fault_hooks[CALL_FDATASYNC] = fault_hooks[CALL_FSYNC] = note_sync;
    assert_int_equal(aep__append_sync(&child, &here->err), AEP_OK);
    assert_int_equal(synced_count, 0);
    assert_int_equal(aep__append_sync(&appender, &here->err), AEP_OK);
    assert_int_equal(synced_count, 2);
    no_faults();
    aep__append_done(&appender);
}

/* A file that the program has just opened took the number of a segment without records. */
static void test_a_number_taken_after_a_refusal_is_not_written_to(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    aep_position position;
    char path[128];
    appender.max_bytes = 1;
    assert_int_equal(try_append(&appender, "refused", 7, true, &position, &here->err), AEP_EFULL);
    assert_true(appender.fd >= 0);
    snprintf(path, sizeof path, "%s/theirs", here->root);
    int theirs = open(path, O_CREAT | O_RDWR, 0600);
    assert_int_equal(dup2(theirs, appender.fd), appender.fd);
    close(theirs);
    theirs = appender.fd;
    assert_false(aep__append_ours(&appender));
    close(theirs);
    aep__append_done(&appender);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_a_small_limit_on_file_sizes_is_refused),
        HERE_TEST(test_another_effective_user_writes_nothing),
        HERE_TEST(test_the_last_part_is_kept_for_what_is_reserved),
        HERE_TEST(test_a_full_spool_takes_more_once_a_segment_is_retired),
        HERE_TEST(test_what_is_set_aside_counts_in_the_limit),
        HERE_TEST(test_a_relay_that_parks_everything_does_not_undo_the_limit),
        HERE_TEST(test_no_lock_is_needed_to_keep_the_limit),
        HERE_TEST(test_a_full_disk_refuses_and_goes_on_when_there_is_space),
        HERE_TEST(test_a_disk_that_takes_no_whole_record_does_not_hang_us),
        HERE_TEST(test_a_disk_error_is_told),
        HERE_TEST(test_sync_covers_every_segment_written_to_and_the_names),
        HERE_TEST(test_the_name_of_a_segment_that_another_made_is_synced_too),
        HERE_TEST(test_segments_retired_meanwhile_need_no_sync),
        HERE_TEST(test_a_sync_that_fails_is_told_and_tried_again),
        HERE_TEST(test_what_the_parent_wrote_is_the_parents_to_sync),
        HERE_TEST(test_a_number_taken_after_a_refusal_is_not_written_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

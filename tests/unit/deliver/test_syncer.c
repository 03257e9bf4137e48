/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's second thread: what it syncs and removes, and what it reports when it cannot. Hooks
 * of system calls are changed only while it has nothing to do. */
#include "spool_fixture.h"

#include "spool_faults.h"

#include "deliver/syncer.h"

#include <poll.h>

#define DEADLINE_MS 60000

static struct aep__syncer syncer;

/* Three segments, of which the cursor has passed two. */
static void begin_syncer(struct here *here)
{
    struct aep__appender appender;
    aep__append_init(&appender, &here->spool, 0);
    append_long(&appender, "one", L);
    append_long(&appender, "two", L);
    append_text(&appender, "three");
    aep__append_done(&appender);
    store_cursor(here, 3, 0);
    aep__syncer_init(&syncer, &here->spool, here->cursor_fd, 1);
}

static void do_job(struct aep__sync_job job)
{
    assert_true(aep__syncer_ask(&syncer, &job));
    aep__syncer_settle(&syncer);
}

static void assert_errors(int sync, int remove)
{
    struct aep__sync_errors errors = aep__syncer_errors(&syncer);
    assert_int_equal(errors.sync, sync);
    assert_int_equal(errors.remove, remove);
}

/* Whether the segments 1, 2, 3 are there, as "1-3". */
static const char *segments_of(const struct here *here)
{
    static char text[4];
    for (uint64_t number = 1; number <= 3; number++)
        text[number - 1] = segment_size(here, number) < 0 ? '-' : (char)('0' + number);
    return text;
}

/* ---- what it did ---- */

static struct here *here_of_hooks;
static char trace[1024];

static bool note_call(const struct fault_args *args, ssize_t *ret)
{
    char path[64], target[256] = "", word[64];
    (void)ret;
    snprintf(path, sizeof path, "/proc/self/fd/%d", args->fd);
    if (readlink(path, target, sizeof target - 1) < 0)
        return false;
    const char *slash = strrchr(target, '/');
    if (args->call == CALL_UNLINK)
        snprintf(word, sizeof word, "-%d", atoi(args->name));
    else if (args->call == CALL_FSYNC)
        snprintf(word, sizeof word, "folder");
    else if (args->fd == here_of_hooks->cursor_fd)
        snprintf(word, sizeof word, "cursor");
    else
        snprintf(word, sizeof word, "%d", slash ? atoi(slash + 1) : -1);
    size_t len = strlen(trace);
    snprintf(trace + len, sizeof trace - len, "%s%s", len ? " " : "", word);
    return false;
}

static void note_calls(struct here *here)
{
    here_of_hooks = here;
    trace[0] = '\0';
    fault_hooks[CALL_FSYNC] = fault_hooks[CALL_FDATASYNC] = fault_hooks[CALL_UNLINK] = note_call;
}

static void test_a_job_syncs_what_it_names(void **state)
{
    static const struct {
        struct aep__sync_job job;
        const char *calls;
    } cases[] = {
        {{.from = 2, .to = 3}, "2 3"},
        {{.folder = true}, "folder"},
        {{.cursor = true}, "cursor"},
        {{.give_back = true}, "cursor"},
        {{.from = 1, .to = 1, .folder = true, .cursor = true}, "1 folder cursor"},
        {{0}, ""},
    };
    struct here *here = *state;
    begin_syncer(here);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        note_calls(here);
        do_job(cases[i].job);
        no_faults();
        assert_string_equal(trace, cases[i].calls);
    }
    assert_errors(0, 0);
    assert_string_equal(segments_of(here), "123");
}

static void test_removing_comes_last_and_once(void **state)
{
    struct here *here = *state;
    begin_syncer(here);
    note_calls(here);
    assert_int_equal(aep__syncer_removed(&syncer), 1);
    do_job((struct aep__sync_job){.from = 3, .to = 3, .remove_below = 2});
    do_job((struct aep__sync_job){.remove_below = 3});
    do_job((struct aep__sync_job){.remove_below = 3});
    no_faults();
    assert_string_equal(trace, "3 folder cursor -1 folder cursor -2");
    assert_int_equal(aep__syncer_removed(&syncer), 3);
    assert_string_equal(segments_of(here), "--3");
    assert_errors(0, 0);
}

static void test_a_segment_that_is_gone_needs_no_sync(void **state)
{
    struct here *here = *state;
    begin_syncer(here);
    remove_segment(here, 2);
    note_calls(here);
    do_job((struct aep__sync_job){.from = 1, .to = 3});
    no_faults();
    assert_string_equal(trace, "1 3");
    assert_errors(0, 0);
}

/* ---- failures ---- */

static void test_a_failed_sync_is_told_once_and_removes_nothing(void **state)
{
    struct here *here = *state;
    begin_syncer(here);
    fault_hooks[CALL_FDATASYNC] = io_error;
    do_job((struct aep__sync_job){.from = 1, .to = 3, .remove_below = 3});
    no_faults();
    assert_string_equal(segments_of(here), "123");
    assert_int_equal(aep__syncer_removed(&syncer), 1);
    assert_errors(EIO, 0);
    assert_errors(0, 0);
    do_job((struct aep__sync_job){.from = 1, .to = 3, .remove_below = 3});
    assert_string_equal(segments_of(here), "--3");
    assert_errors(0, 0);
}

static bool fail_once(const struct fault_args *args, ssize_t *ret)
{
    fault_hooks[args->call] = note_call;
    return fails_with(EIO, ret);
}

/* Other segments are synced all the same, and what becomes of them does not hide the error. */
static void test_the_first_failure_is_the_one_that_is_told(void **state)
{
    struct here *here = *state;
    begin_syncer(here);
    remove_segment(here, 2);
    note_calls(here);
    fault_hooks[CALL_FDATASYNC] = fail_once;
    do_job((struct aep__sync_job){.from = 1, .to = 3});
    assert_string_equal(trace, "3");
    assert_errors(EIO, 0);
    note_calls(here);
    fault_hooks[CALL_FDATASYNC] = fail_once;
    do_job((struct aep__sync_job){.from = 1, .to = 2, .folder = true, .cursor = true});
    no_faults();
    assert_string_equal(trace, "folder cursor");
    assert_errors(EIO, 0);
}

static bool fail_second_segment(const struct fault_args *args, ssize_t *ret)
{
    trace[0] = '\0';
    note_call(args, ret);
    return strcmp(trace, "2") == 0 && fails_with(EIO, ret);
}

/* It is sealed, and no other: the newest may have begun since. */
static void test_the_segment_that_was_not_synced_is_named(void **state)
{
    struct here *here = here_of_hooks = *state;
    begin_syncer(here);
    fault_hooks[CALL_FDATASYNC] = fail_second_segment;
    do_job((struct aep__sync_job){.from = 1, .to = 3});
    no_faults();
    struct aep__sync_errors errors = aep__syncer_errors(&syncer);
    assert_int_equal(errors.sync, EIO);
    assert_int_equal(errors.segment, 2);
    fault_hooks[CALL_FSYNC] = io_error;
    do_job((struct aep__sync_job){.from = 3, .to = 3, .folder = true});
    no_faults();
    errors = aep__syncer_errors(&syncer);
    assert_int_equal(errors.sync, EIO);
    assert_int_equal(errors.segment, 0);
}

static bool refuse_second(const struct fault_args *args, ssize_t *ret)
{
    return atoi(args->name) == 2 && fails_with(EACCES, ret);
}

static void test_a_failed_removal_is_told_once_and_tried_again(void **state)
{
    struct here *here = *state;
    begin_syncer(here);
    fault_hooks[CALL_UNLINK] = refuse_second;
    do_job((struct aep__sync_job){.remove_below = 3});
    assert_string_equal(segments_of(here), "-23");
    assert_int_equal(aep__syncer_removed(&syncer), 1);
    assert_errors(0, EACCES);
    assert_errors(0, 0);
    do_job((struct aep__sync_job){.remove_below = 3});
    assert_errors(0, EACCES);
    no_faults();
    do_job((struct aep__sync_job){.remove_below = 3});
    assert_string_equal(segments_of(here), "--3");
    assert_int_equal(aep__syncer_removed(&syncer), 3);
    assert_errors(0, 0);
}

/* ---- a slow disk ---- */

static int entered[2] = {-1, -1}, released[2] = {-1, -1};

static bool wait_for_release(const struct fault_args *args, ssize_t *ret)
{
    char byte;
    (void)args, (void)ret;
    if (syscall(SYS_write, entered[1], "", 1) == 1)
        while (read(released[0], &byte, 1) < 0 && errno == EINTR)
            ;
    return false;
}

static void begin_slow_job(struct aep__sync_job job)
{
    struct pollfd entry = {.events = POLLIN};
    char byte;
    assert_int_equal(pipe2(entered, O_CLOEXEC), 0);
    assert_int_equal(pipe2(released, O_CLOEXEC), 0);
    fault_hooks[CALL_FSYNC] = wait_for_release;
    assert_true(aep__syncer_ask(&syncer, &job));
    entry.fd = entered[0];
    assert_int_equal(poll(&entry, 1, DEADLINE_MS), 1);
    assert_int_equal(read(entered[0], &byte, 1), 1);
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Lets the present call go on, and those that follow it. */
static void release_slow_job(void)
{
    close_end(&released[1]);
}

static void end_slow_job(void)
{
    no_faults();
    close_end(&entered[0]);
    close_end(&entered[1]);
    close_end(&released[0]);
}

static void test_a_job_is_refused_while_one_is_under_way(void **state)
{
    struct here *here = *state;
    const struct aep__sync_job second = {.cursor = true};
    begin_syncer(here);
    begin_slow_job((struct aep__sync_job){.folder = true, .remove_below = 3});
    for (int i = 0; i < 3; i++)
        assert_false(aep__syncer_ask(&syncer, &second));
    assert_errors(0, 0); /* asking does not wait for the disk */
    assert_true(aep__syncer_errors(&syncer).pending);
    assert_int_equal(aep__syncer_removed(&syncer), 1);
    assert_string_equal(segments_of(here), "123");
    release_slow_job();
    aep__syncer_settle(&syncer);
    end_slow_job();
    assert_false(aep__syncer_errors(&syncer).pending);
    assert_int_equal(aep__syncer_removed(&syncer), 3);
    note_calls(here);
    do_job(second);
    no_faults();
    assert_string_equal(trace, "cursor"); /* the refused ones did not pile up */
}

static void *release_later(void *arg)
{
    poll(NULL, 0, 20);
    release_slow_job();
    return arg;
}

static void test_the_job_under_way_is_done_before_the_end(void **state)
{
    struct here *here = *state;
    pthread_t thread;
    begin_syncer(here);
    begin_slow_job((struct aep__sync_job){.folder = true, .remove_below = 3});
    assert_int_equal(pthread_create(&thread, NULL, release_later, NULL), 0);
    aep__syncer_done(&syncer);
    assert_string_equal(segments_of(here), "--3");
    pthread_join(thread, NULL);
    end_slow_job();
    aep__syncer_init(&syncer, &here->spool, here->cursor_fd, 3);
}

static void test_a_job_that_has_not_begun_is_done_before_the_end_too(void **state)
{
    struct here *here = *state;
    const struct aep__sync_job job = {.remove_below = 3};
    begin_syncer(here);
    do_job((struct aep__sync_job){.cursor = true});
    assert_true(aep__syncer_ask(&syncer, &job));
    aep__syncer_done(&syncer);
    assert_string_equal(segments_of(here), "--3");
    aep__syncer_init(&syncer, &here->spool, here->cursor_fd, 3);
}

/* ---- its thread ---- */

static bool no_threads; /* left for us */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg)
{
    return no_threads ? EAGAIN : __real_pthread_create(thread, attr, fn, arg);
}

static void test_the_thread_starts_with_the_first_job(void **state)
{
    struct here *here = *state;
    begin_syncer(here);
    assert_false(syncer.started);
    aep__syncer_settle(&syncer);
    do_job((struct aep__sync_job){.cursor = true});
    assert_true(syncer.started);
}

static void test_without_a_thread_the_asker_does_the_job(void **state)
{
    struct here *here = *state;
    const struct aep__sync_job job = {.from = 1, .to = 3, .remove_below = 3};
    begin_syncer(here);
    no_threads = true;
    fault_hooks[CALL_UNLINK] = refuse_second;
    assert_true(aep__syncer_ask(&syncer, &job));
    no_faults();
    assert_errors(0, EACCES);
    assert_true(aep__syncer_ask(&syncer, &job));
    assert_string_equal(segments_of(here), "--3");
    assert_false(syncer.started);
    no_threads = false;
    do_job((struct aep__sync_job){.cursor = true}); /* there is one again */
    assert_true(syncer.started);
}

static int end_syncer(void **state)
{
    no_threads = false;
    release_slow_job(); /* a test that failed has left it */
    aep__syncer_done(&syncer);
    end_slow_job();
    return end_here(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_here, end_syncer)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_job_syncs_what_it_names),
        TEST(test_removing_comes_last_and_once),
        TEST(test_a_segment_that_is_gone_needs_no_sync),
        TEST(test_a_failed_sync_is_told_once_and_removes_nothing),
        TEST(test_the_first_failure_is_the_one_that_is_told),
        TEST(test_the_segment_that_was_not_synced_is_named),
        TEST(test_a_failed_removal_is_told_once_and_tried_again),
        TEST(test_a_job_is_refused_while_one_is_under_way),
        TEST(test_the_job_under_way_is_done_before_the_end),
        TEST(test_a_job_that_has_not_begun_is_done_before_the_end_too),
        TEST(test_the_thread_starts_with_the_first_job),
        TEST(test_without_a_thread_the_asker_does_the_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

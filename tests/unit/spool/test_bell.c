/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/bell.h"

#include "spool_fixture.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

static bool rings(int fd)
{
    struct pollfd event = {.fd = fd, .events = POLLIN};
    return poll(&event, 1, 0) == 1;
}

/* A child that does something and then waits until it is killed. */
static pid_t start_holder(const struct here *here, int ends[2])
{
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        char taken = aep__lock_take(aep__lock_open(&here->spool)) ? 'y' : 'n';
        if (write(ends[1], &taken, 1) == 1)
            pause();
        _exit(1);
    }
    char taken;
    assert_int_equal(read(ends[0], &taken, 1), 1);
    assert_int_equal(taken, 'y');
    return child;
}

static void kill_holder(pid_t child, int ends[2])
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ends[0]);
    close(ends[1]);
}

/* ---- bell ---- */

static void test_a_ring_is_heard_until_it_is_drained(void **state)
{
    struct here *here = *state;
    int publisher = aep__bell_open(&here->spool), relay = aep__bell_open(&here->spool);
    assert_true(publisher >= 0 && relay >= 0);
    assert_false(rings(relay));
    aep__bell_ring(publisher);
    aep__bell_ring(publisher);
    assert_true(rings(relay));
    aep__bell_drain(relay);
    assert_false(rings(relay));
    close(publisher);
    close(relay);
}

static void test_ringing_never_waits_and_one_drain_empties_it(void **state)
{
    struct here *here = *state;
    int fd = aep__bell_open(&here->spool);
    for (int i = 0; i < 200000; i++) /* a FIFO holds 65,536 */
        aep__bell_ring(fd);
    aep__bell_drain(fd);
    assert_false(rings(fd));
    aep__bell_ring(fd);
    assert_true(rings(fd));
    close(fd);
}

static void test_ringing_without_a_relay_raises_no_signal(void **state)
{
    struct here *here = *state;
    struct sigaction old, action = {.sa_handler = SIG_DFL};
    sigaction(SIGPIPE, &action, &old);
    int fd = aep__bell_open(&here->spool);
    aep__bell_ring(fd);
    sigaction(SIGPIPE, &old, NULL);
    close(fd);
    aep__bell_ring(-1); /* a bell that could not be opened */
}

static void test_the_bell_is_private_whatever_the_umask(void **state)
{
    struct here *here = *state;
    struct stat st;
    mode_t old = umask(0);
    close(aep__bell_open(&here->spool));
    close(aep__lock_open(&here->spool));
    umask(old);
    assert_int_equal(fstatat(here->spool.dir_fd, "bell", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(fstatat(here->spool.dir_fd, "relay.lock", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_the_lock_file_has_room_for_its_count_before_the_disk_is_full(void **state)
{
    struct here *here = *state;
    struct stat st;
    close(aep__lock_open(&here->spool));
    assert_int_equal(fstatat(here->spool.dir_fd, "relay.lock", &st, 0), 0);
    assert_int_equal(st.st_size, 1);
}

static void test_another_file_in_its_place_is_not_written_to(void **state)
{
    struct here *here = *state;
    add_to_file(here, "bell", "", 0);
    assert_int_equal(aep__bell_open(&here->spool), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(aep__bell_error(&here->spool, &here->err), AEP_ESPOOL);
    assert_non_null(strstr(here->err.text, "/bell is not a FIFO of this user: remove it"));
    assert_int_equal(size_of(here, "bell"), 0);
}

/* ---- lock ---- */

static void test_a_probe_sees_the_lock_and_takes_nothing(void **state)
{
    struct here *here = *state;
    int probe = aep__lock_open(&here->spool), relay = aep__lock_open(&here->spool);
    assert_false(aep__lock_held(probe));
    assert_true(aep__lock_take(relay)); /* even though it was probed */
    assert_true(aep__lock_held(probe));
    assert_false(aep__lock_take(probe));
    assert_true(aep__lock_take(relay)); /* it has it already */
    aep__lock_release(relay);
    assert_false(aep__lock_held(probe));
    close(probe);
    close(relay);
}

static void test_the_lock_dies_with_its_holder(void **state)
{
    struct here *here = *state;
    int ends[2], probe = aep__lock_open(&here->spool);
    pid_t holder = start_holder(here, ends);
    assert_true(aep__lock_held(probe));
    kill_holder(holder, ends);
    assert_false(aep__lock_held(probe));
    assert_true(aep__lock_take(probe));
    close(probe);
}

/* A process that closes another descriptor of the file loses nothing, unlike with fcntl's older
 * locks. */
static void test_closing_another_descriptor_keeps_the_lock(void **state)
{
    struct here *here = *state;
    int relay = aep__lock_open(&here->spool), probe = aep__lock_open(&here->spool);
    assert_true(aep__lock_take(relay));
    close(aep__lock_open(&here->spool));
    assert_true(aep__lock_held(probe));
    close(relay);
    close(probe);
}

/* ---- whose turn it is to start a relay ---- */

static void test_one_try_in_an_interval(void **state)
{
    struct here *here = *state;
    int fd = aep__lock_open(&here->spool), other = aep__lock_open(&here->spool);
    assert_true(aep__lock_may_start(fd, 60000)); /* no process has tried yet */
    assert_false(aep__lock_may_start(fd, 60000));
    assert_false(aep__lock_may_start(other, 60000));
    assert_true(aep__lock_may_start(other, 0));
    const struct timespec before[2] = {{.tv_sec = time(NULL) - 61}, {.tv_sec = time(NULL) - 61}};
    assert_int_equal(futimens(fd, before), 0);
    assert_true(aep__lock_may_start(other, 60000));
    close(fd);
    close(other);
}

static void test_a_start_that_succeeded_holds_up_no_other(void **state)
{
    struct here *here = *state;
    int publisher = aep__lock_open(&here->spool);
    for (int round = 0; round < 10; round++) {
        int relay = aep__lock_open(&here->spool);
        assert_true(aep__lock_may_start(publisher, 60000));
        assert_true(aep__lock_take(relay));
        aep__lock_started(relay);
        assert_false(aep__lock_may_start(publisher, 60000)); /* it runs */
        assert_false(aep__lock_tried(publisher, 60000));     /* which did not count as an attempt */
        aep__lock_proved(relay);
        close(relay); /* killed */
    }
    assert_true(aep__lock_may_start(publisher, 60000));
    close(publisher);
}

static void test_a_start_that_failed_holds_up_the_next(void **state)
{
    struct here *here = *state;
    int publisher = aep__lock_open(&here->spool), relay = aep__lock_open(&here->spool);
    assert_true(aep__lock_may_start(publisher, 60000));
    assert_true(aep__lock_take(relay));
    aep__lock_started(relay);
    aep__lock_failed(relay);
    close(relay);
    assert_false(aep__lock_may_start(publisher, 60000));
    close(publisher);
}

/* The relay starts and dies again and again without doing anything: unlimited, that would use up a
 * processor. */
static void test_starts_in_vain_are_rationed_after_a_few(void **state)
{
    struct here *here = *state;
    int publisher = aep__lock_open(&here->spool), starts = 0;
    while (starts < 100 && aep__lock_may_start(publisher, 60000)) {
        int relay = aep__lock_open(&here->spool);
        assert_true(aep__lock_take(relay));
        aep__lock_started(relay);
        close(relay);
        starts++;
    }
    assert_in_range(starts, 2, 10);
    int relay = aep__lock_open(&here->spool);
    assert_true(aep__lock_take(relay));
    aep__lock_proved(relay);
    close(relay);
    assert_true(aep__lock_may_start(publisher, 60000));
    close(publisher);
}

static void test_a_contender_may_start_beside_a_relay(void **state)
{
    struct here *here = *state;
    int publisher = aep__lock_open(&here->spool), relay = aep__lock_open(&here->spool);
    assert_true(aep__lock_take(relay));
    assert_false(aep__lock_may_start(publisher, 60000));
    assert_true(aep__lock_may_contend(publisher, 60000));
    assert_false(aep__lock_may_contend(publisher, 60000));
    close(relay);
    close(publisher);
}

static void test_a_clock_that_was_set_back_stops_nobody(void **state)
{
    struct here *here = *state;
    int fd = aep__lock_open(&here->spool);
    const struct timespec later[2] = {{.tv_sec = time(NULL) + 9999}, {.tv_sec = time(NULL) + 9999}};
    assert_int_equal(futimens(fd, later), 0);
    assert_true(aep__lock_may_start(fd, 60000));
    assert_false(aep__lock_may_start(fd, 60000));
    close(fd);
}

static void test_of_many_at_the_same_time_one_may(void **state)
{
    struct here *here = *state;
    enum { PROCESSES = 16 };
    close(aep__lock_open(&here->spool));
    for (int round = 0; round < 10; round++) {
        const struct timespec never[2] = {{0}};
        int go[2], may = 0;
        assert_int_equal(utimensat(here->spool.dir_fd, "relay.lock", never, 0), 0);
        assert_int_equal(pipe(go), 0);
        for (int i = 0; i < PROCESSES; i++)
            if (fork() == 0) {
                char byte;
                int fd = aep__lock_open(&here->spool);
                close(go[1]);
                _exit(read(go[0], &byte, 1) == 0 && aep__lock_may_start(fd, 60000));
            }
        close(go[1]); /* all at once */
        for (int i = 0, status; i < PROCESSES; i++) {
            wait(&status);
            may += WEXITSTATUS(status);
        }
        close(go[0]);
        assert_int_equal(may, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_a_ring_is_heard_until_it_is_drained),
        HERE_TEST(test_ringing_never_waits_and_one_drain_empties_it),
        HERE_TEST(test_ringing_without_a_relay_raises_no_signal),
        HERE_TEST(test_the_bell_is_private_whatever_the_umask),
        HERE_TEST(test_the_lock_file_has_room_for_its_count_before_the_disk_is_full),
        HERE_TEST(test_another_file_in_its_place_is_not_written_to),
        HERE_TEST(test_a_probe_sees_the_lock_and_takes_nothing),
        HERE_TEST(test_the_lock_dies_with_its_holder),
        HERE_TEST(test_closing_another_descriptor_keeps_the_lock),
        HERE_TEST(test_one_try_in_an_interval),
        HERE_TEST(test_a_start_that_succeeded_holds_up_no_other),
        HERE_TEST(test_a_start_that_failed_holds_up_the_next),
        HERE_TEST(test_starts_in_vain_are_rationed_after_a_few),
        HERE_TEST(test_a_contender_may_start_beside_a_relay),
        HERE_TEST(test_a_clock_that_was_set_back_stops_nobody),
        HERE_TEST(test_of_many_at_the_same_time_one_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

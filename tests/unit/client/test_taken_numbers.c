/* SPDX-License-Identifier: Apache-2.0 */
/* A host program closes descriptors that are not its own, and its own files get their numbers: no
 * event is lost, and not a byte goes into those files. Each test runs in a child process. */
#include "client_fixture.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

/* A publisher that has all its descriptors open: it has published an event. */
static bool open_process(struct here *here, struct aep__process **ret, aep_receipt *receipt)
{
    open_publisher(here);
    return publish_started(here, receipt) == AEP_OK &&
           aep__publisher_process(here->pub, ret, NULL) == AEP_OK;
}

/* A publisher and its waiter with a request under way; NULL: it failed. */
static aep_waiter *open_waiting(struct here *here, aep_receipt *receipt)
{
    aep_waiter *waiter;
    open_publisher(here);
    return publish_started(here, receipt) == AEP_OK &&
                   aep_waiter_new(here->pub, &waiter, &here->err) == AEP_OK &&
                   aep_waiter_add(waiter, receipt, 1, &here->err) == AEP_OK
               ? waiter
               : NULL;
}

/* The child succeeds, and `count` events are in the spool. */
static void expect_events(struct here *here, int (*child)(void *user), size_t count)
{
    assert_int_equal(in_child(child, here), 0);
    assert_int_equal(read_spool(here->dir, NULL, NULL), count);
}

/* Opens an empty file of the host's under the number of a descriptor of ours. */
static int take_number(struct here *here, int fd)
{
    char path[128];
    snprintf(path, sizeof path, "%s/victim.%d", here->root, fd);
    close(fd);
    int taken = open(path, O_CREAT | O_RDWR, 0600);
    if (taken >= 0 && taken != fd) {
        dup2(taken, fd);
        close(taken);
    }
    return fcntl(fd, F_GETFD) < 0 ? -1 : fd;
}

static off_t size_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_size : -1;
}

static int *number_of(struct aep__process *process, int which)
{
    int *const all[] = {&process->spool.dir_fd, &process->appender.fd, &process->bell_fd,
                        &process->lock_fd, &process->counters.fd};
    return which < (int)(sizeof all / sizeof *all) ? all[which] : NULL;
}

/* Takes the number of one descriptor of ours after another. */
static int take_each(void *user)
{
    struct here *here = user;
    struct aep__process *process;
    aep_receipt receipt = AEP_RECEIPT_INIT;
    aep_stats stats = AEP_STATS_INIT;
    int taken[8], count = 0;
    if (!open_process(here, &process, &receipt))
        return 1;
    for (int which = 0; number_of(process, which); which++) {
        if (publish_started(here, &receipt) != AEP_OK)
            return 70 + which;
        aep_publish_started(here->pub, AEP_STARTED(.user_request = "x"), NULL, NULL); /* counted */
        int fd = *number_of(process, which);
        if (fd < 3 || take_number(here, fd) < 0)
            return 10 + which;
        taken[count++] = fd;
        aep_position before = receipt.position;
        if (publish_started(here, &receipt) != AEP_OK || receipt.position.offset <= before.offset)
            return 20 + which;
        aep_publish_started(here->pub, AEP_STARTED(.user_request = "x"), NULL, NULL);
        if (aep_publisher_health(here->pub, &(aep_health){.size = sizeof(aep_health)}, NULL) !=
            AEP_OK)
            return 30 + which;
        if (fcntl(fd, F_GETFD) < 0)
            return 40 + which; /* it is not ours to close */
    }
    if (aep_publisher_stats(here->pub, &stats, NULL) != AEP_OK || stats.strayed != 1)
        return 2;
    aep_publisher_close(here->pub);
    here->pub = NULL;
    for (int i = 0; i < count; i++)
        if (fcntl(taken[i], F_GETFD) < 0)
            return 50 + i;
    for (int i = 0; i < count; i++)
        if (size_of(taken[i]) > 0)
            return 60 + i;
    return 0;
}

static void test_no_event_is_lost_to_a_file_that_took_a_number_of_ours(void **state)
{
    expect_events(*state, take_each, 11);
}

/* The number is closed, or something that cannot be written to. */
static int take_the_segments(void *user)
{
    struct here *here = user;
    struct aep__process *process;
    if (!open_process(here, &process, NULL))
        return 1;
    close(process->appender.fd);
    if (publish_started(here, NULL) != AEP_OK)
        return 2;
    int null = open("/dev/null", O_RDONLY);
    dup2(null, process->appender.fd);
    if (publish_started(here, NULL) != AEP_OK)
        return 3;
    null = open("/dev/full", O_WRONLY);
    dup2(null, process->appender.fd);
    if (publish_started(here, NULL) != AEP_OK)
        return 4;
    int folder = open("/", O_RDONLY | O_DIRECTORY);
    dup2(folder, process->appender.fd);
    return publish_started(here, NULL) == AEP_OK ? 0 : 5;
}

static void test_no_event_is_lost_to_a_number_that_cannot_be_written_to(void **state)
{
    expect_events(*state, take_the_segments, 5);
}

/* os.closerange(3, 256) under two publishers, which then get each other's numbers. */
static int close_all_under_two(void *user)
{
    struct here *here = user;
    aep_publisher *second;
    char other[128];
    open_publisher(here);
    snprintf(other, sizeof other, "%s/other", here->root);
    set_option(here, "spool.dir", other);
    if (aep_publisher_open(&second, here->config, NULL) != AEP_OK)
        return 1;
    aep_publisher *pubs[] = {here->pub, second};
    for (int round = 0; round < 4; round++) {
        for (int fd = 3; fd < 256; fd++)
            close(fd);
        for (int i = 0; i < 4; i++) {
            int result = aep_publish_started(pubs[(round + i) % 2],
                                             AEP_STARTED(.agent_name = "a", .user_request = "r"),
                                             NULL, &here->err);
            if (result != AEP_OK)
                return 2;
        }
    }
    return 0;
}

static void test_two_publishers_outlive_a_closerange(void **state)
{
    struct here *here = *state;
    char other[128];
    snprintf(other, sizeof other, "%s/other", here->root);
    expect_events(here, close_all_under_two, 8);
    assert_int_equal(read_spool(other, NULL, NULL), 8);
}

static int close_all_once(void *user)
{
    struct here *here = user;
    struct aep__process *process;
    aep_receipt receipt = AEP_RECEIPT_INIT;
    aep_stats stats = AEP_STATS_INIT;
    if (!open_process(here, &process, &receipt))
        return 1;
    uint64_t unsynced = process->appender.unsynced;
    for (int fd = 3; fd < 256; fd++)
        close(fd);
    if (aep_publisher_health(here->pub, &(aep_health){.size = sizeof(aep_health)}, NULL) != AEP_OK)
        return 2;
    if (!unsynced || process->appender.unsynced != unsynced || !process->dirty)
        return 3;
    aep__process_sync_rest(process);
    if (process->appender.unsynced != 0 || publish_started(here, NULL) != AEP_OK)
        return 4;
    for (int fd = 3; fd < 256; fd++)
        close(fd);
    if (publish_started(here, NULL) != AEP_OK ||
        aep_publisher_stats(here->pub, &stats, NULL) != AEP_OK)
        return 5;
    return stats.strayed == 1 ? 0 : 6;
}

static void test_a_closerange_is_counted_and_what_was_written_is_still_synced(void **state)
{
    expect_events(*state, close_all_once, 3);
}

/* A pipe without a reader: writing one byte to it would end the program. */
static int take_the_bell_for_a_pipe(void *user)
{
    struct here *here = user;
    struct aep__process *process;
    int ends[2];
    signal(SIGPIPE, SIG_DFL);
    if (!open_process(here, &process, NULL) || pipe(ends) < 0)
        return 1;
    int bell = process->bell_fd;
    dup2(ends[1], bell);
    close(ends[0]);
    close(ends[1]);
    for (int i = 0; i < 3; i++) /* at once: all descriptors are looked at only every 100 ms */
        if (publish_started(here, NULL) != AEP_OK)
            return 2;
    if (fcntl(bell, F_GETFD) < 0)
        return 3;
    return process->bell_fd >= 3 && process->bell_fd != bell ? 0 : 4;
}

static void test_a_pipe_that_took_the_bells_number_is_not_written_to(void **state)
{
    expect_events(*state, take_the_bell_for_a_pipe, 4);
}

static int publish_without_streams(void *user)
{
    struct here *here = user;
    struct aep__process *process;
    aep_waiter *waiter;
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    open_publisher(here);
    aep_publish_started(here->pub, AEP_STARTED(.user_request = "x"), NULL, NULL);
    if (publish_started(here, NULL) != AEP_OK ||
        aep__publisher_process(here->pub, &process, NULL) != AEP_OK ||
        aep_waiter_new(here->pub, &waiter, NULL) != AEP_OK)
        return 1;
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return 2 + fd;
    for (int which = 0; number_of(process, which); which++)
        if (*number_of(process, which) < 3)
            return 10 + which;
    return aep_waiter_fd(waiter) < 3;
}

static void test_closed_standard_streams_are_not_taken(void **state)
{
    assert_int_equal(in_child(publish_without_streams, *state), 0);
}

/* The same for a waiter: while a request is under way, the host takes every number. */
static int close_under_a_waiter(void *user)
{
    struct here *here = user;
    aep_receipt receipt = AEP_RECEIPT_INIT;
    aep_outcome outcome;
    aep_waiter *waiter = open_waiting(here, &receipt);
    if (!waiter)
        return 1;
    for (int fd = 3; fd < 64; fd++)
        if (take_number(here, fd) < 0)
            return 2;
    if (aep_waiter_next(waiter, &outcome, &here->err) != AEP_ESTATE)
        return 3;
    aep_waiter_free(waiter);
    if (aep_waiter_new(here->pub, &waiter, &here->err) != AEP_OK ||
        aep_waiter_add(waiter, &receipt, 2, &here->err) != AEP_OK)
        return 4;
    aep_waiter_free(waiter);
    for (int fd = 3; fd < 64; fd++)
        if (size_of(fd) != 0)
            return 5; /* written to, or closed */
    return 0;
}

static void test_a_waiter_leaves_files_that_took_its_numbers_alone(void **state)
{
    assert_int_equal(in_child(close_under_a_waiter, *state), 0);
}

/* All epoll descriptors share one inode, so an event loop of the host's has the same as ours. */
static int take_a_waiters_for_a_loop(void *user)
{
    struct here *here = user;
    struct epoll_event event;
    aep_receipt receipt = AEP_RECEIPT_INIT;
    aep_outcome outcome;
    aep_waiter *waiter = open_waiting(here, &receipt);
    if (!waiter)
        return 1;
    int number = aep_waiter_fd(waiter), loop = epoll_create1(EPOLL_CLOEXEC), wakes = eventfd(1, 0);
    if (dup2(loop, number) != number || wakes < 0)
        return 2;
    close(loop);
    event = (struct epoll_event){.events = EPOLLIN, .data.fd = wakes};
    if (epoll_ctl(number, EPOLL_CTL_ADD, wakes, &event) < 0)
        return 3;
    if (aep_waiter_next(waiter, &outcome, &here->err) != AEP_ESTATE)
        return 4;
    aep_waiter_free(waiter);
    return epoll_wait(number, &event, 1, 0) == 1 && event.data.fd == wakes ? 0 : 5;
}

static void test_a_waiter_tells_its_loop_from_the_hosts(void **state)
{
    assert_int_equal(in_child(take_a_waiters_for_a_loop, *state), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_event_is_lost_to_a_file_that_took_a_number_of_ours),
        TEST(test_no_event_is_lost_to_a_number_that_cannot_be_written_to),
        TEST(test_two_publishers_outlive_a_closerange),
        TEST(test_a_closerange_is_counted_and_what_was_written_is_still_synced),
        TEST(test_a_waiter_leaves_files_that_took_its_numbers_alone),
        TEST(test_a_pipe_that_took_the_bells_number_is_not_written_to),
        TEST(test_a_waiter_tells_its_loop_from_the_hosts),
        TEST(test_closed_standard_streams_are_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

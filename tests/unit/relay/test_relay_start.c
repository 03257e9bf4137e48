/* SPDX-License-Identifier: Apache-2.0 */
/* What a relay that starts shows of itself, and when. */
#include "relay_fixture.h"

#include "relay/report.h"

#include <sys/inotify.h>

/* Whether the status was written before the name of the control socket appeared. */
static bool status_comes_first(int fd)
{
    _Alignas(struct inotify_event) char events[4096];
    bool written = false;
    for (;;) {
        ssize_t got = read(fd, events, sizeof events);
        assert_true(got > 0);
        for (char *at = events; at < events + got;) {
            const struct inotify_event *event = (const void *)at;
            written |= (event->mask & IN_MODIFY) && strcmp(event->name, "status") == 0;
            if ((event->mask & IN_MOVED_TO) && strcmp(event->name, AEP__CONTROL_NAME) == 0)
                return written;
            at += sizeof *event + event->len;
        }
    }
}

static void test_a_relay_is_in_the_status_before_it_listens(void **state)
{
    struct here *here = *state;
    int fd = inotify_init1(IN_CLOEXEC);
    assert_true(inotify_add_watch(fd, here->dir, IN_MODIFY | IN_MOVED_TO) >= 0);
    start_relay(here);
    assert_true(status_comes_first(fd));
    close(fd);
}

static void test_a_relay_that_starts_takes_the_place_of_a_dead_one(void **state)
{
    struct here *here = *state;
    struct aep__relay *next = calloc(1, sizeof *next);
    struct aep__status status = {.pid = 1, .started_us = 1, .parked_now = 7};
    accepted(here, aep__spool_open(&next->spool, here->dir, NULL, &here->err));
    int fd = aep__status_open(&next->spool);
    assert_int_equal(aep__status_write(fd, &status), 0);
    close(fd);
    aep__report_start(next);
    accepted(here, aep__status_read(&next->spool, &status, &here->err));
    assert_int_equal(status.pid, getpid());
    assert_true(status.started_us > 1);
    assert_int_equal(status.parked_now, 7);
    aep__report_done(next);
    aep__spool_done(&next->spool);
    free(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_relay_is_in_the_status_before_it_listens),
        TEST(test_a_relay_that_starts_takes_the_place_of_a_dead_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

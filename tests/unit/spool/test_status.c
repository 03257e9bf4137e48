/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/status.h"

#include "spool_fixture.h"

#include <signal.h>
#include <time.h>

static void write_status(struct here *here, struct aep__status *status)
{
    int fd = aep__status_open(&here->spool);
    assert_true(fd >= 0);
    assert_int_equal(aep__status_write(fd, status), 0);
    close(fd);
}

static void test_none_is_there_before_a_relay_wrote_one(void **state)
{
    struct here *here = *state;
    struct aep__status status;
    assert_int_equal(aep__status_read(&here->spool, &status, &here->err), AEP_ESTATE);
    assert_int_equal(unlinkat(here->spool.dir_fd, "status", 0), 0);
    assert_int_equal(aep__status_read(&here->spool, &status, &here->err), AEP_ESTATE);
    close(aep__status_open(&here->spool));
    assert_int_equal(aep__status_read(&here->spool, &status, &here->err), AEP_ESTATE);
}

static void test_what_is_written_is_read(void **state)
{
    struct here *here = *state;
    struct aep__status status = {.pid = 42,
                                 .broker = AEP_BROKER_CONNECTED,
                                 .segment = 7,
                                 .offset = 8,
                                 .ordinal = 9,
                                 .reason = "because"},
                       back;
    status.latency[AEP__LATENCY_BUCKETS - 1] = 10;
    write_status(here, &status);
    assert_true(status.written_us > 0);
    assert_int_equal(aep__status_read(&here->spool, &back, &here->err), AEP_OK);
    assert_memory_equal(&back, &status, sizeof status);
    status.pid = 43;
    write_status(here, &status);
    assert_int_equal(aep__status_read(&here->spool, &back, &here->err), AEP_OK);
    assert_int_equal(back.pid, 43);
}

static void test_texts_end_whatever_was_written(void **state)
{
    struct here *here = *state;
    struct aep__status status = {.pid = 1}, back;
    memset(status.reason, 'r', sizeof status.reason);
    memset(status.version_text, 'v', sizeof status.version_text);
    write_status(here, &status);
    assert_int_equal(aep__status_read(&here->spool, &back, &here->err), AEP_OK);
    assert_int_equal(strlen(back.reason), sizeof back.reason - 1);
    assert_int_equal(strlen(back.version_text), sizeof back.version_text - 1);
}

static void test_a_damaged_one_is_none(void **state)
{
    struct here *here = *state;
    struct aep__status status = {.pid = 1};
    write_status(here, &status);
    off_t size = size_of(here, "status");
    for (off_t at = 0; at < size - 4; at += 37) {
        char byte;
        int fd = openat(here->spool.dir_fd, "status", O_RDWR | O_CLOEXEC);
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        assert_int_equal(aep__status_read(&here->spool, &status, &here->err), AEP_ESTATE);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
    }
    assert_int_equal(aep__status_read(&here->spool, &status, &here->err), AEP_OK);
    int fd = openat(here->spool.dir_fd, "status", O_WRONLY | O_TRUNC | O_CLOEXEC);
    close(fd);
    assert_int_equal(aep__status_read(&here->spool, &status, &here->err), AEP_ESTATE);
}

static void test_readers_beside_a_writer_see_whole_ones(void **state)
{
    struct here *here = *state;
    struct aep__status status = {.pid = 1}, back;
    write_status(here, &status);
    pid_t writer = fork();
    if (writer == 0) {
        int fd = aep__status_open(&here->spool);
        for (uint64_t i = 0;; i++) {
            status.segment = i;
            for (int b = 0; b < AEP__LATENCY_BUCKETS; b++)
                status.latency[b] = i;
            if (aep__status_write(fd, &status) < 0)
                _exit(1);
        }
    }
    time_t end = time(NULL) + 60; /* on a busy machine the writer may not run for a while */
    back.segment = 0;
    for (int i = 0; i < 10000 || (back.segment == 0 && time(NULL) < end); i++) {
        assert_int_equal(aep__status_read(&here->spool, &back, &here->err), AEP_OK);
        for (int b = 0; b < AEP__LATENCY_BUCKETS; b++)
            assert_true(back.latency[b] == back.segment);
    }
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    assert_true(back.segment > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_none_is_there_before_a_relay_wrote_one),
        HERE_TEST(test_what_is_written_is_read),
        HERE_TEST(test_texts_end_whatever_was_written),
        HERE_TEST(test_a_damaged_one_is_none),
        HERE_TEST(test_readers_beside_a_writer_see_whole_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

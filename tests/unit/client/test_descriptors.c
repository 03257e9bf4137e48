/* SPDX-License-Identifier: Apache-2.0 */
/* A program at its limit of open files: whichever of our opens fails, the call reports it, the
 * program lives on, and everything works again once descriptors are free. */
#include "client_fixture.h"

#include "base/error.h"

#include <errno.h>
#include <sys/resource.h>

#define DESCRIPTORS_MAX 40 /* more than any call of ours holds */

static rlim_t lowest_free(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    close(fd);
    return (rlim_t)fd;
}

static void leave_descriptors(rlim_t count)
{
    struct rlimit limit;
    rlim_t lowest = lowest_free();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = lowest + count;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void free_descriptors(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max < 1024 ? limit.rlim_max : 1024;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int publish(struct here *here, aep_receipt *receipt)
{
    return aep_publish_event(
        here->pub,
        AEP_EVENT(.event_type = "acme.limits.reached.v1", .payload = "{\"correlation_id\":\"c\"}"),
        receipt, &here->err);
}

/* True: it went well. */
static bool went_well(const struct here *here, int result)
{
    if (result != AEP_OK && !strstr(here->err.text, aep__errno_text(EMFILE)))
        fail_msg("%s: %s", aep_code_name(result), here->err.text);
    return result == AEP_OK;
}

static void test_opening_with_few_descriptors(void **state)
{
    struct here *here = *state;
    bool opened = false;
    for (rlim_t count = 0; !opened && count < DESCRIPTORS_MAX; count++) {
        leave_descriptors(count);
        int result = aep_publisher_open(&here->pub, here->config, &here->err);
        free_descriptors();
        opened = went_well(here, result);
    }
    assert_true(opened);
    accepted(here, publish(here, NULL));
}

/* The first event creates a segment, or finds the existing one. */
static void test_publishing_with_few_descriptors(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    bool published = false;
    for (rlim_t count = 0; !published && count < DESCRIPTORS_MAX; count++) {
        leave_descriptors(count);
        int result = publish(here, NULL);
        free_descriptors();
        published = went_well(here, result);
    }
    assert_true(published);
}

/* What is open stays usable. */
static void test_a_publisher_that_is_at_work_needs_none(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    accepted(here, publish(here, NULL));
    leave_descriptors(0);
    for (int i = 0; i < 100; i++) {
        int result = publish(here, NULL);
        if (result != AEP_OK) {
            free_descriptors();
            fail_msg("%s", here->err.text);
        }
    }
    free_descriptors();
}

/* Asking makes nothing worse: it returns an answer or an error; then again, with descriptors. */
static void test_asking_with_few_descriptors(void **state)
{
    struct here *here = *state;
    aep_receipt receipt = AEP_RECEIPT_INIT;
    aep_health health = AEP_HEALTH_INIT;
    aep_stats stats = AEP_STATS_INIT;
    open_publisher(here);
    accepted(here, publish(here, &receipt));
    for (rlim_t count = 0; count < 8; count++) {
        leave_descriptors(count);
        int waited = aep_publisher_wait(here->pub, &receipt, 0, &here->err);
        int health_code = aep_publisher_health(here->pub, &health, NULL);
        int stats_code = aep_publisher_stats(here->pub, &stats, NULL);
        free_descriptors();
        assert_int_equal(waited, AEP_EDEFERRED);
        assert_true(health_code == AEP_OK || health_code == AEP_ESPOOL);
        assert_true(stats_code == AEP_OK || stats_code == AEP_ESPOOL || stats_code == AEP_EIO);
    }
    accepted(here, aep_publisher_health(here->pub, &health, &here->err));
    accepted(here, aep_publisher_stats(here->pub, &stats, &here->err));
    accepted(here, publish(here, NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_opening_with_few_descriptors),
        TEST(test_publishing_with_few_descriptors),
        TEST(test_a_publisher_that_is_at_work_needs_none),
        TEST(test_asking_with_few_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

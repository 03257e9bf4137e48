/* SPDX-License-Identifier: Apache-2.0 */
/* Executions that are entered for another process: who ends one after somebody was killed at it. */
#include "client_fixture.h"

#include "base/id.h"
#include "client/entrusted.h"
#include "spool/roll.h"
#include "spool/roll_file.h"

#define UNIT 1 /* in a file of its own */

static const aep_field fields[] = {
    {.name = "agent_name", .text = "a", .length = 1},
    {.name = "correlation_id", .text = "c", .length = 1},
    {.name = "user_request", .text = "r", .length = 1},
};

static void start(struct here *here, uint8_t execution[16])
{
    struct aep__os_process self;
    aep__os_process_self(&self);
    aep__id_make(1, execution);
    open_publisher(here);
    accepted(here, aep__entrusted_start_as(here->pub, &self, execution, fields, 3, &here->err));
}

static int end(struct here *here, const uint8_t execution[16])
{
    return aep__entrusted_end(here->pub, AEP_KIND_COMPLETED, execution, fields, 2, &here->err);
}

static int open_entry(const struct here *here, const uint8_t execution[16])
{
    struct aep__spool spool;
    aep_error err;
    char name[AEP__ROLL_NAME_SIZE];
    assert_int_equal(aep__spool_open(&spool, here->dir, NULL, &err), AEP_OK);
    aep__roll_entrusted_name(execution, name);
    int fd = aep__roll_open(&spool, name);
    aep__spool_done(&spool);
    assert_true(fd >= 0);
    return fd;
}

/* As somebody who was killed between saying that it ends it, with this event, and the end of it. */
static void leave_ending(const struct here *here, const uint8_t execution[16],
                         const uint8_t event[16])
{
    struct aep__roll_area area = {.state = AEP__ROLL_ENDING};
    int fd = open_entry(here, execution);
    memcpy(area.execution, execution, sizeof area.execution);
    memcpy(area.event, event, sizeof area.event);
    assert_int_equal(aep__roll_mark(fd, UNIT, AEP__ROLL_ANOTHER, &area), 0);
    close(fd);
}

static void test_an_end_that_was_not_said_is_still_to_be_said(void **state)
{
    struct here *here = *state;
    uint8_t execution[16], event[16];
    start(here, execution);
    aep__id_make(2, event);
    leave_ending(here, execution, event);
    accepted(here, end(here, execution));
    assert_int_equal(end(here, execution), AEP_ESTATE);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 2);
}

static void test_an_end_that_was_said_is_not_said_again(void **state)
{
    struct here *here = *state;
    uint8_t execution[16];
    start(here, execution);
    leave_ending(here, execution, execution); /* an event that is in the spool */
    assert_int_equal(end(here, execution), AEP_ESTATE);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 1);
}

static void test_who_is_at_it_is_not_disturbed(void **state)
{
    struct here *here = *state;
    uint8_t execution[16];
    start(here, execution);
    int fd = open_entry(here, execution);
    assert_true(aep__roll_hold(fd));
    assert_int_equal(end(here, execution), AEP_ESTATE);
    close(fd);
    accepted(here, end(here, execution));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_end_that_was_not_said_is_still_to_be_said),
        TEST(test_an_end_that_was_said_is_not_said_again),
        TEST(test_who_is_at_it_is_not_disturbed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

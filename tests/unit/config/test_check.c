/* SPDX-License-Identifier: Apache-2.0 */
/* Values that must agree with each other. */
#include "config_fixture.h"

static void test_without_servers_the_message_says_what_to_set(void **state)
{
    struct world *world = *state;
    must_not_pass(world, "set KAFKA_BOOTSTRAP_SERVERS=host:9092, or AEP_MODE=local");
    given_variable(world, "AEP_EVENTS_ENABLED=false");
    must_pass(world);
    withdraw_variable(world);
    given_variable(world, "AEP_MODE=local");
    must_pass(world);
}

static void test_a_spool_holds_at_least_four_of_the_segments_that_are_set(void **state)
{
    struct world *world = *state;
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=a");
    given_variable(world, "AEP_SPOOL_MAX_BYTES=31MiB");
    must_pass(world); /* an existing spool may have smaller ones: see test_publisher.c */
    given_argument(world, "spool.segment_bytes", "8MiB");
    must_not_pass(world, "spool.max_bytes = 31MiB (environment AEP_SPOOL_MAX_BYTES) must be at "
                         "least four times spool.segment_bytes = 8MiB (argument): 33554432 bytes");
    given_argument(world, "spool.max_bytes", "32MiB");
    must_pass(world);
    given_argument(world, "spool.segment_bytes", "16MiB");
    must_not_pass(world, "at least four times spool.segment_bytes");
}

static void test_a_field_fits_into_a_message(void **state)
{
    struct world *world = *state;
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=a");
    given_argument(world, "limits.field_bytes", "2M");
    must_not_pass(world, "limits.message_bytes = 1000000 (default) must be at least "
                         "limits.field_bytes = 2M (argument)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_without_servers_the_message_says_what_to_set),
        TEST(test_a_spool_holds_at_least_four_of_the_segments_that_are_set),
        TEST(test_a_field_fits_into_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

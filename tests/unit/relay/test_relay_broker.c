/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay knows about the broker from the signs that librdkafka gives. */
#include "relay/broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SECOND_US 1000000
#define ONE_FAILS AEP_BROKER_UNKNOWN /* the sign, not the state */

static void note(struct aep__broker *broker, enum aep_broker_state sign, const char *reason,
                 int64_t at_s)
{
    aep__broker_note(broker, sign, reason, at_s * SECOND_US);
}

static void test_one_server_that_fails_says_nothing_of_the_others(void **state)
{
    struct aep__broker broker = {0};
    (void)state;
    note(&broker, ONE_FAILS, "dead:1: refused", 1);
    assert_int_equal(broker.state, AEP_BROKER_UNKNOWN);
    assert_string_equal(broker.reason, "");
    note(&broker, AEP_BROKER_CONNECTED, "", 2);
    assert_int_equal(broker.state, AEP_BROKER_CONNECTED);
    note(&broker, ONE_FAILS, "dead:1: refused", 3);
    assert_int_equal(broker.state, AEP_BROKER_CONNECTED);
}

static void test_all_that_fail_give_the_last_ones_reason(void **state)
{
    struct aep__broker broker = {0};
    (void)state;
    note(&broker, ONE_FAILS, "dead:1: refused", 1);
    note(&broker, ONE_FAILS, "dead:2: refused", 2);
    note(&broker, AEP_BROKER_UNREACHABLE, "2/2 brokers are down", 2);
    assert_int_equal(broker.state, AEP_BROKER_UNREACHABLE);
    assert_string_equal(broker.reason, "dead:2: refused");
    note(&broker, ONE_FAILS, "dead:1: no route", 3);
    assert_int_equal(broker.state, AEP_BROKER_UNREACHABLE);
    assert_string_equal(broker.reason, "dead:1: no route");
}

static void test_a_refusal_outlasts_the_connections_that_end_with_it(void **state)
{
    struct aep__broker broker = {0};
    (void)state;
    note(&broker, AEP_BROKER_AUTH_FAILED, "wrong password", 1);
    note(&broker, ONE_FAILS, "disconnected", 1);
    note(&broker, AEP_BROKER_UNREACHABLE, "1/1 brokers are down", 1);
    assert_int_equal(broker.state, AEP_BROKER_AUTH_FAILED);
    assert_string_equal(broker.reason, "wrong password");
    assert_true(aep__broker_refused(&broker));
    note(&broker, ONE_FAILS, "refused", 60);
    assert_int_equal(broker.state, AEP_BROKER_UNREACHABLE);
}

static void test_a_client_that_cannot_be_made_is_told_with_its_reason(void **state)
{
    struct aep__broker broker = {0};
    (void)state;
    note(&broker, AEP_BROKER_MISCONFIGURED, "kafka.ssl.ca.location: cannot read it", 1);
    assert_int_equal(broker.state, AEP_BROKER_MISCONFIGURED);
    assert_string_equal(broker.reason, "kafka.ssl.ca.location: cannot read it");
    assert_true(aep__broker_refused(&broker));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_server_that_fails_says_nothing_of_the_others),
        cmocka_unit_test(test_all_that_fail_give_the_last_ones_reason),
        cmocka_unit_test(test_a_refusal_outlasts_the_connections_that_end_with_it),
        cmocka_unit_test(test_a_client_that_cannot_be_made_is_told_with_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The table of errors: it covers every error that this librdkafka knows. */
#include "kafka/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_every_error_is_placed(void **state)
{
    const struct rd_kafka_err_desc *descriptions;
    size_t count;
    unsigned seen = 0;
    (void)state;
    rd_kafka_get_err_descs(&descriptions, &count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t error = descriptions[i].code;
        if (!descriptions[i].desc || error == RD_KAFKA_RESP_ERR__BEGIN ||
            error == RD_KAFKA_RESP_ERR__END)
            continue;
        seen++;
        if (aep__fault_of(error) == AEP__FAULT_UNKNOWN)
            fail_msg("%d, %s", error, descriptions[i].name);
    }
    assert_true(seen > 150);
}

static void test_an_error_of_a_later_kafka_is_unknown(void **state)
{
    static const int strangers[] = {-1000, -201, -120, 500, 32767};
    (void)state;
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        assert_int_equal(aep__fault_of((rd_kafka_resp_err_t)strangers[i]), AEP__FAULT_UNKNOWN);
}

/* A final refusal makes an event a dead letter: of a broker's refusals, these and no others. */
static void test_few_refusals_are_final(void **state)
{
    unsigned final = 0;
    (void)state;
    for (int error = -200; error < 1000; error++)
        final += aep__fault_of((rd_kafka_resp_err_t)error) == AEP__FAULT_MESSAGE;
    assert_int_equal(final, 6);
    assert_int_equal(aep__fault_of(RD_KAFKA_RESP_ERR_NO_ERROR), AEP__FAULT_NONE);
    assert_int_equal(aep__fault_of(RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP), AEP__FAULT_TIME);
    assert_int_equal(aep__fault_of(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), AEP__FAULT_MESSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_is_placed),
        cmocka_unit_test(test_an_error_of_a_later_kafka_is_unknown),
        cmocka_unit_test(test_few_refusals_are_final),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

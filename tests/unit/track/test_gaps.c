/* SPDX-License-Identifier: Apache-2.0 */
/* Gaps: the 99th percentile of the last 200, and the patience that comes from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "track/gaps.h"

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)

static void add(struct aep__gaps *gaps, int count, int64_t gap_us)
{
    for (int i = 0; i < count; i++)
        aep__gaps_add(gaps, gap_us);
}

static void test_few_gaps_tell_nothing(void **state)
{
    (void)state;
    struct aep__gaps gaps = {0};
    add(&gaps, 19, SECOND_US);
    assert_int_equal(aep__gaps_usual_us(&gaps), -1);
    assert_int_equal(aep__gaps_patience_us(&gaps), 10 * MINUTE_US);
    add(&gaps, 1, SECOND_US);
    assert_int_equal(aep__gaps_usual_us(&gaps), SECOND_US);
}

static void test_the_99th_percentile(void **state)
{
    (void)state;
    struct aep__gaps gaps = {0};
    for (int i = 1; i <= 100; i++)
        aep__gaps_add(&gaps, i * SECOND_US);
    assert_int_equal(aep__gaps_usual_us(&gaps), 99 * SECOND_US);
    for (int i = 101; i <= 200; i++)
        aep__gaps_add(&gaps, i * SECOND_US);
    assert_int_equal(aep__gaps_usual_us(&gaps), 198 * SECOND_US);
}

static void test_old_gaps_are_forgotten(void **state)
{
    (void)state;
    struct aep__gaps gaps = {0};
    add(&gaps, 200, 100 * SECOND_US);
    add(&gaps, 197, SECOND_US);
    assert_int_equal(aep__gaps_usual_us(&gaps), 100 * SECOND_US);
    add(&gaps, 1, SECOND_US);
    assert_int_equal(aep__gaps_usual_us(&gaps), SECOND_US);
}

static void test_patience_has_limits(void **state)
{
    (void)state;
    struct aep__gaps gaps = {0};
    add(&gaps, 200, -5);
    assert_int_equal(aep__gaps_patience_us(&gaps), MINUTE_US);
    add(&gaps, 200, 2 * MINUTE_US);
    assert_int_equal(aep__gaps_patience_us(&gaps), 8 * MINUTE_US);
    add(&gaps, 200, INT64_MAX / 2);
    assert_int_equal(aep__gaps_patience_us(&gaps), 30 * MINUTE_US);
}

static void test_they_outlive_a_store(void **state)
{
    (void)state;
    struct aep__gaps gaps = {0}, again;
    char bytes[AEP__GAPS_BYTES];
    for (int i = 0; i < 250; i++)
        aep__gaps_add(&gaps, i * SECOND_US);
    aep__gaps_pack(&gaps, bytes);
    aep__gaps_unpack(&again, (struct aep__slice){bytes, sizeof bytes});
    assert_memory_equal(&again, &gaps, sizeof gaps);
    bytes[1] = 'x';
    aep__gaps_unpack(&again, (struct aep__slice){bytes, sizeof bytes});
    assert_int_equal(again.count, 0);
    aep__gaps_unpack(&again, (struct aep__slice){bytes, 3});
    assert_int_equal(again.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_gaps_tell_nothing),  cmocka_unit_test(test_the_99th_percentile),
        cmocka_unit_test(test_old_gaps_are_forgotten), cmocka_unit_test(test_patience_has_limits),
        cmocka_unit_test(test_they_outlive_a_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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

static int64_t patience_of(const struct aep__gaps *gaps)
{
    return aep__gaps_patience_us(aep__gaps_usual_us(gaps));
}

static void test_few_gaps_tell_nothing(void **state)
{
    (void)state;
    struct aep__gaps gaps = {0};
    add(&gaps, 19, SECOND_US);
    assert_int_equal(aep__gaps_usual_us(&gaps), -1);
    assert_int_equal(patience_of(&gaps), 10 * MINUTE_US);
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

static void test_what_is_usual_stays_only_if_it_does(void **state)
{
    (void)state;
    struct aep__gaps gaps = {0};
    unsigned number = 1, stayed = 0;
    for (int i = 0; i < 5000; i++) {
        number = number * 1103515245 + 12345;
        int64_t gap_us = (number >> 16) % 50 * SECOND_US, usual_us = aep__gaps_usual_us(&gaps);
        bool stays = aep__gaps_stays(&gaps, usual_us, gap_us);
        aep__gaps_add(&gaps, gap_us);
        if (stays)
            assert_int_equal(aep__gaps_usual_us(&gaps), usual_us);
        stayed += stays;
    }
    assert_true(stayed > 4000);
}

static void test_patience_has_limits(void **state)
{
    (void)state;
    struct aep__gaps gaps = {0};
    add(&gaps, 200, -5);
    assert_int_equal(patience_of(&gaps), MINUTE_US);
    add(&gaps, 200, 2 * MINUTE_US);
    assert_int_equal(patience_of(&gaps), 8 * MINUTE_US);
    add(&gaps, 200, INT64_MAX / 2);
    assert_int_equal(patience_of(&gaps), 30 * MINUTE_US);
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
        cmocka_unit_test(test_few_gaps_tell_nothing),
        cmocka_unit_test(test_the_99th_percentile),
        cmocka_unit_test(test_old_gaps_are_forgotten),
        cmocka_unit_test(test_patience_has_limits),
        cmocka_unit_test(test_they_outlive_a_store),
        cmocka_unit_test(test_what_is_usual_stays_only_if_it_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

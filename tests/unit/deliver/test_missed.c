/* SPDX-License-Identifier: Apache-2.0 */
/* What a waiter learns about records that left the spool without reaching Kafka. */
#include "deliver/missed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct aep__missed missed;

static int begin_missed(void **state)
{
    (void)state;
    memset(&missed, 0, sizeof missed);
    return 0;
}

static void add(uint64_t segment, uint64_t begin, uint64_t end, enum aep__fate fate)
{
    aep__missed_add(&missed, (struct aep__missed_range){segment, begin, end, fate});
}

#define assert_fate(segment, end, fate)                                                            \
    assert_int_equal(aep__missed_fate(&missed, segment, end), fate)

static void test_what_was_never_missed_is_acknowledged(void **state)
{
    (void)state;
    assert_fate(0, 0, AEP__FATE_ACKED);
    assert_fate(1, 100, AEP__FATE_ACKED);
}

/* A record is known by where it ends, so one that ends where the range begins stood before it. */
static void test_a_range_has_the_records_that_end_in_it(void **state)
{
    (void)state;
    add(3, 100, 200, AEP__FATE_PURGED);
    assert_fate(3, 100, AEP__FATE_ACKED);
    assert_fate(3, 101, AEP__FATE_PURGED);
    assert_fate(3, 200, AEP__FATE_PURGED);
    assert_fate(3, 201, AEP__FATE_ACKED);
    assert_fate(2, 150, AEP__FATE_ACKED);
    assert_fate(4, 150, AEP__FATE_ACKED);
}

static void test_a_segment_that_is_lost_has_all_its_records(void **state)
{
    (void)state;
    add(7, 0, UINT64_MAX, AEP__FATE_LOST);
    assert_fate(7, 1, AEP__FATE_LOST);
    assert_fate(7, UINT64_MAX, AEP__FATE_LOST);
    assert_fate(8, 1, AEP__FATE_ACKED);
}

static void test_neighbours_of_one_fate_take_one_place(void **state)
{
    (void)state;
    add(1, 0, 10, AEP__FATE_LOST);
    for (uint64_t at = 0; at < 100000; at += 10)
        add(2, at, at + 10, AEP__FATE_PURGED);
    assert_int_equal(missed.count, 2);
    assert_fate(1, 10, AEP__FATE_LOST);
    assert_fate(2, 10, AEP__FATE_PURGED);
    assert_fate(2, 100000, AEP__FATE_PURGED);
    assert_fate(2, 100001, AEP__FATE_ACKED);
}

static void test_what_is_no_neighbour_stays_apart(void **state)
{
    (void)state;
    add(1, 0, 100, AEP__FATE_PURGED);
    add(1, 100, 200, AEP__FATE_LOST);   /* another fate */
    add(2, 200, 300, AEP__FATE_LOST);   /* another segment */
    add(2, 400, 500, AEP__FATE_LOST);   /* after one that was acknowledged */
    add(2, 300, 350, AEP__FATE_PURGED); /* before the newest */
    assert_fate(1, 100, AEP__FATE_PURGED);
    assert_fate(1, 200, AEP__FATE_LOST);
    assert_fate(1, 300, AEP__FATE_ACKED);
    assert_fate(2, 200, AEP__FATE_ACKED);
    assert_fate(2, 300, AEP__FATE_LOST);
    assert_fate(2, 350, AEP__FATE_PURGED);
    assert_fate(2, 400, AEP__FATE_ACKED);
    assert_fate(2, 500, AEP__FATE_LOST);
}

static void test_the_newest_ranges_are_remembered(void **state)
{
    (void)state;
    for (uint64_t segment = 1; segment <= AEP__MISSED_RANGES; segment++)
        add(segment, 0, 100, AEP__FATE_LOST);
    assert_fate(1, 100, AEP__FATE_LOST);
    add(AEP__MISSED_RANGES + 1, 0, 100, AEP__FATE_PURGED);
    assert_fate(1, 100, AEP__FATE_ACKED);
    assert_fate(2, 100, AEP__FATE_LOST);
    assert_fate(AEP__MISSED_RANGES, 100, AEP__FATE_LOST);
    add(AEP__MISSED_RANGES + 1, 100, 200, AEP__FATE_PURGED); /* joined as before */
    assert_fate(2, 100, AEP__FATE_LOST);
    assert_fate(AEP__MISSED_RANGES + 1, 200, AEP__FATE_PURGED);
}

#define TEST(name) cmocka_unit_test_setup(name, begin_missed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_never_missed_is_acknowledged),
        TEST(test_a_range_has_the_records_that_end_in_it),
        TEST(test_a_segment_that_is_lost_has_all_its_records),
        TEST(test_neighbours_of_one_fate_take_one_place),
        TEST(test_what_is_no_neighbour_stays_apart),
        TEST(test_the_newest_ranges_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Structs that begin with their size, of older and newer headers. */
#include "base/sized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The struct as we know it, as an older header had it, and as a newer one has it. */
struct ours {
    size_t size;
    int first, second;
};

struct older {
    size_t size;
    int first;
    int guard; /* beyond the struct's size */
};

struct newer {
    struct ours known;
    int third, fourth;
};

#define OLDER_BYTES offsetof(struct older, guard)

static int check(const void *theirs, aep_error *err)
{
    return aep__sized_check(theirs, sizeof(struct ours), "OURS()", err);
}

static void test_an_older_argument_is_read_as_far_as_it_goes(void **state)
{
    (void)state;
    struct older older = {.size = OLDER_BYTES, .first = 1, .guard = 2};
    struct ours ours = {0};
    int second = 3;
    assert_int_equal(check(&older, NULL), AEP_OK);
    aep__sized_read(&older, &ours, sizeof ours);
    assert_int_equal(ours.size, sizeof ours);
    assert_int_equal(ours.first, 1);
    assert_int_equal(ours.second, 0);
    aep__sized_get(&older, offsetof(struct ours, second), &second, sizeof second);
    assert_int_equal(second, 0);
    aep__sized_get(&older, offsetof(struct ours, first), &second, sizeof second);
    assert_int_equal(second, 1);
}

static void test_a_newer_argument_is_read_unless_its_news_are_used(void **state)
{
    (void)state;
    aep_error err;
    struct newer newer = {.known = {.size = sizeof newer, .first = 1, .second = 2}};
    struct ours ours;
    assert_int_equal(check(&newer, NULL), AEP_OK);
    aep__sized_read(&newer, &ours, sizeof ours);
    assert_int_equal(ours.size, sizeof ours);
    assert_int_equal(ours.second, 2);
    newer.fourth = 1;
    assert_int_equal(check(&newer, &err), AEP_EINVAL);
    assert_string_equal(err.field, "size");
    assert_non_null(strstr(err.text, AEP_VERSION));
}

static void test_a_size_that_was_not_set_is_refused(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, sizeof(size_t), 4097, (size_t)-1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        aep_error err;
        struct ours ours = {.size = sizes[i]};
        assert_int_equal(check(&ours, &err), AEP_EINVAL);
        assert_non_null(strstr(err.text, "OURS()"));
    }
    struct ours result = {0};
    aep_error err;
    assert_int_equal(aep__sized_check_out(&result, "receipt", &err), AEP_EINVAL);
    assert_string_equal(err.field, "receipt");
    result.size = sizeof result;
    assert_int_equal(aep__sized_check_out(&result, "receipt", &err), AEP_OK);
}

static void test_a_result_stays_within_its_size_and_keeps_it(void **state)
{
    (void)state;
    const struct ours ours = {.size = sizeof ours, .first = 1, .second = 2};
    struct older older = {.size = OLDER_BYTES, .guard = 9};
    struct newer newer = {.known.size = sizeof newer, .third = 3, .fourth = 4};
    aep__sized_write(&older, &ours, sizeof ours);
    assert_int_equal(older.size, OLDER_BYTES);
    assert_int_equal(older.first, 1);
    assert_int_equal(older.guard, 9);
    aep__sized_write(&newer, &ours, sizeof ours);
    assert_int_equal(newer.known.size, sizeof newer);
    assert_int_equal(newer.known.second, 2);
    assert_int_equal(newer.third, 3);
    assert_int_equal(newer.fourth, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_older_argument_is_read_as_far_as_it_goes),
        cmocka_unit_test(test_a_newer_argument_is_read_unless_its_news_are_used),
        cmocka_unit_test(test_a_size_that_was_not_set_is_refused),
        cmocka_unit_test(test_a_result_stays_within_its_size_and_keeps_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

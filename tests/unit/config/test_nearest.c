/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the nearest word. */
#include "config_fixture.h"

#include "config/nearest.h"

static void test_edit_distance_counts_slips(void **state)
{
    (void)state;
    assert_int_equal(aep__edit_distance("", ""), 0);
    assert_int_equal(aep__edit_distance("spool", ""), 5);
    assert_int_equal(aep__edit_distance("spool", "SPOOL"), 0);
    assert_int_equal(aep__edit_distance("spool", "spol"), 1);
    assert_int_equal(aep__edit_distance("spool", "spoool"), 1);
    assert_int_equal(aep__edit_distance("spool", "spaol"), 1);
    assert_int_equal(aep__edit_distance("redact", "redcat"), 1);
    assert_int_equal(aep__edit_distance("kitten", "sitting"), 3);
}

static const char *nearest_verb(const char *wanted)
{
    struct aep__nearest nearest = {.wanted = wanted};
    const char *const verbs[] = {"publish", "run", "status", "id"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        aep__nearest_show(&nearest, verbs[i]);
    return aep__nearest_get(&nearest);
}

static void test_the_nearest_is_a_slip_or_a_begin_away(void **state)
{
    (void)state;
    assert_string_equal(nearest_verb("pubish"), "publish");
    assert_string_equal(nearest_verb("PUB"), "publish");
    assert_string_equal(nearest_verb("runn"), "run");
    assert_null(nearest_verb("p"));
    assert_null(nearest_verb("-x"));
    assert_null(nearest_verb("nosuch"));
    assert_null(nearest_verb(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_edit_distance_counts_slips),
        TEST(test_the_nearest_is_a_slip_or_a_begin_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

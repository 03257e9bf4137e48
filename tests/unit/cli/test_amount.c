/* SPDX-License-Identifier: Apache-2.0 */
#include "aep/amount.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void one_thing_is_singular_and_every_other_number_plural(void **state)
{
    (void)state;
    assert_string_equal(aep__amount_of(0, "event").text, "0 events");
    assert_string_equal(aep__amount_of(1, "replica").text, "1 replica");
    assert_string_equal(aep__amount_of(2, "dead letter").text, "2 dead letters");
    assert_string_equal(aep__amount_of(UINT64_MAX, "event").text, "18446744073709551615 events");
}

static void bytes_have_the_unit_that_fits(void **state)
{
    (void)state;
    assert_string_equal(aep__amount_bytes(0).text, "0 B");
    assert_string_equal(aep__amount_bytes(1023).text, "1023 B");
    assert_string_equal(aep__amount_bytes(1536).text, "1.5 KiB");
    assert_string_equal(aep__amount_bytes(UINT64_C(1) << 30).text, "1.0 GiB");
}

static void durations_have_the_units_that_fit(void **state)
{
    (void)state;
    static const struct {
        double ms;
        const char *text;
    } rows[] = {
        {-1, "0 ms"},
        {0, "0 ms"},
        {0.04, "0 ms"},
        {0.42, "0.4 ms"},
        {3, "3 ms"},
        {9.94, "9.9 ms"},
        {9.96, "10 ms"},
        {340.4, "340 ms"},
        {999.6, "1 s"},
        {1500, "1.5 s"},
        {23726.57, "23.7 s"},
        {59949, "59.9 s"},
        {59960, "1 min 0 s"},
        {83456, "1 min 23 s"},
        {3599600, "1 h 0 min"},
        {11100000, "3 h 5 min"},
        {86399000, "1 d 0 h"},
        {187200000, "2 d 4 h"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(aep__amount_ms(rows[i].ms).text, rows[i].text);
    assert_true(aep__amount_ms(1e300).text[0] != '\0');
}

static void durations_are_brief_in_columns(void **state)
{
    (void)state;
    static const struct {
        double ms;
        const char *text;
    } rows[] = {
        {0, "0ms"},        {340, "340ms"},     {23726.57, "23.7s"},
        {252000, "4m12s"}, {11100000, "3h5m"}, {187200000, "2d4h"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(aep__amount_brief(rows[i].ms).text, rows[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thing_is_singular_and_every_other_number_plural),
        cmocka_unit_test(bytes_have_the_unit_that_fits),
        cmocka_unit_test(durations_have_the_units_that_fit),
        cmocka_unit_test(durations_are_brief_in_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

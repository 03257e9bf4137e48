/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void must_read(const char *text, int64_t expected_us)
{
    int64_t us = -1;
    if (!aep__clock_parse(text, strlen(text), &us))
        fail_msg("%s was refused", text);
    if (us != expected_us)
        fail_msg("%s is %lld, not %lld", text, (long long)us, (long long)expected_us);
}

static void must_write(int64_t us, const char *expected)
{
    char text[AEP__TIME_SIZE];
    int64_t back;
    aep__clock_format(us, text);
    assert_string_equal(text, expected);
    assert_true(aep__clock_parse(text, strlen(text), &back));
    assert_int_equal(back, us);
}

/* The seconds are those of `date -u -d TEXT +%s`. */
static void test_times_are_written_as_rfc_3339(void **state)
{
    (void)state;
    must_write(0, "1970-01-01T00:00:00.000000Z");
    must_write(-1, "1969-12-31T23:59:59.999999Z");
    must_write(INT64_C(1763044200123456), "2025-11-13T14:30:00.123456Z");
    must_write(INT64_C(951782400000000), "2000-02-29T00:00:00.000000Z");
    must_write(INT64_C(951868799999999), "2000-02-29T23:59:59.999999Z");
    must_write(INT64_C(4107542400000000), "2100-03-01T00:00:00.000000Z");
    must_write(INT64_C(4107542399000000), "2100-02-28T23:59:59.000000Z");
    must_write(INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z");
    must_write(INT64_C(-62167219200000000), "0000-01-01T00:00:00.000000Z");
}

static void test_times_are_read_with_fractions_and_zones(void **state)
{
    (void)state;
    const int64_t base_us = INT64_C(1763044200000000);
    must_read("2025-11-13T14:30:00Z", base_us);
    must_read("2025-11-13t14:30:00z", base_us);
    must_read("2025-11-13T14:30:00.5Z", base_us + 500000);
    must_read("2025-11-13T14:30:00.123456789Z", base_us + 123456);
    must_read("2025-11-13T14:30:00.0000000000000000000009Z", base_us);
    must_read("2025-11-13T16:30:00+02:00", base_us);
    must_read("2025-11-13T09:00:00-05:30", base_us);
    must_read("2025-11-14T14:29:00+23:59", base_us);
    must_read("2025-11-13T14:30:00-00:00", base_us);
    must_read("2024-02-29T00:00:00Z", INT64_C(1709164800000000));
    must_read("1990-12-31T23:59:60Z", INT64_C(662688000000000));
    must_read("1990-12-31T15:59:60-08:00", INT64_C(662688000000000));
}

static void test_what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2025-11-13",
        "2025-11-13 14:30:00Z",
        "2025-11-13T14:30:00",
        "2025-11-13T14:30Z",
        "2025-11-13T14:30:00.Z",
        "2025-11-13T14:30:00,5Z",
        "2025-11-13T14:30:00Zx",
        "2025-11-13T24:00:00Z",
        "2025-11-13T14:60:00Z",
        "2025-11-13T14:30:61Z",
        "2025-13-01T00:00:00Z",
        "2025-00-01T00:00:00Z",
        "2025-01-00T00:00:00Z",
        "2025-01-32T00:00:00Z",
        "2025-04-31T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2025-11-13T14:30:00+2:00",
        "2025-11-13T14:30:00+0200",
        "2025-11-13T14:30:00+24:00",
        "2025-11-13T14:30:00+02:60",
        "2025-11-13T14:30:00+",
        "+025-11-13T14:30:00Z",
        "20251113T143000Z",
        "2025-1-13T14:30:00Z",
        "2025/11/13T14:30:00Z",
        " 2025-11-13T14:30:00Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (aep__clock_parse(bad[i], strlen(bad[i]), NULL))
            fail_msg("%s was read", bad[i]);
    assert_false(aep__clock_parse("2025-11-13T14:30:00Z", 19, NULL));
}

static void test_every_day_of_eight_centuries_is_written_and_read_back(void **state)
{
    (void)state;
    const int64_t day_us = INT64_C(86400000000);
    char text[AEP__TIME_SIZE], before[AEP__TIME_SIZE] = "";
    for (int64_t day = -146097; day < 146097; day++) {
        int64_t back;
        aep__clock_format(day * day_us, text);
        assert_true(strcmp(before, text) < 0);
        assert_true(aep__clock_parse(text, strlen(text), &back) && back == day * day_us);
        strcpy(before, text);
    }
}

static void test_the_monotonic_clock_does_not_go_back(void **state)
{
    (void)state;
    int64_t last_us = aep__clock_mono_us();
    for (int i = 0; i < 1000; i++) {
        int64_t now_us = aep__clock_mono_us();
        assert_true(now_us >= last_us);
        last_us = now_us;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_are_written_as_rfc_3339),
        cmocka_unit_test(test_times_are_read_with_fractions_and_zones),
        cmocka_unit_test(test_what_is_no_time_is_refused),
        cmocka_unit_test(test_every_day_of_eight_centuries_is_written_and_read_back),
        cmocka_unit_test(test_the_monotonic_clock_does_not_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

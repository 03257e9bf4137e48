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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thing_is_singular_and_every_other_number_plural),
        cmocka_unit_test(bytes_have_the_unit_that_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

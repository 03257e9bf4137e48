/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_an_error_carries_code_field_and_text(void **state)
{
    (void)state;
    aep_error err = {.position = 7};
    char long_text[1000];
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    assert_int_equal(aep__error(&err, AEP_EINVAL, "agent_name", "is %s", "blank"), AEP_EINVAL);
    assert_int_equal(err.code, AEP_EINVAL);
    assert_string_equal(err.field, "agent_name");
    assert_string_equal(err.text, "is blank");
    assert_int_equal(err.position, 0);
    errno = ENOSPC;
    assert_int_equal(aep__error_errno(&err, AEP_EIO, NULL, "/spool"), AEP_EIO);
    assert_string_equal(err.text, "/spool: No space left on device");
    assert_string_equal(err.field, "");
    assert_int_equal(aep__error(NULL, AEP_EIO, "x", "y"), AEP_EIO);
    errno = EIO;
    aep__error_errno(&err, AEP_EIO, long_text, "%s", long_text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(strlen(err.field), sizeof err.field - 1);
    assert_string_equal(aep_code_name(AEP_EFULL), "AEP_EFULL");
    assert_string_equal(aep_code_text(9999), "unknown code");
}

/* Programs that are built already have them inside. */
static void test_the_numbers_of_codes_are_stable(void **state)
{
    (void)state;
    static const int codes[] = {AEP_OK,      AEP_EINVAL,  AEP_EFULL,  AEP_EDEFERRED, AEP_EPARKED,
                                AEP_EDEAD,   AEP_ECONFIG, AEP_ESPOOL, AEP_EIO,       AEP_ENOMEM,
                                AEP_ETOOBIG, AEP_ESTATE,  AEP_ERELAY};
    for (int i = 0; i < (int)(sizeof codes / sizeof *codes); i++)
        assert_int_equal(codes[i], i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_error_carries_code_field_and_text),
        cmocka_unit_test(test_the_numbers_of_codes_are_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

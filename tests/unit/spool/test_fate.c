/* SPDX-License-Identifier: Apache-2.0 */
/* The fates of a record and what they are called. */
#include "spool/fate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *word, *answer;
    int code;
    const char *name;
} wanted[] = {
    [AEP__FATE_ON_DISK] = {"spooled", NULL, AEP_EDEFERRED, "deferred"},
    [AEP__FATE_ACKED] = {"acked", "acked", AEP_OK, "acked"},
    [AEP__FATE_PARKED] = {"parked", "parked", AEP_EPARKED, "parked"},
    [AEP__FATE_DEAD] = {"dead", "dead", AEP_EDEAD, "dead"},
    [AEP__FATE_PURGED] = {"purged", "error purged", AEP_ESPOOL, NULL},
    [AEP__FATE_LOST] = {"lost", "error lost", AEP_ESPOOL, NULL},
};

static void test_each_fate_has_its_words(void **state)
{
    (void)state;
    assert_int_equal(sizeof wanted / sizeof *wanted, AEP__FATE_COUNT);
    for (int fate = 0; fate < AEP__FATE_COUNT; fate++) {
        const char *answer = aep__fate_answer((enum aep__fate)fate);
        assert_string_equal(aep__fate_word((enum aep__fate)fate), wanted[fate].word);
        if (!wanted[fate].answer) {
            assert_null(answer);
        } else {
            assert_string_equal(answer, wanted[fate].answer);
            assert_int_equal(aep__fate_code(answer), wanted[fate].code);
        }
        if (wanted[fate].name)
            assert_string_equal(aep_fate_name(wanted[fate].code), wanted[fate].name);
    }
}

static void test_what_is_no_fate_has_no_name(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "", "ok", "ack", "acked ", "spooled", "deferred", "error no record ends there"};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        assert_int_equal(aep__fate_code(answers[i]), AEP_ERELAY);
    for (int code = -1; code < 20; code++)
        if (code != AEP_OK && code != AEP_EDEFERRED && code != AEP_EPARKED && code != AEP_EDEAD)
            assert_null(aep_fate_name(code));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_fate_has_its_words),
        cmocka_unit_test(test_what_is_no_fate_has_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

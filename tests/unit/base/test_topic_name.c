/* SPDX-License-Identifier: Apache-2.0 */
#include "base/topic_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool valid(const char *text)
{
    return aep__topic_name_valid(aep__slice_text(text));
}

static void test_names_that_kafka_takes(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "A.b_c-9", "...", ".a", "a..", "0", "-", "_"};
    char longest[AEP__TOPIC_NAME_MAX + 1];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(valid(names[i]));
    memset(longest, 'a', sizeof longest);
    assert_true(aep__topic_name_valid((struct aep__slice){longest, 249}));
    assert_false(aep__topic_name_valid((struct aep__slice){longest, 250}));
}

static void test_names_that_kafka_refuses(void **state)
{
    (void)state;
    static const char *const names[] = {"", ".", "..", "a b", "a/b", "\xc3\xa9", "a@", "[", "a\n"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_false(valid(names[i]));
    assert_false(aep__topic_name_valid((struct aep__slice){"a\0b", 3}));
    assert_false(aep__topic_name_valid((struct aep__slice){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_that_kafka_takes),
        cmocka_unit_test(test_names_that_kafka_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

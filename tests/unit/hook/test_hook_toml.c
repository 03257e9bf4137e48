/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/toml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "model = \"gpt # no comment\" # a comment\n"
                           "features.web = true\n"
                           "\n"
                           "[features] # more\n"
                           "hooks = false\r\n"
                           "[[skills]]\n"
                           "hooks = true\n"
                           "[hooks.state.\"/home/me/.codex/hooks.json:stop:0:0\"]\n"
                           "trusted_hash = \"sha256:aa\"\n"
                           "[hooks.state]\n"
                           "'/x.json:stop:1:0' = { enabled = false, trusted_hash = \"a,}b\" }\n"
                           "\"/q\\\"q:stop:0:0\".enabled = true\n"
                           "[ table . \"a.b\" ]\n"
                           "c=1";

static void assert_value(const char *const *path, const char *wanted)
{
    struct aep__buf value = {0};
    bool found = aep__toml_find((struct aep__slice){text, strlen(text)}, path, &value);
    assert_int_equal(found, wanted != NULL);
    if (wanted)
        assert_string_equal(aep__buf_string(&value), wanted);
    aep__buf_done(&value);
}

#define PATH(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_values_are_found_by_their_names(void **state)
{
    (void)state;
    assert_value(PATH("model"), "\"gpt # no comment\"");
    assert_value(PATH("features", "web"), "true");
    assert_value(PATH("features", "hooks"), "false");
    assert_value(PATH("hooks", "state", "/home/me/.codex/hooks.json:stop:0:0", "trusted_hash"),
                 "\"sha256:aa\"");
    assert_value(PATH("hooks", "state", "/x.json:stop:1:0", "enabled"), "false");
    assert_value(PATH("hooks", "state", "/x.json:stop:1:0", "trusted_hash"), "\"a,}b\"");
    assert_value(PATH("hooks", "state", "/q\"q:stop:0:0", "enabled"), "true");
    assert_value(PATH("table", "a.b", "c"), "1");
}

static void test_what_is_not_there_is_not_found(void **state)
{
    (void)state;
    assert_value(PATH("hooks"), NULL);
    assert_value(PATH("skills", "hooks"), NULL);
    assert_value(PATH("features", "hook"), NULL);
    assert_value(PATH("features", "hookss"), NULL);
    assert_value(PATH("model", "x"), NULL);
    assert_value(PATH("hooks", "state", "/x.json:stop:1:0", "other"), NULL);
    assert_value(PATH("table", "a", "b", "c"), NULL);
}

static void test_any_text_is_only_looked_at(void **state)
{
    struct aep__buf value = {0};
    (void)state;
    for (size_t begin = 0; begin < sizeof text; begin++)
        for (size_t len = 0; begin + len < sizeof text; len += 7)
            aep__toml_find((struct aep__slice){text + begin, len}, PATH("hooks", "state", "x"),
                           &value);
    aep__buf_done(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_found_by_their_names),
        cmocka_unit_test(test_what_is_not_there_is_not_found),
        cmocka_unit_test(test_any_text_is_only_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

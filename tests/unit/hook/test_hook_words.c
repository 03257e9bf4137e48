/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_words(const char *command, const char *const *wanted)
{
    struct aep__buf words = {0};
    size_t count = 0;
    aep__words_split(&words, command);
    for (; wanted[count]; count++) {
        const char *word = aep__words_get(&words, count);
        assert_non_null(word);
        assert_string_equal(word, wanted[count]);
    }
    assert_null(aep__words_get(&words, count));
    aep__buf_done(&words);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_a_command_is_split_as_a_shell_does(void **state)
{
    (void)state;
    assert_words("aep hook codex", WORDS("aep", "hook", "codex"));
    assert_words("  '/a b/aep'\thook  \"c d\" e\\ f'g'\"h\"",
                 WORDS("/a b/aep", "hook", "c d", "e fgh"));
    assert_words("'it'\\''s' \"a\\\"b\" 'a\\b' ''", WORDS("it's", "a\"b", "a\\b", ""));
    assert_words("'open quote", WORDS("open quote"));
    assert_words("end\\", WORDS("end\\"));
    assert_words("", (const char *const[]){NULL});
}

static void test_a_quoted_word_is_read_back(void **state)
{
    static const char *const words[] = {
        "/usr/bin/aep", "a b",  "it's", "$HOME/`x`", "\"", "\\",       "",
        "\xc3\xa9",     "a\nb", "'",    "~",         "*",  "x;y&z|(w)"};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct aep__buf text = {0};
        aep__words_quote(&text, words[i]);
        assert_words(aep__buf_string(&text), WORDS(words[i]));
        aep__buf_done(&text);
    }
    struct aep__buf plain = {0};
    aep__words_quote(&plain, "/usr/bin/aep-1.2");
    assert_string_equal(aep__buf_string(&plain), "/usr/bin/aep-1.2");
    aep__buf_done(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_command_is_split_as_a_shell_does),
        cmocka_unit_test(test_a_quoted_word_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

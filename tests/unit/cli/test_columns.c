/* SPDX-License-Identifier: Apache-2.0 */
#include "aep/columns.h"
#include "aep/out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static void a_character_takes_the_columns_that_a_terminal_gives_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t columns;
    } rows[] = {
        {"", 0},
        {"abc", 3},
        {"\u00fc\u20ac", 2},
        {"\u65e5\u672c", 4},       /* wide */
        {"e\u0301", 1},            /* combining */
        {"\U0001f680", 2},         /* emoji */
        {"a\u200db", 2},           /* a joiner */
        {"\u2764\ufe0f", 2},       /* made an emoji */
        {"\033[31mred\033[0m", 3}, /* a colour */
        {"\xff\xc3", 2},           /* no UTF-8 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(aep__columns_of(rows[i].text, strlen(rows[i].text)), rows[i].columns);
}

static void what_does_not_fit_is_cut_between_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t columns;
        const char *mark, *want;
    } rows[] = {
        {"abcdef", 6, "\u2026", "abcdef"},
        {"abcdefg", 6, "\u2026", "abcde\u2026"},
        {"abcdefg", 6, "...", "abc..."},
        {"\u65e5\u672c\u8a9e", 6, "\u2026", "\u65e5\u672c\u8a9e"},
        {"\u65e5\u672c\u8a9e", 5, "\u2026", "\u65e5\u672c\u2026"},
        {"\u65e5\u672c\u8a9e", 4, "\u2026", "\u65e5\u2026"}, /* half of one is none */
        {"e\u0301e\u0301e\u0301", 2, "\u2026", "e\u0301\u2026"},
        {"e\u0301e\u0301", 2, "\u2026", "e\u0301e\u0301"},
        {"\033[31mabc\033[0m", 3, "\u2026", "\033[31mabc\033[0m"},
        {"\033[31mabcd\033[0m", 3, "\u2026", "\033[31mab\u2026\033[0m"},
    };
    struct aep__buf narrow = {0};
    aep__buf_text(&narrow, "abcdef");
    aep__columns_fit(&narrow, 0, 2, "...");
    assert_string_equal(aep__buf_string(&narrow), "...");
    aep__buf_done(&narrow);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aep__buf buf = {0};
        aep__buf_text(&buf, "before");
        size_t begin = buf.len;
        aep__buf_text(&buf, rows[i].text);
        aep__columns_fit(&buf, begin, rows[i].columns, rows[i].mark);
        assert_string_equal(aep__buf_string(&buf) + begin, rows[i].want);
        assert_true(aep__columns_of(buf.data + begin, buf.len - begin) <= rows[i].columns);
        aep__buf_done(&buf);
    }
}

static void words_are_broken_at_the_width_and_indented(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at, indent, columns;
        const char *want;
    } rows[] = {
        {"one two three", 0, 0, 0, "one two three"},
        {"one two three", 0, 2, 7, "one two\n  three"},
        {"one two three", 4, 4, 11, "one two\n    three"},
        {"one two three", 5, 2, 8, "one\n  two\n  three"},
        {"a/very/long/path two", 2, 2, 6, "a/very/long/path\n  two"},
        {"\u65e5\u672c \u8a9e", 0, 0, 6, "\u65e5\u672c\n\u8a9e"},
        {"", 3, 3, 10, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aep__buf buf = {0};
        aep__columns_wrap(&buf, rows[i].text, strlen(rows[i].text), rows[i].at, rows[i].indent,
                          rows[i].columns);
        assert_string_equal(aep__buf_string(&buf), rows[i].want);
        aep__buf_done(&buf);
    }
}

static void plain_text_cannot_drive_a_terminal(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"a\tb\nc\x1b[31md\x7f", "a b c [31md "},
        {"\xc2\x85\xc2\x9b"
         "31m",
         "  31m"}, /* C1 */
        {"\x9b"
         "31m\xff",
         "?31m?"}, /* C1 of an 8-bit terminal; no UTF-8 */
        {"\u202eevil\u2066x\u2028y", " evil x y"},
        {"\u00fc\u20ac\U0001f680 e\u0301", "\u00fc\u20ac\U0001f680 e\u0301"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aep__buf buf = {0};
        aep__buf_text(&buf, "\033[1m"); /* ours stays */
        aep__out_plain(&buf, rows[i][0], strlen(rows[i][0]));
        assert_memory_equal(aep__buf_string(&buf), "\033[1m", 4);
        assert_string_equal(buf.data + 4, rows[i][1]);
        aep__buf_done(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_character_takes_the_columns_that_a_terminal_gives_it),
        cmocka_unit_test(what_does_not_fit_is_cut_between_characters),
        cmocka_unit_test(words_are_broken_at_the_width_and_indented),
        cmocka_unit_test(plain_text_cannot_drive_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

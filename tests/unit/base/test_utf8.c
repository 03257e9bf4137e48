/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void every_code_point_is_valid_and_every_surrogate_is_not(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x110000; c++) {
        char bytes[4];
        size_t len = aep__utf8_encode(c, bytes);
        bool replaced = c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF);
        assert_int_equal(aep__utf8_valid(bytes, len), len);
        assert_int_equal(replaced,
                         c != 0xFFFD && len == 3 && memcmp(bytes, "\xef\xbf\xbd", 3) == 0);
    }
}

/* What Unicode's table 3-8 and W3C's practice give. */
static void ill_formed_text_is_repaired(void **state)
{
    (void)state;
#define R "\xef\xbf\xbd"
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"\x80", R},
        {"a\xc0\xaf"
         "b",
         "a" R R "b"},
        {"\xe0\x80\x80", R R R},
        {"\xed\xa0\x80", R R R},
        {"\xf4\x90\x80\x80", R R R R},
        {"\xf5\x80", R R},
        {"\xf0\x9f\x98", R},
        {"\xf0\x9f\x98x", R "x"},
        {"\xe2\x82", R},
        {"\xe2\x82\xe2\x82\xac", R "€"},
        {"\xff\xfe", R R},
        {"\xc3", R},
        {"\xf1\x80\x80\xe1\x80\xc2"
         "b",
         R R R "b"},
    };
    struct aep__buf out = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aep__buf_clear(&out);
        assert_true(aep__utf8_repair(&out, rows[i].text, strlen(rows[i].text)) > 0);
        assert_string_equal(aep__buf_string(&out), rows[i].want);
        assert_int_equal(aep__utf8_valid(out.data, out.len), out.len);
    }
    aep__buf_done(&out);
}

static void the_valid_prefix_ends_where_the_first_bad_byte_is(void **state)
{
    (void)state;
    char text[64];
    for (size_t len = 1; len < sizeof text; len++)
        for (size_t at = 0; at < len; at++) {
            memset(text, 'a', len);
            text[at] = (char)0xFF;
            assert_int_equal(aep__utf8_valid(text, len), at);
        }
}

static void a_cut_never_splits_a_character(void **state)
{
    (void)state;
    static const char text[] = "aé€😀";
    static const size_t cuts[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t limit = 0; limit < sizeof cuts / sizeof *cuts; limit++)
        assert_int_equal(aep__utf8_cut(text, 10, limit), cuts[limit]);
}

static void blanks_and_controls_are_known(void **state)
{
    (void)state;
    assert_true(aep__utf8_blank("", 0));
    assert_true(aep__utf8_blank(" \t\r\n\u00a0\u2003\u3000\ufeff", 15));
    assert_false(aep__utf8_blank(" x ", 3));
    assert_false(aep__utf8_blank(" \xff", 2));
    assert_false(aep__utf8_blank("\xc2", 1));
    assert_true(aep__utf8_control("a\x7f", 2));
    assert_true(aep__utf8_control("a\n", 2));
    assert_true(aep__utf8_control("a\xc2\x85", 3));
    assert_true(aep__utf8_control("\0", 1));
    assert_false(aep__utf8_control("a b\u00a0é😀", 11));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_valid_and_every_surrogate_is_not),
        cmocka_unit_test(ill_formed_text_is_repaired),
        cmocka_unit_test(the_valid_prefix_ends_where_the_first_bad_byte_is),
        cmocka_unit_test(a_cut_never_splits_a_character),
        cmocka_unit_test(blanks_and_controls_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

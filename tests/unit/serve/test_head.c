/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LINE "GET /a?b=c HTTP/1.1\r\n"

static void test_a_request_is_one_up_to_each_of_its_bytes(void **state)
{
    static const char *const heads[] = {
        LINE "\r\n",
        LINE "Host: localhost\r\n\r\n",
        "M-SEARCH * HTTP/1.0\r\nA:\r\nB:\t b \r\nC: \xc3\xbc: c\r\n\r\n",
        LINE "x!#$%&'*+-.^_`|~9: [](){}\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        size_t len = strlen(heads[i]);
        for (size_t part = 0; part < len; part++)
            if (aep__head_check(heads[i], part) != AEP__HEAD_PART)
                fail_msg("%s: the first %zu bytes", heads[i], part);
        assert_int_equal(aep__head_check(heads[i], len), AEP__HEAD_WHOLE);
    }
}

static void test_what_follows_the_head_is_not_looked_at(void **state)
{
    static const char head[] = LINE "\r\n\0\n\xff";
    (void)state;
    assert_int_equal(aep__head_check(head, sizeof head - 1), AEP__HEAD_WHOLE);
}

#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }

static void test_what_could_be_read_in_two_ways_is_malformed(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } heads[] = {
        BYTES("\r\n" LINE "\r\n"),
        BYTES("\n"),
        BYTES(" " LINE),
        BYTES("GET  /a HTTP/1.1\r\n"),
        BYTES("GET\t/a HTTP/1.1\r\n"),
        BYTES("GET /a  HTTP/1.1\r\n"),
        BYTES("GET /a HTTP/1.1 \r\n"),
        BYTES("GET /a b HTTP/1.1\r\n"),
        BYTES("GET /a\x80 HTTP/1.1\r\n"),
        BYTES("GET /a\0 HTTP/1.1\r\n"),
        BYTES("GET /a HTTP/1.1\n\r\n"),
        BYTES("GET /a HTTP/1.11\r\n"),
        BYTES("GET /a HTTP/1.x\r\n"),
        BYTES("GET /a HTTP/1.\r\n"),
        BYTES("GET /a HTTP/2.0\r\n"),
        BYTES("GET /a http/1.1\r\n"),
        BYTES("GET /a\r\n"),
        BYTES("GET\r\n"),
        BYTES("G(T /a HTTP/1.1\r\n"),
        BYTES("\x16\x03\x01\x02"),
        BYTES(LINE "\n"),
        BYTES(LINE "a: b\n\r\n"),
        BYTES(LINE "a: b\rc: d\r\n\r\n"),
        BYTES(LINE "a: b\r\r\n"),
        BYTES(LINE "a: b\r\n c: d\r\n"),
        BYTES(LINE "a: b\r\n\tc: d\r\n"),
        BYTES(LINE " a: b\r\n"),
        BYTES(LINE "a : b\r\n"),
        BYTES(LINE "a\t: b\r\n"),
        BYTES(LINE ": b\r\n"),
        BYTES(LINE "a\r\n"),
        BYTES(LINE "a b: c\r\n"),
        BYTES(LINE "a\x80: b\r\n"),
        BYTES(LINE "a\0: b\r\n"),
        BYTES(LINE "a: b\0\r\n"),
        BYTES(LINE "a: \x0b\r\n"),
        BYTES(LINE "a: \x7f\r\n"),
        BYTES(LINE "\0"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (aep__head_check(heads[i].bytes, heads[i].len) != AEP__HEAD_MALFORMED)
            fail_msg("%zu: %s", i, heads[i].bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_is_one_up_to_each_of_its_bytes),
        cmocka_unit_test(test_what_follows_the_head_is_not_looked_at),
        cmocka_unit_test(test_what_could_be_read_in_two_ways_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

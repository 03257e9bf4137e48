/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct aep__request request;

static int end(void **state)
{
    (void)state;
    aep__request_done(&request);
    return 0;
}

/* What a target is read as: "part|part?name=value&", or the error. */
static const char *read_target(const char *target)
{
    static char text[16384];
    aep_error err;
    size_t len = 0;
    if (aep__request_read(&request, target, &err) != AEP_OK)
        return strcpy(text, err.text);
    text[0] = '\0';
    for (unsigned i = 0; i < request.part_count; i++)
        len +=
            (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? "|" : "", request.parts[i]);
    for (unsigned i = 0; i < request.query_count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s=%s", i ? "&" : "?",
                                request.query[i].name, request.query[i].value);
    return text;
}

static void test_parts_and_members_are_decoded(void **state)
{
    (void)state;
    assert_string_equal(read_target("/"), "");
    assert_string_equal(read_target("/api/v1/x"), "api|v1|x");
    assert_string_equal(read_target("/a%2Fb/c%20d+e"), "a/b|c d+e");
    assert_string_equal(read_target("/x/?a=1&b=%3D%26&c"), "x|?a=1&b==&&c=");
    assert_string_equal(read_target("/x?&&a=b+c%2Bd&"), "x?a=b c+d");
    assert_string_equal(read_target("/x?a=b=c?d/e"), "x?a=b=c?d/e");
    assert_string_equal(read_target("//x"), "|x");
    assert_string_equal(read_target("/%C3%BC?%c3%bc=%E2%82%ac"), "ü?ü=€");
}

static void test_what_could_be_read_in_two_ways_is_refused(void **state)
{
    static const char *const targets[] = {
        "",       "x",    "*",     "http://x/", "/%",      "/%1",        "/%1g", "/%00",
        "/a%0db", "/%1b", "/%7f",  "/%ff",      "/%c0%af", "/%ed%a0%80", "/ x",  "/x\t",
        "/x#y",   "/\\x", "/\x80", "/ü",        "/?%00",   "/?a=%",
    };
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (strncmp(read_target(targets[i]), "the address ", 12) != 0)
            fail_msg("\"%s\" is read as %s", targets[i], read_target(targets[i]));
}

static void test_sizes_are_bounded(void **state)
{
    struct aep__buf text = {0};
    (void)state;
    for (int i = 0; i < AEP__REQUEST_PARTS; i++)
        aep__buf_text(&text, "/x");
    assert_string_equal(read_target(aep__buf_string(&text)), "x|x|x|x|x|x|x|x");
    aep__buf_text(&text, "/x");
    assert_string_equal(read_target(aep__buf_string(&text)), "the address has too many parts");
    aep__buf_clear(&text);
    aep__buf_text(&text, "/?a");
    for (int i = 1; i < AEP__REQUEST_QUERY; i++)
        aep__buf_text(&text, "&a");
    read_target(aep__buf_string(&text));
    assert_int_equal(request.query_count, AEP__REQUEST_QUERY);
    aep__buf_text(&text, "&a");
    assert_string_equal(read_target(aep__buf_string(&text)), "the address has too many parameters");
    aep__buf_clear(&text);
    aep__buf_byte(&text, '/');
    while (text.len < AEP__TARGET_MAX)
        aep__buf_byte(&text, 'x');
    assert_int_equal(strlen(read_target(aep__buf_string(&text)) ? request.parts[0] : ""),
                     AEP__TARGET_MAX - 1);
    aep__buf_byte(&text, 'x');
    assert_string_equal(read_target(aep__buf_string(&text)), "the address is too long");
    aep__buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_and_members_are_decoded),
        cmocka_unit_test(test_what_could_be_read_in_two_ways_is_refused),
        cmocka_unit_test(test_sizes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "event/trace.h"

#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static void a_traceparent_is_valid_as_w3c_has_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } rows[] = {
        {"00-" TRACE "-" PARENT "-01", true},
        {"00-" TRACE "-" PARENT "-00", true},
        {"01-" TRACE "-" PARENT "-01", true},
        {"01-" TRACE "-" PARENT "-01-what-comes", true},
        {"00-" TRACE "-" PARENT "-01-what-comes", false},
        {"01-" TRACE "-" PARENT "-01what-comes", false},
        {"01-" TRACE "-" PARENT "-01-\n", false},
        {"ff-" TRACE "-" PARENT "-01", false},
        {"00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", false},
        {"00-00000000000000000000000000000000-" PARENT "-01", false},
        {"00-" TRACE "-0000000000000000-01", false},
        {"00-" TRACE "-" PARENT "-0", false},
        {"00-" TRACE "-" PARENT "-0g", false},
        {"00_" TRACE "-" PARENT "-01", false},
        {"", false},
        {"garbage", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (aep__traceparent_valid(rows[i].text, strlen(rows[i].text)) != rows[i].valid)
            fail_msg("%s", rows[i].text);
}

static void a_tracestate_is_valid_as_w3c_has_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } rows[] = {
        {"rojo=00f067aa0ba902b7", true},
        {"congo=t61rcWkgMzE,rojo=00f067aa0ba902b7", true},
        {" congo=1 ,\trojo=2 ", true},
        {"a=1,,b=2", true},
        {"fw529a3039@dt=FfAAAAAAAAAA", true},
        {"1a@dt=x", true},
        {"a_-*/=x y", true},
        {"", false},
        {",", false},
        {"a", false},
        {"=1", false},
        {"a=", false},
        {"A=1", false},
        {"1a=1", false},
        {"a=1,a=2", false},
        {"a=1=2", false},
        {"a@1b=x", false},
        {"a=\x80", false},
        {"a=1\n", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (aep__tracestate_valid(rows[i].text, strlen(rows[i].text)) != rows[i].valid)
            fail_msg("%s", rows[i].text);
}

static void a_tracestate_has_its_limits(void **state)
{
    (void)state;
    char text[600] = "";
    for (int i = 0; i < 32; i++)
        snprintf(text + strlen(text), 20, "%sk%d=1", i ? "," : "", i);
    assert_true(aep__tracestate_valid(text, strlen(text)));
    strcat(text, ",k32=1");
    assert_false(aep__tracestate_valid(text, strlen(text)));
    memset(text, 'v', sizeof text);
    memcpy(text, "k=", 2);
    assert_true(aep__tracestate_valid(text, 2 + 256));
    assert_false(aep__tracestate_valid(text, 2 + 257));
    text[258] = ',', text[259] = 'l', text[260] = '=';
    assert_true(aep__tracestate_valid(text, 512));
    assert_false(aep__tracestate_valid(text, 513));
}

static void no_id_is_ever_zero(void **state)
{
    (void)state;
    static const uint8_t zero[16] = {0};
    static const char *const ids[] = {"00000000-0000-0000-0000-000000000000", "x",
                                      "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"};
    char text[AEP__TRACEPARENT_SIZE];
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        aep__traceparent_make(ids[i], strlen(ids[i]), zero, text);
        assert_true(aep__traceparent_valid(text, strlen(text)));
    }
    assert_string_equal(text, "00-" TRACE "-0000000000000001-01");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_traceparent_is_valid_as_w3c_has_it),
        cmocka_unit_test(a_tracestate_is_valid_as_w3c_has_it),
        cmocka_unit_test(a_tracestate_has_its_limits),
        cmocka_unit_test(no_id_is_ever_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

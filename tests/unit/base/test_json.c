/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "vectors.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

static void expect_buf(struct aep__buf *buf, const char *want)
{
    assert_string_equal(aep__buf_string(buf), want);
    aep__buf_clear(buf);
}

/* ---- writer --------------------------------------------------------------------------------- */

static void strings_have_these_escapes_and_no_others(void **state)
{
    (void)state;
    struct aep__buf out = {0};
    char all[0x81];
    for (int c = 0; c < 0x80; c++)
        all[c] = (char)c;
    aep__json_add_string(&out, all, 0x80);
    expect_buf(&out,
               "\"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r"
               "\\u000e\\u000f\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018"
               "\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e\\u001f !\\\"#$%&'()*+,-./0123456789:"
               ";<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_`abcdefghijklmnopqrstuvwxyz{|}~\x7f\"");
    aep__json_add_string(&out, "é€😀", strlen("é€😀"));
    expect_buf(&out, "\"é€😀\"");
    aep__json_add_string(&out, "", 0);
    expect_buf(&out, "\"\"");
    aep__buf_done(&out);
}

static void an_escape_is_found_wherever_it_stands(void **state)
{
    (void)state;
    struct aep__buf out = {0};
    char text[40];
    for (size_t len = 1; len < sizeof text; len++)
        for (size_t at = 0; at < len; at++)
            for (const char *special = "\"\\\n\x01"; *special; special++) {
                memset(text, 0xC3 + (int)(at % 3) * 0x1d, len);
                text[at] = *special;
                aep__buf_clear(&out);
                aep__json_add_string(&out, text, len);
                assert_int_equal(out.len, len + (*special == 1 ? 7 : 3));
                assert_int_equal(out.data[at + 1], '\\');
            }
    aep__buf_done(&out);
}

static void numbers_are_the_shortest_that_read_back(void **state)
{
    (void)state;
    static const struct {
        double number;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-7, "-7"},
        {50, "50"},
        {0.1, "0.1"},
        {33.3, "33.3"},
        {0.92, "0.92"},
        {1e15, "1000000000000000"},
        {9007199254740991.0, "9007199254740991"},
        {9007199254740992.0, "9007199254740992"},
        {1e22, "1e+22"},
        {1.0 / 3, "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004"},
        {5e-324, "5e-324"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {-1.5e-7, "-1.5e-07"},
    };
    struct aep__buf out = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aep__json_add_number(&out, rows[i].number);
        expect_buf(&out, rows[i].text);
    }
    aep__buf_done(&out);
}

static void any_number_reads_back(void **state)
{
    (void)state;
    struct aep__buf out = {0};
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 200000; i++) {
        double number, value;
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        memcpy(&number, &bits, sizeof number);
        if (!isfinite(number))
            continue;
        aep__buf_clear(&out);
        aep__json_add_number(&out, number);
        assert_true(strtod(aep__buf_string(&out), NULL) == number);
        assert_true(aep__json_number_value((struct aep__slice){out.data, out.len}, &value));
        assert_true(fabs(value - number) <= fabs(number) * 1e-12 || fabs(number) < 1e-300);
    }
    aep__buf_done(&out);
}

/* Makes a locale with a decimal comma, if the machine can. */
static bool set_comma_locale(char *folder)
{
    char command[200];
    if (!mkdtemp(folder))
        return false;
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/comma >%s/log 2>&1", folder,
             folder);
    if (system(command) != 0)
        return false;
    setenv("LOCPATH", folder, 1);
    return setlocale(LC_ALL, "comma") != NULL;
}

static void a_locale_changes_no_number(void **state)
{
    (void)state;
    struct aep__buf out = {0};
    double value;
    char folder[] = "/tmp/aep-locale-XXXXXX", command[100];
    bool comma = set_comma_locale(folder);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    if (!comma)
        skip();
    assert_string_equal(localeconv()->decimal_point, ",");
    aep__json_add_number(&out, 33.3);
    expect_buf(&out, "33.3");
    assert_true(aep__json_number_value(AEP__SLICE("33.5"), &value) && value == 33.5);
    setlocale(LC_ALL, "C");
    aep__buf_done(&out);
}

static void number_texts_have_their_value(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"100", 100},
        {"1.5", 1.5},
        {"1e2", 100},
        {"1E+2", 100},
        {"25e-1", 2.5},
        {"0.001", 0.001},
        {"9007199254740993", 9007199254740992.0},
        {"1e999", INFINITY},
        {"-1e999", -INFINITY},
        {"1e-999", 0},
        {"100000000000000000000000000e-26", 1},
        {"0.00000000000000000000000001e26", 1},
        {"1e99999999999999999999", INFINITY},
        {"0e999999", 0},
    };
    static const char *const bad[] = {"",    "-",   "+1",       "01", "1.", ".5",  "1e", "1e+",
                                      "NaN", "0x1", "Infinity", "1 ", " 1", "1,5", "--1"};
    double value;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(aep__json_number_value(aep__slice_text(rows[i].text), &value));
        if (value != rows[i].value && fabs(value - rows[i].value) > 1e-9)
            fail_msg("%s is %g", rows[i].text, value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(aep__json_number_value(aep__slice_text(bad[i]), &value));
}

/* ---- scanner -------------------------------------------------------------------------------- */

/* The tokens of a text, one letter each; ! for an error. */
static const char *scan(struct aep__json *json, const char *text, bool strict)
{
    static char letters[200];
    static const char names[] = "!E{}[]nsdtfz";
    size_t count = 0;
    enum aep__json_token token;
    aep__json_begin(json, text, strlen(text), AEP__JSON_DEPTH, strict);
    do {
        token = aep__json_next(json);
        if (count < sizeof letters - 1)
            letters[count++] = names[token];
    } while (token > AEP__JSON_END);
    letters[count] = '\0';
    assert_int_equal(aep__json_next(json), token); /* and stays so */
    return letters;
}

static void texts_become_tokens(void **state)
{
    (void)state;
    struct aep__json json = {0};
    assert_string_equal(scan(&json, " {\"a\" : [1,\"x\",true,false,null,{}] , \"b\":[]} ", true),
                        "{n[dstfz{}]n[]}E");
    assert_string_equal(scan(&json, "-0.5e+7", true), "dE");
    assert_string_equal(scan(&json, "\"\"", true), "sE");
    assert_string_equal(scan(&json, "[[[]],{\"a\":{\"a\":{\"a\":1}}}]", true), "[[[]]{n{n{nd}}}]E");
    aep__json_done(&json);
}

static void what_is_no_json_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t position;
        enum aep__json_problem problem;
    } rows[] = {
        {"", 0, AEP__JSON_SYNTAX},
        {"  ", 2, AEP__JSON_SYNTAX},
        {"{", 1, AEP__JSON_SYNTAX},
        {"{\"a\"}", 4, AEP__JSON_SYNTAX},
        {"{\"a\":}", 5, AEP__JSON_SYNTAX},
        {"{\"a\":1,}", 7, AEP__JSON_SYNTAX},
        {"{a:1}", 1, AEP__JSON_SYNTAX},
        {"{,}", 1, AEP__JSON_SYNTAX},
        {"[1,]", 3, AEP__JSON_SYNTAX},
        {"[1 2]", 3, AEP__JSON_SYNTAX},
        {"[1}", 2, AEP__JSON_SYNTAX},
        {"{\"a\":1]", 6, AEP__JSON_SYNTAX},
        {"]", 0, AEP__JSON_SYNTAX},
        {"nul", 0, AEP__JSON_SYNTAX},
        {"nulll", 0, AEP__JSON_SYNTAX},
        {"True", 0, AEP__JSON_SYNTAX},
        {"NaN", 0, AEP__JSON_SYNTAX},
        {"[-Infinity]", 1, AEP__JSON_SYNTAX},
        {"01", 0, AEP__JSON_SYNTAX},
        {"1.", 0, AEP__JSON_SYNTAX},
        {"0x10", 0, AEP__JSON_SYNTAX},
        {"+1", 0, AEP__JSON_SYNTAX},
        {"1 1", 2, AEP__JSON_SYNTAX},
        {"\"a", 2, AEP__JSON_SYNTAX},
        {"\"a\nb\"", 2, AEP__JSON_SYNTAX},
        {"\"\\x\"", 1, AEP__JSON_SYNTAX},
        {"\"\\u12g4\"", 1, AEP__JSON_SYNTAX},
        {"\"\\", 2, AEP__JSON_SYNTAX},
        {"\"\\u12", 1, AEP__JSON_SYNTAX},
        {"\xef\xbb\xbf{}", 0, AEP__JSON_SYNTAX},
        {"{\"a\":1,\"b\":2,\"a\":3}", 13, AEP__JSON_DUPLICATE},
        {"{\"a\":1,\"\\u0061\":2}", 7, AEP__JSON_DUPLICATE},
        {"{\"\":1,\"\":2}", 6, AEP__JSON_DUPLICATE},
        {"[\"\\ud800\"]", 2, AEP__JSON_ENCODING},
        {"[\"a\\udc00\\ud800\"]", 3, AEP__JSON_ENCODING},
        {"[\"ab\xff\"]", 4, AEP__JSON_ENCODING},
        {"[\"\xed\xa0\x80\"]", 2, AEP__JSON_ENCODING},
    };
    struct aep__json json = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *tokens = scan(&json, rows[i].text, true);
        if (tokens[strlen(tokens) - 1] != '!' || json.position != rows[i].position ||
            json.problem != rows[i].problem)
            fail_msg("%s: %s at %zu, problem %d", rows[i].text, tokens, json.position,
                     json.problem);
        assert_non_null(json.message);
    }
    aep__json_done(&json);
}

static void nesting_ends_at_its_limit(void **state)
{
    (void)state;
    struct aep__json json = {0};
    char text[2 * AEP__JSON_DEPTH + 3];
    memset(text, '[', AEP__JSON_DEPTH);
    memset(text + AEP__JSON_DEPTH, ']', AEP__JSON_DEPTH);
    text[2 * AEP__JSON_DEPTH] = '\0';
    assert_non_null(strchr(scan(&json, text, true), 'E'));
    memset(text, '[', AEP__JSON_DEPTH + 1);
    scan(&json, text, true);
    assert_int_equal(json.problem, AEP__JSON_TOO_DEEP);
    assert_int_equal(json.position, AEP__JSON_DEPTH);
    aep__json_done(&json);
}

/* Few names are compared one by one, many are sorted. */
static void a_name_twice_is_found_in_objects_of_any_size(void **state)
{
    (void)state;
    struct aep__json json = {0};
    for (int count = 2; count < 60; count++)
        for (int twin = 0; twin < count - 1; twin += 3) {
            struct aep__buf text = {0};
            for (int i = 0; i < count; i++)
                aep__buf_format(&text, "%s\"%sn%d\":{\"n0\":0}", i ? "," : "{", "",
                                i == count - 1 ? twin : i);
            aep__buf_text(&text, "}");
            scan(&json, aep__buf_string(&text), true);
            assert_int_equal(json.problem, AEP__JSON_DUPLICATE);
            assert_memory_equal(text.data + json.position, "\"n", 2);
            assert_true(json.position > text.len / 2 || count < 4);
            aep__buf_done(&text);
        }
    struct aep__buf text = {0};
    for (int i = 0; i < 200000; i++)
        aep__buf_format(&text, "%s\"n%d\":0", i ? "," : "{", i);
    aep__buf_text(&text, "}");
    scan(&json, aep__buf_string(&text), true);
    assert_int_equal(json.problem, AEP__JSON_FINE);
    aep__buf_done(&text);
    aep__json_done(&json);
}

static void strings_are_decoded_and_repaired(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *text;
        size_t repairs;
    } rows[] = {
        {"plain", "plain", 0},
        {"", "", 0},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 0},
        {"\\u0041\\u00e9\\u20ac\\uD83D\\uDE00", "Aé€😀", 0},
        {"a\\ud800b",
         "a\xef\xbf\xbd"
         "b",
         1},
        {"\\ud800\\ud800\\udc00", "\xef\xbf\xbd\xf0\x90\x80\x80", 1},
        {"\\udc00\\n\xff", "\xef\xbf\xbd\n\xef\xbf\xbd", 2},
        {"\xf0\x9f\x98", "\xef\xbf\xbd", 1},
    };
    struct aep__buf scratch = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t repairs = 0;
        struct aep__slice text = aep__json_decode(aep__slice_text(rows[i].raw), &scratch, &repairs);
        assert_int_equal(text.len, strlen(rows[i].text));
        assert_memory_equal(text.data, rows[i].text, text.len);
        assert_int_equal(repairs, rows[i].repairs);
    }
    aep__buf_done(&scratch);
}

static void a_value_can_be_skipped_whole(void **state)
{
    (void)state;
    static const char text[] = "{\"a\": [1, {\"b\":2}] , \"c\":\"x\", \"d\":5}";
    struct aep__json json = {0};
    aep__json_begin(&json, text, strlen(text), AEP__JSON_DEPTH, true);
    assert_int_equal(aep__json_next(&json), AEP__JSON_OBJECT);
    for (const char *const *want = (const char *const[]){"[1, {\"b\":2}]", "\"x\"", "5", NULL};
         *want; want++) {
        assert_int_equal(aep__json_next(&json), AEP__JSON_NAME);
        assert_true(aep__json_skip(&json, aep__json_next(&json)));
        assert_int_equal(json.token.len, strlen(*want));
        assert_memory_equal(json.token.data, *want, json.token.len);
    }
    assert_int_equal(aep__json_next(&json), AEP__JSON_OBJECT_END);
    assert_int_equal(aep__json_next(&json), AEP__JSON_END);
    aep__json_done(&json);
}

static void the_scanner_says_where_it_is(void **state)
{
    (void)state;
    struct aep__json json = {0};
    struct aep__buf pointer = {0};
    scan(&json, "{\"x\":1,\"a/b\":[0,{\"c~\\u0064\":[true,!", true);
    aep__json_where(&json, &pointer);
    expect_buf(&pointer, "/a~1b/1/c~0d/1");
    aep__buf_done(&pointer);
    aep__json_done(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_have_these_escapes_and_no_others),
        cmocka_unit_test(an_escape_is_found_wherever_it_stands),
        cmocka_unit_test(numbers_are_the_shortest_that_read_back),
        cmocka_unit_test(any_number_reads_back),
        cmocka_unit_test(a_locale_changes_no_number),
        cmocka_unit_test(number_texts_have_their_value),
        cmocka_unit_test(texts_become_tokens),
        cmocka_unit_test(what_is_no_json_is_refused_with_its_place),
        cmocka_unit_test(nesting_ends_at_its_limit),
        cmocka_unit_test(a_name_twice_is_found_in_objects_of_any_size),
        cmocka_unit_test(strings_are_decoded_and_repaired),
        cmocka_unit_test(a_value_can_be_skipped_whole),
        cmocka_unit_test(the_scanner_says_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

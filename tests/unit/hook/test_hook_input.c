/* SPDX-License-Identifier: Apache-2.0 */
/* An agent's JSON, read for what is good in it. */
#include "hook/input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct aep__hook_object object;
static struct aep__hook_texts texts;

static int done(void **state)
{
    (void)state;
    aep__hook_object_done(&object);
    aep__hook_texts_done(&texts);
    return 0;
}

static struct aep__slice slice(const char *text)
{
    return (struct aep__slice){text, strlen(text)};
}

static void assert_member(const char *json, const char *name, const char *wanted)
{
    aep__hook_object_read(&object, slice(json));
    struct aep__slice text = aep__hook_text(&object, name, &texts);
    if (!wanted) {
        assert_null(text.data);
        return;
    }
    assert_non_null(text.data);
    assert_int_equal(text.len, strlen(wanted));
    assert_memory_equal(text.data, wanted, text.len);
}

static void test_good_members_survive_what_is_around_them(void **state)
{
    (void)state;
    assert_member("{\"a\":\"x\"}", "a", "x");
    assert_member("\xEF\xBB\xBF \n{\"a\":\"x\"}", "a", "x");
    assert_member("{\"a\":\"x\"} and {\"a\":\"y\"}", "a", "x");
    assert_member("{\"a\":\"x\",\"b\":{\"a\":\"y\",\"c\":[1,{\"a\":2}]}", "a", "x");
    assert_member("{\"a\":\"x\",\"b\":\"cut off", "b", "cut off");
    assert_member("{\"a\":\"x\",\"b\":tru", "a", "x");
    assert_member("{\"a\":1,\"a\":\"the last\"}", "a", "the last");
    assert_member("{\"a\" : 12.50 , \"b\":null}", "a", "12.50");
    assert_member("{\"a\":null}", "a", NULL);
    assert_member("{\"a\":[1]}", "a", NULL);
    assert_member("[1]", "a", NULL);
    assert_member("", "a", NULL);
    assert_member("{", "a", NULL);
    assert_member("{\"a\"", "a", NULL);
    assert_member("{\"a\":", "a", NULL);
}

static void test_names_and_texts_are_decoded(void **state)
{
    (void)state;
    assert_member("{\"session\\u005fid\":\"s\"}", "session_id", "s");
    assert_member("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a", "\"\\/\b\f\n\r\t");
    assert_member("{\"a\":\"\\u00e9\\ud83d\\ude00\"}", "a", "\xC3\xA9\xF0\x9F\x98\x80");
    assert_member("{\"a\":\"\\ud83d.\\ude00\"}", "a", "\xEF\xBF\xBD.\xEF\xBF\xBD");
    assert_member("{\"a\":\"\\u12\\u\\u\\u\"}", "a",
                  "\xEF\xBF\xBD"
                  "12\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_member("{\"a\":\"\xFF\xC3\"}", "a", "\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_member("{\"a\":\"x\\\\\",\"b\":\"y\"}", "b", "y");
}

static void test_escapes_without_end_are_scanned_once(void **state)
{
    (void)state;
    static char json[4 << 20];
    memset(json, 'n', sizeof json);
    memcpy(json, "{\"a\":\"", 6);
    for (size_t i = 6; i + 1 < sizeof json - 8; i += 2)
        json[i] = '\\';
    memcpy(json + sizeof json - 8, "\",\"b\":1}", 8);
    aep__hook_object_read(&object, (struct aep__slice){json, sizeof json});
    assert_int_equal(object.count, 2); /* in no time, or not within the test's */
}

static void test_elements(void **state)
{
    (void)state;
    const char *at = NULL;
    struct aep__slice one, array = slice("[ {\"a\":[1,2]} ,\"x\", 3 ]");
    assert_true(aep__hook_element(array, &at, &one));
    assert_memory_equal(one.data, "{\"a\":[1,2]}", one.len);
    assert_true(aep__hook_element(array, &at, &one));
    assert_memory_equal(one.data, "\"x\"", one.len);
    assert_true(aep__hook_element(array, &at, &one));
    assert_memory_equal(one.data, "3", one.len);
    assert_false(aep__hook_element(array, &at, &one));
    assert_true(aep__hook_empty(slice("[ ]")));
    assert_true(aep__hook_empty(slice("7")));
    assert_false(aep__hook_empty(slice("{\"a\":1}")));
}

static void test_hashes_see_the_value_and_not_its_spelling(void **state)
{
    (void)state;
    uint64_t one = aep__hook_hash_value(slice("{\"command\":\"ls  -l\"}"), &texts, 1);
    assert_true(one == aep__hook_hash_value(slice("{ \"command\" :\n\"ls  -l\" }"), &texts, 1));
    assert_true(one ==
                aep__hook_hash_value(slice("\"{\\\"command\\\":\\\"ls  -l\\\"}\""), &texts, 1));
    assert_false(one == aep__hook_hash_value(slice("{\"command\":\"ls -l\"}"), &texts, 1));
    assert_false(one == aep__hook_hash_value(slice("{\"command\":\"ls  -l\"}"), &texts, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_good_members_survive_what_is_around_them, done),
        cmocka_unit_test_teardown(test_names_and_texts_are_decoded, done),
        cmocka_unit_test_teardown(test_escapes_without_end_are_scanned_once, done),
        cmocka_unit_test_teardown(test_elements, done),
        cmocka_unit_test_teardown(test_hashes_see_the_value_and_not_its_spelling, done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

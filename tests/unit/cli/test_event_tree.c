/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of events: whatever counts as one can be shown. */
#include "aep/event_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_tree(const char *json, const char *expected)
{
    json_t *tree = aep__event_tree(aep__slice_text(json));
    assert_non_null(tree);
    char *text = json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
    json_decref(tree);
}

static void every_value_stays_what_it_is(void **state)
{
    const char *json = "{\"a\":{\"b\":[1,-2.5,\"x\\n\\u00e4\",true,false,null,[],{}]},\"c\":\"\"}";
    (void)state;
    assert_tree(json, "{\"a\":{\"b\":[1,-2.5,\"x\\nä\",true,false,null,[],{}]},\"c\":\"\"}");
    assert_tree(" 9223372036854775807 ", "9223372036854775807");
    assert_tree("\"\"", "\"\"");
}

static void what_another_reader_refuses_is_repaired(void **state)
{
    (void)state;
    assert_tree("{\"a\\u0000b\":\"c\\u0000\\u0000d\"}", "{\"a b\":\"c  d\"}");
    assert_tree("\"\\\\u0000\"", "\"\\\\u0000\"");
    assert_tree("[\"\xff\",\"\\ud800\"]", "[\"\uFFFD\",\"\uFFFD\"]");
    assert_tree("[1e400,-1e400,123456789012345678901]",
                "[\"1e400\",\"-1e400\",1.23456789012346e20]");
}

static void what_is_no_json_has_no_tree(void **state)
{
    static const char *const texts[] = {"",         "{",     "[1,", "{\"a\":}",
                                        "{\"a\":1", "[1] 2", "nul", "{} x"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_null(aep__event_tree(aep__slice_text(texts[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_stays_what_it_is),
        cmocka_unit_test(what_another_reader_refuses_is_repaired),
        cmocka_unit_test(what_is_no_json_has_no_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

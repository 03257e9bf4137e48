/* SPDX-License-Identifier: Apache-2.0 */
#include "aep/aep.h"

#include "event/findings.h"
#include "vectors.h"

/* The findings of one call, for comparison with a vector's. */
struct expected {
    const json_t *vector;
    bool strict;
    size_t seen, errors;
};

static void compare_finding(void *user, const aep_finding *finding)
{
    struct expected *expected = user;
    const json_t *vector = expected->vector;
    json_t *want = json_array_get(json_object_get(vector, "findings"), expected->seen++);
    if (!want)
        fail_msg("\"%s\": and %s at \"%s\": %s", text_of(vector, "name"), finding->code,
                 finding->pointer, finding->text);
    bool is_error = expected->strict || strcmp(text_of(want, "severity"), "error") == 0;
    expected->errors += is_error;
    if (strcmp(finding->code, text_of(want, "code")) != 0 ||
        strcmp(finding->pointer, text_of(want, "pointer")) != 0)
        fail_msg("\"%s\": %s at \"%s\", not %s at \"%s\"", text_of(vector, "name"), finding->code,
                 finding->pointer, text_of(want, "code"), text_of(want, "pointer"));
    assert_int_equal(finding->severity, is_error ? AEP_SEVERITY_ERROR : AEP_SEVERITY_WARNING);
    assert_true(strlen(finding->text) > 5);
}

static void check_vector(const json_t *vector, bool strict)
{
    struct expected expected = {.vector = vector, .strict = strict};
    aep_error err = {0};
    int code = aep_validate(text_of(vector, "input"), length_of(vector, "input"), strict,
                            compare_finding, &expected, &err);
    size_t wanted = json_array_size(json_object_get(vector, "findings"));
    if (expected.seen != wanted)
        fail_msg("\"%s\": %zu findings, not %zu", text_of(vector, "name"), expected.seen, wanted);
    assert_int_equal(code, expected.errors ? AEP_EINVAL : AEP_OK);
    assert_int_equal(err.code, expected.errors ? AEP_EINVAL : 0);
}

static void everything_wrong_is_found_and_nothing_else(void **state)
{
    (void)state;
    json_t *document = load_vectors("validation.json"), *vector;
    size_t i;
    json_array_foreach(json_object_get(document, "events"), i, vector) check_vector(vector, false);
    json_decref(document);
}

static void strictly_warnings_are_errors(void **state)
{
    (void)state;
    json_t *document = load_vectors("validation.json"), *vector;
    size_t i;
    json_array_foreach(json_object_get(document, "events"), i, vector) check_vector(vector, true);
    json_decref(document);
}

static void every_code_is_found_in_some_vector(void **state)
{
    (void)state;
    json_t *document = load_vectors("validation.json"), *vector, *finding;
    size_t i, j;
    for (size_t code = 0; code < aep__finding_code_count; code++) {
        bool found = false;
        json_array_foreach(json_object_get(document, "events"), i, vector)
            json_array_foreach(json_object_get(vector, "findings"), j, finding) found |=
            strcmp(text_of(finding, "code"), aep__finding_codes[code].code) == 0;
        if (!found)
            fail_msg("no vector has the finding %s", aep__finding_codes[code].code);
    }
    json_decref(document);
}

static void invalid_utf8_is_an_error_with_its_place(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":\"x\xc3\"}";
    aep_error err = {0};
    assert_int_equal(aep_validate(text, sizeof text - 1, 0, NULL, NULL, &err), AEP_EINVAL);
    assert_int_equal(err.position, 7);
    assert_int_equal(aep_validate(text, sizeof text - 1, 0, NULL, NULL, NULL), AEP_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_wrong_is_found_and_nothing_else),
        cmocka_unit_test(strictly_warnings_are_errors),
        cmocka_unit_test(every_code_is_found_in_some_vector),
        cmocka_unit_test(invalid_utf8_is_an_error_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

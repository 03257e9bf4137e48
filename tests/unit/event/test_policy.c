/* SPDX-License-Identifier: Apache-2.0 */
#include "aep/aep.h"

#include "vectors.h"

static void families_are_those_of_the_policy(void **state)
{
    (void)state;
    json_t *document = load_vectors("policy.json"), *rows = json_object_get(document, "families");
    size_t count;
    const aep_family *families = aep_policy_families(&count);
    assert_int_equal(count, json_array_size(rows));
    for (size_t i = 0; i < count; i++) {
        json_t *row = json_array_get(rows, i);
        assert_string_equal(families[i].name, text_of(row, "name"));
        assert_string_equal(families[i].key_field, text_of(row, "key_field"));
        assert_string_equal(families[i].cardinality, text_of(row, "cardinality"));
        expect_number(row, "keys_per_day_min", families[i].keys_per_day_min);
        expect_number(row, "keys_per_day_max", families[i].keys_per_day_max);
        assert_true(strlen(families[i].reason) > 20);
    }
    json_decref(document);
}

static void a_name_belongs_to_a_family_by_whole_words(void **state)
{
    (void)state;
    json_t *document = load_vectors("policy.json"), *vector;
    size_t i;
    json_array_foreach(json_object_get(document, "names"), i, vector)
    {
        const char *name = text_of(vector, "name"), *want = text_of(vector, "family");
        const aep_family *family = aep_policy_find(name);
        const char *got = family ? family->name : "none";
        if (strcmp(got, want ? want : "none") != 0)
            fail_msg("%s is of %s, not of %s", name, got, want ? want : "none");
    }
    assert_null(aep_policy_find(NULL));
    json_decref(document);
}

static void an_event_has_the_key_of_its_envelope_or_its_payload(void **state)
{
    (void)state;
    json_t *document = load_vectors("policy.json"), *vector;
    size_t i;
    json_array_foreach(json_object_get(document, "keys"), i, vector)
    {
        char key[AEP_CORRELATION_ID_SIZE] = "untouched";
        const char *want = text_of(vector, "key"), *error = text_of(vector, "error");
        aep_error err = {0};
        int code = aep_policy_key(text_of(vector, "input"), length_of(vector, "input"), key, &err);
        if (strcmp(aep_code_name(code), error ? error : "AEP_OK") != 0)
            fail_msg("\"%s\": %s: %s", text_of(vector, "name"), aep_code_name(code), err.text);
        assert_string_equal(key, want ? want : "untouched");
    }
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_are_those_of_the_policy),
        cmocka_unit_test(a_name_belongs_to_a_family_by_whole_words),
        cmocka_unit_test(an_event_has_the_key_of_its_envelope_or_its_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

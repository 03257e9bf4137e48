/* SPDX-License-Identifier: Apache-2.0 */
#include "event/redact.h"

#include "event/text.h"
#include "vectors.h"

#include <stdlib.h>
#include <time.h>

static struct aep__redactor *new_redactor(const char *extra)
{
    struct aep__redactor *redactor;
    aep_error err;
    if (aep__redactor_new(extra, &redactor, &err) != AEP_OK)
        fail_msg("%s", err.text);
    return redactor;
}

/* The text as it is published: redacted, or unchanged. */
static void check_text(const struct aep__redactor *redactor, const json_t *vector)
{
    struct aep__buf out = {0};
    const char *input = text_of(vector, "input");
    size_t len = length_of(vector, "input");
    size_t count = aep__redact_text(redactor, input, len, &out);
    expect_number(vector, "redacted", (long long)count);
    expect_text(vector, count ? out.data : input, count ? out.len : len, text_of(vector, "output"),
                length_of(vector, "output"));
    if (count == 0)
        assert_int_equal(out.len, 0);
    aep__buf_done(&out);
}

static void secrets_in_texts_are_redacted_and_nothing_else_is(void **state)
{
    (void)state;
    json_t *document = load_vectors("redaction.json"), *vector;
    struct aep__redactor *redactor = new_redactor(NULL);
    size_t i;
    json_array_foreach(json_object_get(document, "texts"), i, vector) check_text(redactor, vector);
    aep__redactor_free(redactor);
    json_decref(document);
}

static void what_was_redacted_is_not_redacted_again(void **state)
{
    (void)state;
    json_t *document = load_vectors("redaction.json"), *vector;
    struct aep__redactor *redactor = new_redactor(NULL);
    size_t i;
    json_array_foreach(json_object_get(document, "texts"), i, vector)
    {
        struct aep__buf out = {0};
        const char *output = text_of(vector, "output");
        size_t count = aep__redact_text(redactor, output, strlen(output), &out);
        if (count)
            fail_msg("\"%s\" again: %s", text_of(vector, "name"), aep__buf_string(&out));
        aep__buf_done(&out);
    }
    aep__redactor_free(redactor);
    json_decref(document);
}

static void names_of_secrets_are_known_however_they_are_written(void **state)
{
    (void)state;
    json_t *document = load_vectors("redaction.json"), *vector;
    struct aep__redactor *redactor = new_redactor(NULL);
    size_t i;
    json_array_foreach(json_object_get(document, "names"), i, vector)
    {
        const char *name = text_of(vector, "name"), *want = text_of(vector, "kind");
        const struct aep__secret *secret = aep__redact_name(redactor, name, strlen(name));
        const char *got = secret ? secret->kind : NULL;
        if ((got && !want) || (want && (!got || strcmp(got, want) != 0)))
            fail_msg("%s is %s, not %s", name, got ? got : "no secret", want ? want : "none");
    }
    aep__redactor_free(redactor);
    json_decref(document);
}

static void json_is_redacted_in_every_string_and_under_every_name(void **state)
{
    (void)state;
    json_t *document = load_vectors("redaction.json"), *vector;
    struct aep__redactor *redactor = new_redactor(NULL);
    struct aep__text way = {.redactor = redactor};
    struct aep__buf out = {0};
    size_t i;
    json_array_foreach(json_object_get(document, "json"), i, vector)
    {
        struct aep__slice input = {text_of(vector, "input"), length_of(vector, "input")};
        aep_error err = {0};
        aep__buf_clear(&out);
        way.counts = (struct aep__text_counts){0};
        if (aep__text_write_json(&way, &out, input, AEP__JSON_END, "context", &err) != AEP_OK)
            fail_msg("\"%s\": %s", text_of(vector, "name"), err.text);
        expect_text(vector, out.data, out.len, text_of(vector, "output"),
                    length_of(vector, "output"));
        expect_number(vector, "redacted", (long long)way.counts.redacted);
    }
    aep__buf_done(&out);
    aep__text_done(&way);
    aep__redactor_free(redactor);
    json_decref(document);
}

static void extra_rules_add_names_and_patterns(void **state)
{
    (void)state;
    json_t *document = load_vectors("redaction.json"), *vector;
    size_t i;
    json_array_foreach(json_object_get(document, "extra"), i, vector)
    {
        struct aep__redactor *redactor = new_redactor(text_of(vector, "rules"));
        check_text(redactor, vector);
        aep__redactor_free(redactor);
    }
    json_decref(document);
}

static void a_bad_extra_rule_is_named(void **state)
{
    (void)state;
    json_t *document = load_vectors("redaction.json"), *rule;
    size_t i;
    json_array_foreach(json_object_get(document, "bad_rules"), i, rule)
    {
        struct aep__redactor *redactor = NULL;
        aep_error err = {0};
        if (aep__redactor_new(json_string_value(rule), &redactor, &err) != AEP_ECONFIG)
            fail_msg("%s was taken", json_string_value(rule));
        assert_string_equal(err.field, "redact.extra");
        assert_non_null(strstr(err.text, json_string_value(rule)));
        assert_null(redactor);
    }
    json_decref(document);
}

/* Wherever a secret is, none of its bytes are left, only what was around it. */
static void a_secret_is_found_at_every_place_of_a_long_text(void **state)
{
    (void)state;
    static const char secret[] = "sk-1234567890abcdefghij";
    struct aep__redactor *redactor = new_redactor(NULL);
    char text[400];
    for (size_t at = 0; at + sizeof secret < sizeof text; at++) {
        struct aep__buf out = {0};
        memset(text, ' ', sizeof text);
        memcpy(text + at, secret, sizeof secret - 1);
        assert_int_equal(aep__redact_text(redactor, text, sizeof text, &out), 1);
        assert_null(memmem(out.data, out.len, "1234567890", 10));
        aep__buf_done(&out);
    }
    aep__redactor_free(redactor);
}

static void long_secrets_go_whole(void **state)
{
    (void)state;
    static const char *const begins[] = {"sk-1a",
                                         "xoxb-",
                                         "Bearer a1",
                                         "password=",
                                         "password=\"",
                                         "eyJhbGciOiJIUzI1NiJ9.eyJ",
                                         "Authorization: Basic a1",
                                         "--password a1",
                                         "ghp\x5f"
                                         "a1",
                                         "\"api_key\": \"a1"};
    struct aep__redactor *redactor = new_redactor(NULL);
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        for (size_t len = 200; len < 9000; len = len < 300 ? len + 1 : len * 2) {
            struct aep__buf text = {0}, out = {0};
            aep__buf_text(&text, begins[i]);
            for (size_t n = 0; n < len; n++)
                aep__buf_byte(&text, n % 7 ? 'x' : '7');
            assert_true(aep__redact_text(redactor, text.data, text.len, &out) > 0);
            if (memmem(out.data, out.len, "xxxx", 4))
                fail_msg("%s and %zu bytes: %s", begins[i], len, aep__buf_string(&out));
            aep__buf_done(&text);
            aep__buf_done(&out);
        }
    aep__redactor_free(redactor);
}

/* If a megabyte took a second, text could hang the caller; ordinary text takes a millisecond. */
static void hostile_texts_cost_no_more_than_a_constant_factor(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "sk-",         "sk-a",
        "eyJ",         "-eyJ",
        "Bearer a",    "-----BEGIN PRIVATE KEY-----",
        "password=\"", "password='\\\"",
        "token:",      "://a:b",
        "://",         "a=,b",
        "password:{",  "[REDACTED:",
        "--token ",    "eyJaaaaaaa.",
        "xoxb-",       "token=\\\\\\\"",
    };
    struct aep__redactor *redactor = new_redactor(NULL);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct aep__buf text = {0}, out = {0};
        while (text.len < 1000000)
            aep__buf_text(&text, parts[i]);
        clock_t begin = clock();
        aep__redact_text(redactor, text.data, text.len, &out);
        double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
        print_message("%-32s %.0f ms\n", parts[i], seconds * 1000);
        assert_true(seconds < 20);
        aep__buf_done(&text);
        aep__buf_done(&out);
    }
    aep__redactor_free(redactor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_in_texts_are_redacted_and_nothing_else_is),
        cmocka_unit_test(what_was_redacted_is_not_redacted_again),
        cmocka_unit_test(names_of_secrets_are_known_however_they_are_written),
        cmocka_unit_test(json_is_redacted_in_every_string_and_under_every_name),
        cmocka_unit_test(extra_rules_add_names_and_patterns),
        cmocka_unit_test(a_bad_extra_rule_is_named),
        cmocka_unit_test(a_secret_is_found_at_every_place_of_a_long_text),
        cmocka_unit_test(long_secrets_go_whole),
        cmocka_unit_test(hostile_texts_cost_no_more_than_a_constant_factor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

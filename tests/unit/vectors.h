/* SPDX-License-Identifier: Apache-2.0 */
/* Golden vectors (tests/vectors/README.md) for tests: loading, iterating, reporting which one
 * failed. */
#ifndef AEP_TESTS_VECTORS_H
#define AEP_TESTS_VECTORS_H

#include <jansson.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The file's document; json_decref() it. */
static inline json_t *load_vectors(const char *name)
{
    char path[4096];
    json_error_t error;
    snprintf(path, sizeof path, "%s/%s", AEP_TEST_VECTORS, name);
    json_t *document = json_load_file(path, JSON_ALLOW_NUL, &error);
    if (!document)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    return document;
}

static inline const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static inline size_t length_of(const json_t *object, const char *name)
{
    return json_string_length(json_object_get(object, name));
}

/* Compares bytes and reports which vector differs, and how. */
static inline void expect_text(const json_t *vector, const char *got, size_t len, const char *want,
                               size_t want_len)
{
    if (len == want_len && memcmp(got, want, len) == 0)
        return;
    fail_msg("\"%s\":\n  got  %.*s\n  want %.*s", text_of(vector, "name"), (int)len, got,
             (int)want_len, want);
}

static inline void expect_number(const json_t *vector, const char *what, long long got)
{
    json_t *want = json_object_get(vector, what);
    if (want && got != json_integer_value(want))
        fail_msg("\"%s\": %s is %lld, not %lld", text_of(vector, "name"), what, got,
                 (long long)json_integer_value(want));
}

#endif

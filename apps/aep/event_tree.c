/* SPDX-License-Identifier: Apache-2.0 */
#include "event_tree.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

struct reader {
    struct aep__json json;
    struct aep__buf text;
};

/* What the string token stands for; its memory is used again by the next. */
static struct aep__slice read_text(struct reader *reader)
{
    struct aep__slice text = aep__json_decode(reader->json.token, &reader->text, NULL);
    if (text.data != reader->text.data)
        return text; /* as it stands: without a NUL */
    for (char *nul; text.len > 0 && (nul = memchr(reader->text.data, '\0', text.len));)
        *nul = ' ';
    return text;
}

static json_t *read_string(struct reader *reader)
{
    struct aep__slice text = read_text(reader);
    return text.data ? json_stringn_nocheck(text.data, text.len) : NULL;
}

static json_t *read_number(struct reader *reader)
{
    struct aep__slice token = reader->json.token;
    char *end, text[32];
    double number;
    if (token.len < sizeof text) {
        memcpy(text, token.data, token.len);
        text[token.len] = '\0';
        errno = 0;
        long long integer = strtoll(text, &end, 10);
        if (!*end && errno == 0)
            return json_integer(integer);
    }
    if (aep__json_number_value(token, &number) && isfinite(number))
        return json_real(number);
    return json_stringn_nocheck(token.data, token.len);
}

static json_t *read_value(struct reader *reader, enum aep__json_token token);

/* NULL: there was an error before its end. */
static json_t *read_object(struct reader *reader)
{
    json_t *object = json_object();
    enum aep__json_token token;
    bool added = true;
    while (added && (token = aep__json_next(&reader->json)) == AEP__JSON_NAME) {
        struct aep__slice text = read_text(reader);
        char *name = text.data ? strndup(text.data, text.len) : NULL;
        json_t *value = read_value(reader, aep__json_next(&reader->json));
        added = json_object_set_new_nocheck(object, name, value) == 0;
        free(name);
    }
    if (added && token == AEP__JSON_OBJECT_END)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *read_array(struct reader *reader)
{
    json_t *array = json_array();
    enum aep__json_token token;
    bool added = true;
    while (added && (token = aep__json_next(&reader->json)) != AEP__JSON_ARRAY_END)
        added = json_array_append_new(array, read_value(reader, token)) == 0;
    if (added)
        return array;
    json_decref(array);
    return NULL;
}

/* As deep as the scanner allows. */
static json_t *read_value(struct reader *reader, enum aep__json_token token)
{
    switch (token) {
    case AEP__JSON_OBJECT:
        return read_object(reader);
    case AEP__JSON_ARRAY:
        return read_array(reader);
    case AEP__JSON_STRING:
        return read_string(reader);
    case AEP__JSON_NUMBER:
        return read_number(reader);
    case AEP__JSON_TRUE:
        return json_true();
    case AEP__JSON_FALSE:
        return json_false();
    case AEP__JSON_NULL:
        return json_null();
    default:
        return NULL;
    }
}

json_t *aep__event_tree(struct aep__slice json)
{
    struct reader reader = {0};
    aep__json_begin(&reader.json, json.data, json.len, AEP__JSON_DEPTH_MAX, false);
    json_t *tree = read_value(&reader, aep__json_next(&reader.json));
    if (tree && aep__json_next(&reader.json) != AEP__JSON_END) {
        json_decref(tree);
        tree = NULL;
    }
    aep__json_done(&reader.json);
    aep__buf_done(&reader.text);
    return tree;
}

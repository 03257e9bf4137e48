/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/input.h"

#include "base/ascii.h"
#include "base/json.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 120 /* of a member that is looked for, with escapes */

/* ---- scanning ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0';
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

/* Behind the closing quote of the string that begins at `at`; the end where there is none. Looks at no byte
 * more than twice, however many are escaped. */
static const char *skip_string(const char *at, const char *end)
{
    const char *quote = at;
    for (at++; at < end; at++) {
        if (quote < at)
            quote = memchr(at, '"', (size_t)(end - at));
        if (!quote)
            quote = end;
        const char *slash = memchr(at, '\\', (size_t)(quote - at));
        if (!slash)
            return quote < end ? quote + 1 : end;
        at = slash + 1;
    }
    return end;
}

static const char *skip_word(const char *at, const char *end)
{
    while (at < end && !is_space(*at) && !strchr(",:{}[]\"", *at))
        at++;
    return at;
}

/* Brackets need not match: they only count. */
static const char *skip_container(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        char c = *at;
        if (c == '"') {
            at = skip_string(at, end);
            continue;
        }
        at++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            break;
    }
    return at;
}

/* Behind the value; at itself if there is none. */
static const char *skip_value(const char *at, const char *end)
{
    if (at == end)
        return at;
    if (*at == '"')
        return skip_string(at, end);
    if (*at == '{' || *at == '[')
        return skip_container(at, end);
    return skip_word(at, end);
}

/* ---- objects ---- */

static struct aep__hook_member *add_member(struct aep__hook_object *object)
{
    if (object->count == object->cap) {
        size_t cap = object->cap ? object->cap * 2 : 32;
        struct aep__hook_member *grown = realloc(object->members, cap * sizeof *grown);
        if (!grown)
            return NULL;
        object->members = grown;
        object->cap = cap;
    }
    return &object->members[object->count++];
}

/* One member, to what comes after its comma; NULL: no more. */
static const char *read_member(struct aep__hook_object *object, const char *at, const char *end)
{
    at = skip_space(at, end);
    if (at == end || *at != '"')
        return NULL;
    const char *name = at + 1, *behind = skip_string(at, end);
    at = skip_space(behind, end);
    if (at == end || *at != ':')
        return NULL;
    const char *value = skip_space(at + 1, end);
    at = skip_value(value, end);
    struct aep__hook_member *member = at > value ? add_member(object) : NULL;
    if (!member)
        return NULL;
    member->name = (struct aep__slice){name, (size_t)(behind - 1 - name)};
    member->value = (struct aep__slice){value, (size_t)(at - value)};
    at = skip_space(at, end);
    return at < end && *at == ',' ? at + 1 : NULL;
}

bool aep__hook_object_read(struct aep__hook_object *object, struct aep__slice text)
{
    object->count = 0;
    if (text.len == 0)
        return false;
    const char *at = text.data, *end = at + text.len;
    at += aep__utf8_mark(at, text.len);
    at = skip_space(at, end);
    if (at == end || *at != '{')
        return false;
    at++;
    while (at)
        at = read_member(object, at, end);
    return true;
}

void aep__hook_object_done(struct aep__hook_object *object)
{
    free(object->members);
    *object = (struct aep__hook_object){0};
}

/* ---- decoding ---- */

struct aep__hook_block {
    struct aep__hook_block *before;
    char data[];
};

void aep__hook_texts_done(struct aep__hook_texts *texts)
{
    while (texts->newest) {
        struct aep__hook_block *before = texts->newest->before;
        free(texts->newest);
        texts->newest = before;
    }
}

char *aep__hook_texts_new(struct aep__hook_texts *texts, size_t size)
{
    struct aep__hook_block *block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    block->before = texts->newest;
    texts->newest = block;
    return block->data;
}

/* Four hex digits; -1: they are none. */
static int read_hex4(const char *at, const char *end)
{
    int code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = at + i < end ? aep__hex_value(at[i]) : -1;
        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}

/* What \u begins, at its first digit; two of them may be one character. Returns behind it. */
static const char *decode_unicode(const char *at, const char *end, char *out, size_t *len)
{
    int code = read_hex4(at, end), low;
    if (code < 0) {
        *len = aep__utf8_encode(0xFFFD, out);
        return at;
    }
    at += 4;
    if (code >= 0xD800 && code < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u' &&
        (low = read_hex4(at + 2, end)) >= 0xDC00 && low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        at += 6;
    }
    *len = aep__utf8_encode((uint32_t)code, out);
    return at;
}

/* Behind the backslash. */
static const char *decode_escape(const char *at, const char *end, char *out, size_t *len)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    *len = 0;
    if (at == end)
        return at;
    if (*at == 'u')
        return decode_unicode(at + 1, end, out, len);
    const char *known = *at ? strchr(from, *at) : NULL;
    *out = known ? to[known - from] : *at;
    *len = 1;
    return at + 1;
}

/* The most that decode_into() writes: a \u without its digits becomes U+FFFD. */
#define DECODED_BYTES(raw_len) ((raw_len) + (raw_len) / 2 + 4)

static size_t decode_into(struct aep__slice raw, char *out)
{
    const char *at = raw.data, *end = at + raw.len;
    size_t len = 0, more;
    char bytes[4];
    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((slash ? slash : end) - at);
        memcpy(out + len, at, plain);
        len += plain;
        at += plain;
        if (!slash)
            break;
        at = decode_escape(at + 1, end, bytes, &more);
        memcpy(out + len, bytes, more);
        len += more;
    }
    return len;
}

static struct aep__slice repair(struct aep__hook_texts *texts, const char *text, size_t len)
{
    struct aep__buf repaired = {0};
    struct aep__slice result = {0};
    aep__utf8_repair(&repaired, text, len);
    char *data = repaired.failed ? NULL : aep__hook_texts_new(texts, repaired.len + 1);
    if (data) {
        memcpy(data, repaired.data, repaired.len);
        result = (struct aep__slice){data, repaired.len};
    }
    aep__buf_done(&repaired);
    return result;
}

struct aep__slice aep__hook_decode(struct aep__hook_texts *texts, struct aep__slice raw)
{
    if (!raw.data || raw.len == 0 || *raw.data != '"')
        return (struct aep__slice){0};
    struct aep__slice inner = {raw.data + 1, raw.len - 1};
    const char *behind = skip_string(raw.data, raw.data + raw.len);
    if (behind > raw.data + 1 && behind[-1] == '"' && inner.len > 0)
        inner.len = (size_t)(behind - 1 - inner.data);
    char *data = aep__hook_texts_new(texts, DECODED_BYTES(inner.len));
    if (!data)
        return (struct aep__slice){0};
    size_t len = decode_into(inner, data);
    if (aep__utf8_valid(data, len) == len)
        return (struct aep__slice){data, len};
    return repair(texts, data, len);
}

/* ---- members ---- */

static bool is_named(const struct aep__hook_member *member, const char *name, size_t len)
{
    char decoded[DECODED_BYTES(NAME_BYTES)];
    struct aep__slice raw = member->name;
    if (raw.len == len)
        return memcmp(raw.data, name, len) == 0;
    if (raw.len < len || raw.len > NAME_BYTES || !memchr(raw.data, '\\', raw.len))
        return false;
    return decode_into(raw, decoded) == len && memcmp(decoded, name, len) == 0;
}

struct aep__slice aep__hook_raw(const struct aep__hook_object *object, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = object->count; i-- > 0;)
        if (is_named(&object->members[i], name, len))
            return object->members[i].value;
    return (struct aep__slice){0};
}

static bool is_scalar(struct aep__slice raw)
{
    return raw.len > 0 && *raw.data != '{' && *raw.data != '[' &&
           !(raw.len == 4 && memcmp(raw.data, "null", 4) == 0);
}

struct aep__slice aep__hook_text(const struct aep__hook_object *object, const char *name,
                                 struct aep__hook_texts *texts)
{
    struct aep__slice raw = aep__hook_raw(object, name);
    if (raw.len > 0 && *raw.data == '"')
        return aep__hook_decode(texts, raw);
    return is_scalar(raw) && aep__utf8_valid(raw.data, raw.len) == raw.len ? raw
                                                                           : (struct aep__slice){0};
}

double aep__hook_number(const struct aep__hook_object *object, const char *name)
{
    double number;
    struct aep__slice raw = aep__hook_raw(object, name);
    return raw.len > 0 && aep__json_number_value(raw, &number) && number >= 0 && number < 1e15
               ? number
               : -1;
}

bool aep__hook_true(const struct aep__hook_object *object, const char *name)
{
    struct aep__slice raw = aep__hook_raw(object, name);
    return raw.len == 4 && memcmp(raw.data, "true", 4) == 0;
}

bool aep__hook_element(struct aep__slice array, const char **at, struct aep__slice *ret)
{
    if (array.len == 0 || *array.data != '[')
        return false;
    const char *end = array.data + array.len, *begin = *at ? *at : array.data + 1;
    begin = skip_space(begin, end);
    if (begin < end && *begin == ',')
        begin = skip_space(begin + 1, end);
    const char *behind = skip_value(begin, end);
    if (behind == begin)
        return false;
    *ret = (struct aep__slice){begin, (size_t)(behind - begin)};
    *at = behind;
    return true;
}

bool aep__hook_empty(struct aep__slice raw)
{
    if (raw.len == 0 || (*raw.data != '[' && *raw.data != '{'))
        return true;
    const char *end = raw.data + raw.len, *at = skip_space(raw.data + 1, end);
    return at == end || *at == ']' || *at == '}';
}

/* ---- hashes: FNV-1a, 64 bits ---- */

uint64_t aep__hook_hash_text(struct aep__slice text, uint64_t seed)
{
    uint64_t hash = seed ^ UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (uint8_t)text.data[i]) * UINT64_C(0x100000001b3);
    return hash ? hash : 1;
}

uint64_t aep__hook_hash_value(struct aep__slice raw, struct aep__hook_texts *texts, uint64_t seed)
{
    struct aep__slice inner = aep__hook_decode(texts, raw);
    if (inner.len > 0 && (*inner.data == '{' || *inner.data == '['))
        raw = inner;
    uint64_t hash = seed ^ UINT64_C(0xcbf29ce484222325);
    const char *at = raw.data, *end = at + raw.len;
    while (at < end) {
        const char *behind = *at == '"' ? skip_string(at, end) : at + 1;
        bool string = *at == '"';
        for (; at < behind; at++)
            if (string || !is_space(*at))
                hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    }
    return hash ? hash : 1;
}

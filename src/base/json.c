/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/ascii.h"
#include "base/endian.h"
#include "base/utf8.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writer --------------------------------------------------------------------------------- */

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))
#define HIGH_BITS EACH_BYTE(0x80)

/* Of eight bytes, first one lowest: the lowest bit set is in the first that is below 0x20, a quote
 * or a backslash; 0 if there is none. */
static uint64_t find_special8(const char *text)
{
    uint64_t word = aep__get64(text);
    uint64_t quote = word ^ EACH_BYTE('"'), backslash = word ^ EACH_BYTE('\\');
    return ((word - EACH_BYTE(0x20)) & ~word & HIGH_BITS) |
           ((quote - EACH_BYTE(1)) & ~quote & HIGH_BITS) |
           ((backslash - EACH_BYTE(1)) & ~backslash & HIGH_BITS);
}

/* How many bytes at the front can stand in a string as they are. The last eight are looked at
 * together, too; that some were seen before does no harm. */
static size_t plain_run(const char *text, size_t len)
{
    size_t at = 0;
    if (len >= 8)
        for (size_t last = len - 8; at < len; at += 8) {
            at = at < last ? at : last;
            uint64_t special = find_special8(text + at);
            if (special)
                return at + (size_t)__builtin_ctzll(special) / 8;
        }
    while (at < len && (uint8_t)text[at] >= 0x20 && text[at] != '"' && text[at] != '\\')
        at++;
    return at;
}

static void add_escape(struct aep__buf *out, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    static const char names[128] = {
        ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
        ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't',
    };
    if (names[byte])
        aep__buf_add(out, (char[]){'\\', names[byte]}, 2);
    else
        aep__buf_add(out, (char[]){'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]}, 6);
}

void aep__json_add_string(struct aep__buf *out, const char *text, size_t len)
{
    size_t plain = plain_run(text, len);
    if (!aep__buf_reserve(out, len + 2))
        return;
    out->data[out->len++] = '"';
    while (plain < len) {
        aep__buf_add(out, text, plain);
        add_escape(out, (uint8_t)text[plain]);
        text += plain + 1;
        len -= plain + 1;
        plain = plain_run(text, len);
    }
    aep__buf_add(out, text, plain);
    aep__buf_byte(out, '"');
}

static void add_integer(struct aep__buf *out, uint64_t number)
{
    char digits[20], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    aep__buf_add(out, at, (size_t)(digits + sizeof digits - at));
}

static bool reads_back(char *text, size_t size, int digits, double number)
{
    snprintf(text, size, "%.*g", digits, number);
    return strtod(text, NULL) == number;
}

/* Fifteen digits reproduce every decimal of up to fifteen digits, except for the smallest doubles,
 * which have less precision and may need fewer. */
static void format_shortest(char *text, size_t size, double number)
{
    int digits = fabs(number) < DBL_MIN ? 1 : 15;
    while (!reads_back(text, size, digits, number) && digits < 17)
        digits++;
}

void aep__json_add_number(struct aep__buf *out, double number)
{
    char text[40];
    if (fabs(number) < 9007199254740992.0 && number == (double)(int64_t)number &&
        !(number == 0 && signbit(number))) {
        if (number < 0)
            aep__buf_byte(out, '-');
        add_integer(out, (uint64_t)fabs(number));
        return;
    }
    format_shortest(text, sizeof text, number);
    /* The host program's locale may have another decimal point, of several bytes even. */
    for (const char *at = text; *at;) {
        size_t run = strspn(at, "0123456789+-e");
        aep__buf_add(out, at, run);
        at += run;
        if (!*at)
            break;
        aep__buf_byte(out, '.');
        at += strcspn(at, "0123456789");
    }
}

void aep__json_add_pointer(struct aep__buf *out, const char *name, size_t len)
{
    aep__buf_byte(out, '/');
    for (size_t i = 0; i < len; i++)
        if (name[i] == '~' || name[i] == '/')
            aep__buf_text(out, name[i] == '~' ? "~0" : "~1");
        else
            aep__buf_byte(out, name[i]);
}

/* ---- strings -------------------------------------------------------------------------------- */

/* The four digits behind \u; -1 if they are not hex digits. */
static int32_t read_hex4(const char *at, const char *end)
{
    int32_t number = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int value = aep__hex_value(at[i]);
        if (value < 0)
            return -1;
        number = number << 4 | value;
    }
    return number;
}

static bool is_high_surrogate(int32_t unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(int32_t unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* Reads \uXXXX, or a pair of them, at `at` (the backslash); the escapes are well-formed. Returns
 * how long it is; *ret is 0xD800 for a lone surrogate. */
static size_t read_unicode(const char *at, const char *end, uint32_t *ret)
{
    int32_t first = read_hex4(at + 2, end);
    if (is_high_surrogate(first) && end - at >= 12 && at[6] == '\\' && at[7] == 'u') {
        int32_t second = read_hex4(at + 8, end);
        if (is_low_surrogate(second)) {
            *ret = 0x10000 + ((uint32_t)(first - 0xD800) << 10) + (uint32_t)(second - 0xDC00);
            return 12;
        }
    }
    *ret = is_high_surrogate(first) || is_low_surrogate(first) ? 0xD800 : (uint32_t)first;
    return 6;
}

static char simple_escape(char name)
{
    switch (name) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case '"':
    case '\\':
    case '/':
        return name;
    }
    return '\0';
}

/* Appends what an escape stands for; returns its length. */
static size_t decode_escape(const char *at, const char *end, struct aep__buf *out, size_t *repairs)
{
    if (at[1] != 'u') {
        aep__buf_byte(out, simple_escape(at[1]));
        return 2;
    }
    uint32_t code_point;
    char bytes[4];
    size_t step = read_unicode(at, end, &code_point);
    *repairs += code_point == 0xD800;
    aep__buf_add(out, bytes, aep__utf8_encode(code_point, bytes));
    return step;
}

struct aep__slice aep__json_decode(struct aep__slice raw, struct aep__buf *scratch, size_t *repairs)
{
    const char *at = raw.data, *end = at + raw.len;
    const char *escape = raw.len ? memchr(at, '\\', raw.len) : NULL;
    size_t ignored = 0;
    if (!escape && aep__utf8_valid(at, raw.len) == raw.len)
        return raw;
    repairs = repairs ? repairs : &ignored;
    aep__buf_clear(scratch);
    if (!aep__buf_reserve(scratch, raw.len + 1))
        return (struct aep__slice){NULL, 0};
    while (at < end) {
        size_t plain = escape ? (size_t)(escape - at) : (size_t)(end - at);
        *repairs += aep__utf8_repair(scratch, at, plain);
        at += plain;
        if (escape)
            at += decode_escape(at, end, scratch, repairs);
        escape = at < end ? memchr(at, '\\', (size_t)(end - at)) : NULL;
    }
    return (struct aep__slice){scratch->failed ? NULL : scratch->data, scratch->len};
}

/* ---- scanner: errors ------------------------------------------------------------------------ */

/* What is wanted next. */
enum state {
    WANT_VALUE,
    WANT_VALUE_OR_END, /* the first of an array */
    WANT_NAME_OR_END,  /* the first of an object */
    WANT_COMMA_OR_END,
    WANT_NOTHING, /* but the end of the text */
    FAILED,
};

/* AEP__JSON_ERROR is 0: what returns bool returns false by it. */
static enum aep__json_token fail(struct aep__json *json, enum aep__json_problem problem,
                                 const char *at, const char *message)
{
    json->problem = problem;
    json->position = (size_t)(at - json->begin);
    json->message = message;
    json->state = FAILED;
    return AEP__JSON_ERROR;
}

static enum aep__json_token fail_syntax(struct aep__json *json, const char *message)
{
    return fail(json, AEP__JSON_SYNTAX, json->at,
                json->at == json->end ? "the text ends early" : message);
}

static enum aep__json_token fail_memory(struct aep__json *json)
{
    return fail(json, AEP__JSON_MEMORY, json->at, "out of memory");
}

static void skip_space(struct aep__json *json)
{
    while (json->at < json->end &&
           (*json->at == ' ' || *json->at == '\n' || *json->at == '\t' || *json->at == '\r'))
        json->at++;
}

static struct aep__json_frame *top_frame(struct aep__json *json)
{
    return &json->frames[json->depth - 1];
}

/* ---- scanner: strings ----------------------------------------------------------------------- */

/* Checks the escape at json->at and moves behind it. */
static bool scan_escape(struct aep__json *json)
{
    const char *at = json->at;
    json->escaped = true;
    if (json->end - at < 2) {
        json->at = json->end;
        return fail_syntax(json, "");
    }
    if (at[1] != 'u') {
        if (!simple_escape(at[1]))
            return fail_syntax(json, "an unknown escape");
        json->at += 2;
        return true;
    }
    uint32_t code_point;
    if (read_hex4(at + 2, json->end) < 0)
        return fail_syntax(json, "\\u needs four hex digits");
    size_t step = read_unicode(at, json->end, &code_point);
    if (code_point == 0xD800 && json->strict)
        return fail(json, AEP__JSON_ENCODING, at, "a lone surrogate");
    json->at += step;
    return true;
}

/* Reads the string at json->at (its quote); token is what is between the quotes. */
static bool scan_string(struct aep__json *json)
{
    const char *begin = ++json->at;
    json->escaped = false;
    for (;;) {
        json->at += plain_run(json->at, (size_t)(json->end - json->at));
        if (json->at == json->end)
            return fail_syntax(json, "");
        if (*json->at == '"')
            break;
        if (*json->at != '\\')
            return fail_syntax(json, "a control character in a string must be escaped");
        if (!scan_escape(json))
            return false;
    }
    json->token = (struct aep__slice){begin, (size_t)(json->at++ - begin)};
    if (!json->strict)
        return true;
    size_t valid = aep__utf8_valid(begin, json->token.len);
    return valid == json->token.len ||
           fail(json, AEP__JSON_ENCODING, begin + valid, "invalid UTF-8");
}

/* ---- scanner: names, each once in an object ------------------------------------------------- */

/* Below this many names each new one is compared with those before it; beyond, an object's names
 * are sorted at its end. */
#define NAMES_COMPARED 16

struct name_entry {
    struct aep__slice raw;
    bool odd; /* must be decoded for comparison: it holds escapes or invalid UTF-8 */
};

static struct name_entry *names_of(const struct aep__json *json,
                                   const struct aep__json_frame *frame, size_t *ret_count)
{
    *ret_count = (json->names.len - frame->names_begin) / sizeof(struct name_entry);
    if (*ret_count == 0)
        return NULL;
    return (struct name_entry *)(void *)(json->names.data + frame->names_begin);
}

static int compare_slices(struct aep__slice a, struct aep__slice b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len ? memcmp(a.data, b.data, a.len) : 0;
}

static int compare_names(const void *left, const void *right, void *user)
{
    const struct name_entry *a = left, *b = right;
    struct aep__json *json = user;
    if (!a->odd && !b->odd)
        return compare_slices(a->raw, b->raw);
    struct aep__slice first = aep__json_decode(a->raw, &json->left, NULL);
    struct aep__slice second = aep__json_decode(b->raw, &json->right, NULL);
    if (!first.data || !second.data) {
        json->problem = AEP__JSON_MEMORY;
        return 0;
    }
    return compare_slices(first, second);
}

static enum aep__json_token fail_duplicate(struct aep__json *json, struct aep__slice raw)
{
    if (json->problem == AEP__JSON_MEMORY)
        return fail_memory(json);
    return fail(json, AEP__JSON_DUPLICATE, raw.data - 1, "a duplicate name in this object");
}

static bool remember_name(struct aep__json *json)
{
    size_t count;
    bool odd =
        json->escaped || aep__utf8_valid(json->token.data, json->token.len) != json->token.len;
    struct name_entry entry = {json->token, odd};
    const struct name_entry *before = names_of(json, top_frame(json), &count);
    for (size_t i = 0; i < count && count < NAMES_COMPARED; i++)
        if (compare_names(&before[i], &entry, json) == 0)
            return fail_duplicate(json, entry.raw);
    aep__buf_add(&json->names, &entry, sizeof entry);
    return !json->names.failed || fail_memory(json);
}

/* Checks an object that had too many names to compare one by one. */
static bool check_names(struct aep__json *json)
{
    size_t count;
    struct name_entry *names = names_of(json, top_frame(json), &count);
    if (count <= NAMES_COMPARED)
        return true;
    qsort_r(names, count, sizeof *names, compare_names, json);
    if (json->problem == AEP__JSON_MEMORY)
        return fail_memory(json);
    for (size_t i = 1; i < count; i++)
        if (compare_names(&names[i - 1], &names[i], json) == 0) {
            bool later = names[i].raw.data > names[i - 1].raw.data;
            return fail_duplicate(json, names[later ? i : i - 1].raw);
        }
    return true;
}

static enum aep__json_token scan_name(struct aep__json *json)
{
    if (json->at == json->end || *json->at != '"')
        return fail_syntax(json, "expected a name in quotes");
    if (!scan_string(json) || !remember_name(json))
        return AEP__JSON_ERROR;
    skip_space(json);
    if (json->at == json->end || *json->at != ':')
        return fail_syntax(json, "expected a colon");
    json->at++;
    json->state = WANT_VALUE;
    return AEP__JSON_NAME;
}

/* ---- scanner: values ------------------------------------------------------------------------ */

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* The end of the longest number (RFC 8259 §6) at `at`; at itself if there is none. */
static const char *number_end(const char *at, const char *end)
{
    const char *begin = at;
    at += at < end && *at == '-';
    const char *digits = at;
    at = at < end && *at == '0' ? at + 1 : skip_digits(at, end);
    if (at == digits)
        return begin;
    const char *whole = at;
    if (at < end && *at == '.' && (at = skip_digits(at + 1, end)) == whole + 1)
        return begin;
    if (at < end && (*at == 'e' || *at == 'E')) {
        digits = at + 1 + (at + 1 < end && (at[1] == '+' || at[1] == '-'));
        if ((at = skip_digits(digits, end)) == digits)
            return begin;
    }
    return at;
}

static void value_done(struct aep__json *json)
{
    json->state = json->depth ? WANT_COMMA_OR_END : WANT_NOTHING;
}

static bool is_word_byte(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' ||
           c == '+' || c == '-' || c == '_';
}

static enum aep__json_token scan_number(struct aep__json *json)
{
    const char *begin = json->at, *end = number_end(begin, json->end);
    if (end == begin || (end < json->end && is_word_byte(*end)))
        return fail_syntax(json, "not a JSON number");
    json->token = (struct aep__slice){begin, (size_t)(end - begin)};
    json->at = end;
    value_done(json);
    return AEP__JSON_NUMBER;
}

static enum aep__json_token scan_word(struct aep__json *json, struct aep__slice word,
                                      enum aep__json_token token)
{
    const char *end = json->at + word.len;
    if ((size_t)(json->end - json->at) < word.len || memcmp(json->at, word.data, word.len) != 0 ||
        (end < json->end && is_word_byte(*end)))
        return fail_syntax(json, "not a JSON value (NaN and Infinity are not JSON)");
    json->token = (struct aep__slice){json->at, word.len};
    json->at = end;
    value_done(json);
    return token;
}

static enum aep__json_token open_container(struct aep__json *json, bool is_object)
{
    if (json->depth == json->depth_max)
        return fail(json, AEP__JSON_TOO_DEEP, json->at, "nested too deeply");
    json->frames[json->depth++] =
        (struct aep__json_frame){.is_object = is_object, .names_begin = json->names.len};
    json->token = (struct aep__slice){json->at++, 1};
    json->state = is_object ? WANT_NAME_OR_END : WANT_VALUE_OR_END;
    return is_object ? AEP__JSON_OBJECT : AEP__JSON_ARRAY;
}

static enum aep__json_token close_container(struct aep__json *json)
{
    struct aep__json_frame *frame = top_frame(json);
    bool is_object = frame->is_object;
    if (is_object && !check_names(json))
        return AEP__JSON_ERROR;
    json->names.len = frame->names_begin;
    json->depth--;
    json->token = (struct aep__slice){json->at++, 1};
    value_done(json);
    return is_object ? AEP__JSON_OBJECT_END : AEP__JSON_ARRAY_END;
}

static enum aep__json_token scan_value(struct aep__json *json)
{
    if (json->at == json->end)
        return fail_syntax(json, "");
    switch (*json->at) {
    case '{':
        return open_container(json, true);
    case '[':
        return open_container(json, false);
    case '"':
        if (!scan_string(json))
            return AEP__JSON_ERROR;
        value_done(json);
        return AEP__JSON_STRING;
    case 't':
        return scan_word(json, AEP__SLICE("true"), AEP__JSON_TRUE);
    case 'f':
        return scan_word(json, AEP__SLICE("false"), AEP__JSON_FALSE);
    case 'n':
        return scan_word(json, AEP__SLICE("null"), AEP__JSON_NULL);
    case '-':
        if (json->end - json->at > 1 && json->at[1] == 'I')
            return fail_syntax(json, "not a JSON value (NaN and Infinity are not JSON)");
        return scan_number(json);
    }
    if (*json->at >= '0' && *json->at <= '9')
        return scan_number(json);
    return fail_syntax(json, "not a JSON value (NaN and Infinity are not JSON)");
}

static enum aep__json_token scan_comma_or_end(struct aep__json *json)
{
    struct aep__json_frame *frame = top_frame(json);
    if (json->at < json->end && *json->at == (frame->is_object ? '}' : ']'))
        return close_container(json);
    if (json->at == json->end || *json->at != ',')
        return fail_syntax(json,
                           frame->is_object ? "expected a comma or }" : "expected a comma or ]");
    json->at++;
    frame->index++;
    skip_space(json);
    return frame->is_object ? scan_name(json) : scan_value(json);
}

/* ---- scanner: calls ------------------------------------------------------------------------- */

void aep__json_begin(struct aep__json *json, const char *text, size_t len, size_t depth_max,
                     bool strict)
{
    json->begin = json->at = text;
    json->end = text + len;
    json->depth_max = depth_max < AEP__JSON_DEPTH_MAX ? depth_max : AEP__JSON_DEPTH_MAX;
    json->strict = strict;
    json->state = WANT_VALUE;
    json->depth = 0;
    json->problem = AEP__JSON_FINE;
    json->position = 0;
    json->message = NULL;
    json->token = (struct aep__slice){text, 0};
    json->escaped = false;
    aep__buf_clear(&json->names);
}

enum aep__json_token aep__json_next(struct aep__json *json)
{
    if (json->state == FAILED)
        return AEP__JSON_ERROR;
    skip_space(json);
    char next = json->at < json->end ? *json->at : '\0';
    switch ((enum state)json->state) {
    case WANT_NAME_OR_END:
        return next == '}' ? close_container(json) : scan_name(json);
    case WANT_VALUE_OR_END:
        return next == ']' ? close_container(json) : scan_value(json);
    case WANT_COMMA_OR_END:
        return scan_comma_or_end(json);
    case WANT_NOTHING:
        return json->at == json->end ? AEP__JSON_END
                                     : fail_syntax(json, "something follows the value");
    default:
        return scan_value(json);
    }
}

bool aep__json_skip(struct aep__json *json, enum aep__json_token first)
{
    const char *begin = json->token.data;
    if (first == AEP__JSON_STRING)
        json->token = (struct aep__slice){begin - 1, json->token.len + 2};
    if (first != AEP__JSON_OBJECT && first != AEP__JSON_ARRAY)
        return first;
    size_t outside = json->depth - 1;
    while (json->depth > outside)
        if (aep__json_next(json) == AEP__JSON_ERROR)
            return false;
    json->token = (struct aep__slice){begin, (size_t)(json->at - begin)};
    return true;
}

bool aep__json_is_name(struct aep__json *json, const char *name)
{
    struct aep__slice text = json->token;
    if (json->escaped)
        text = aep__json_decode(text, &json->left, NULL);
    if (!text.data)
        return fail_memory(json);
    return compare_slices(text, aep__slice_text(name)) == 0;
}

void aep__json_where(const struct aep__json *json, struct aep__buf *out)
{
    for (size_t i = 0; i < json->depth; i++) {
        struct aep__json_frame frame = json->frames[i];
        if (!frame.is_object) {
            aep__buf_format(out, "/%zu", frame.index);
            continue;
        }
        size_t names_end = i + 1 < json->depth ? json->frames[i + 1].names_begin : json->names.len;
        if (names_end == frame.names_begin)
            continue;
        struct name_entry last;
        struct aep__buf scratch = {0};
        memcpy(&last, json->names.data + names_end - sizeof last, sizeof last);
        struct aep__slice name = aep__json_decode(last.raw, &scratch, NULL);
        aep__json_add_pointer(out, name.data, name.len);
        aep__buf_done(&scratch);
    }
}

void aep__json_done(struct aep__json *json)
{
    aep__buf_done(&json->names);
    aep__buf_done(&json->left);
    aep__buf_done(&json->right);
}

static double scale_by_ten(double number, int scale)
{
    double power = 1;
    for (int i = scale < 0 ? -scale : scale; i > 0 && power < 1e300; i--)
        power *= 10;
    return scale < 0 ? number / power : number * power;
}

/* Digits are summed as a double and scaled, in two steps that a double can hold: exact for what
 * people write, a few units in the last place off otherwise, which no limit of ours can tell. */
bool aep__json_number_value(struct aep__slice text, double *ret)
{
    const char *at = text.data, *end = at + text.len;
    if (text.len == 0 || number_end(at, end) != end)
        return false;
    bool negative = *at == '-', fraction = false;
    double sum = 0;
    int scale = 0;
    for (at += negative; at < end && (*at | 0x20) != 'e'; at++) {
        if (*at == '.') {
            fraction = true;
        } else if (sum < 1e17) {
            sum = sum * 10 + (*at - '0');
            scale -= fraction;
        } else {
            scale += !fraction && scale < 100000;
        }
    }
    if (at < end) {
        bool down = *++at == '-';
        int exponent = 0;
        for (at += *at == '-' || *at == '+'; at < end; at++)
            exponent = exponent < 100000 ? exponent * 10 + (*at - '0') : exponent;
        scale += down ? -exponent : exponent;
    }
    sum = sum == 0 ? 0 : scale_by_ten(scale_by_ten(sum, scale / 2), scale - scale / 2);
    *ret = negative ? -sum : sum;
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <string.h>

/* What may follow a lead byte: how many bytes in all, and the range of the second (the third and
 * fourth are 80 to BF). Length 0: no lead byte. */
struct lead {
    uint8_t len, low, high;
};

static struct lead read_lead(uint8_t byte)
{
    if (byte < 0x80)
        return (struct lead){1, 0, 0};
    if (byte < 0xC2 || byte > 0xF4)
        return (struct lead){0, 0, 0};
    if (byte < 0xE0)
        return (struct lead){2, 0x80, 0xBF};
    if (byte < 0xF0)
        return (struct lead){3, byte == 0xE0 ? 0xA0 : 0x80, byte == 0xED ? 0x9F : 0xBF};
    return (struct lead){4, byte == 0xF0 ? 0x90 : 0x80, byte == 0xF4 ? 0x8F : 0xBF};
}

/* The length of the character at `at`; 0 if it is ill-formed, then *ret_bad is the length of the
 * maximal part that one replacement stands for. */
static size_t take_character(const uint8_t *at, size_t left, size_t *ret_bad)
{
    struct lead lead = read_lead(*at);
    *ret_bad = 1;
    for (size_t i = 1; i < lead.len; i++) {
        uint8_t low = i == 1 ? lead.low : 0x80, high = i == 1 ? lead.high : 0xBF;
        if (i == left || at[i] < low || at[i] > high) {
            *ret_bad = i;
            return 0;
        }
    }
    return lead.len;
}

static size_t ascii_run(const char *text, size_t len)
{
    size_t at = 0;
    for (uint64_t word; len - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    while (at < len && (uint8_t)text[at] < 0x80)
        at++;
    return at;
}

size_t aep__utf8_mark(const char *text, size_t len)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* U+FEFF */
    return len >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
}

size_t aep__utf8_valid(const char *text, size_t len)
{
    size_t at = 0, bad;
    if (len == 0)
        return 0;
    while ((at += ascii_run(text + at, len - at)) < len) {
        size_t step = take_character((const uint8_t *)text + at, len - at, &bad);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}

size_t aep__utf8_repair(struct aep__buf *out, const char *text, size_t len)
{
    size_t count = 0, bad;
    for (;;) {
        size_t valid = aep__utf8_valid(text, len);
        aep__buf_add(out, text, valid);
        text += valid;
        len -= valid;
        if (len == 0)
            return count;
        take_character((const uint8_t *)text, len, &bad);
        aep__buf_text(out, AEP__UTF8_REPLACEMENT);
        text += bad;
        len -= bad;
        count++;
    }
}

size_t aep__utf8_encode(uint32_t code_point, char bytes[4])
{
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF))
        code_point = 0xFFFD;
    if (code_point < 0x80) {
        bytes[0] = (char)code_point;
        return 1;
    }
    size_t len = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, code_point >>= 6)
        bytes[i] = (char)(0x80 | (code_point & 0x3F));
    bytes[0] = (char)(0xF00 >> len | code_point);
    return len;
}

size_t aep__utf8_cut(const char *text, size_t len, size_t limit)
{
    if (len <= limit)
        return len;
    while (limit > 0 && ((uint8_t)text[limit] & 0xC0) == 0x80)
        limit--;
    return limit;
}

uint32_t aep__utf8_decode(const char *text, size_t left, size_t *ret_len)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t bad, len = take_character(at, left, &bad);
    if (len == 0) {
        *ret_len = 1;
        return 0xFFFD;
    }
    uint32_t code_point = len == 1 ? *at : *at & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++)
        code_point = code_point << 6 | (at[i] & 0x3F);
    *ret_len = len;
    return code_point;
}

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

bool aep__utf8_blank(const char *text, size_t len)
{
    size_t step;
    for (size_t at = 0; at < len; at += step)
        if (!is_space(aep__utf8_decode(text + at, len - at, &step)))
            return false;
    return true;
}

bool aep__utf8_control(const char *text, size_t len)
{
    size_t step;
    for (size_t at = 0; at < len; at += step) {
        uint32_t c = aep__utf8_decode(text + at, len - at, &step);
        if (c < 0x20 || (c >= 0x7F && c <= 0x9F))
            return true;
    }
    return false;
}

/* ---- plain text ---- */

/* Controls (general category Cc), line separators, and characters that change the direction of
 * text. */
static bool is_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
}

size_t aep__utf8_plain(char *text, size_t len)
{
    size_t end = 0, step;
    for (size_t at = 0; at < len; at += step) {
        uint32_t c = aep__utf8_decode(text + at, len - at, &step);
        bool bad = step == 1 && c == 0xFFFD;
        if (bad || is_unsafe(c)) {
            text[end++] = bad ? '?' : ' ';
        } else {
            memmove(text + end, text + at, step);
            end += step;
        }
    }
    return end;
}

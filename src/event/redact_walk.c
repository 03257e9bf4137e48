/* SPDX-License-Identifier: Apache-2.0 */
#include "event/redact_walk.h"

#include "event/secret_value.h"

#include <string.h>

const uint8_t aep__anchors[256] = {
    ['-'] = AEP__ANCHOR_DASH,  ['_'] = AEP__ANCHOR_UNDERSCORE, ['I'] = AEP__ANCHOR_I,
    ['J'] = AEP__ANCHOR_J,     ['B'] = AEP__ANCHOR_B,          ['b'] = AEP__ANCHOR_B,
    [':'] = AEP__ANCHOR_COLON, ['='] = AEP__ANCHOR_EQUALS,
};

/* Whether a word begins at this byte. Text inside text has its own escapes: \nsk-… and %20sk-… and
 * \u0022sk-… begin one there too. */
bool aep__walk_begins_word(const struct aep__walk *walk, const char *at)
{
    const char *begin = walk->begin;
    if (at == begin || !aep__is_alnum(at[-1]))
        return true;
    if (at - begin >= 2 && at[-2] == '\\' && strchr("nrtbfv0", at[-1]))
        return true;
    if (at - begin >= 3 && at[-3] == '%' && aep__hex_value(at[-2]) >= 0 &&
        aep__hex_value(at[-1]) >= 0)
        return true;
    return at - begin >= 6 && at[-6] == '\\' && at[-5] == 'u' && aep__hex_value(at[-4]) >= 0 &&
           aep__hex_value(at[-3]) >= 0 && aep__hex_value(at[-2]) >= 0 &&
           aep__hex_value(at[-1]) >= 0;
}

bool aep__walk_starts_with(const struct aep__walk *walk, const char *at, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(walk->end - at) >= len && memcmp(at, text, len) == 0;
}

bool aep__walk_starts_with_any_case(const struct aep__walk *walk, const char *at, const char *lower)
{
    for (; *lower; at++, lower++)
        if (at == walk->end || (aep__is_upper(*at) ? *at | 0x20 : *at) != *lower)
            return false;
    return true;
}

bool aep__walk_replace(struct aep__walk *walk, const char *begin, const char *end, const char *kind)
{
    if (begin < walk->done || end <= begin)
        return false;
    aep__buf_add(walk->out, walk->done, (size_t)(begin - walk->done));
    aep__secret_mark(walk->out, kind);
    walk->done = end;
    walk->count++;
    return true;
}

const char *aep__walk_at_most(const struct aep__walk *walk, const char *at, size_t bytes)
{
    return (size_t)(walk->end - at) < bytes ? walk->end : at + bytes;
}

const char *aep__walk_skip_blanks(const struct aep__walk *walk, const char *at, size_t most)
{
    const char *end = aep__walk_at_most(walk, at, most);
    while (at < end && aep__is_blank(*at))
        at++;
    return at;
}

/* A byte as passwords may contain, but not one that code consists of. */
static bool is_random_byte(char c)
{
    return aep__is_credential_byte(c) || (c != '\0' && strchr("!@#$%^&*?|", c));
}

/* Not a word of a sentence: it has digits among its letters, capitals inside, or is too long. */
bool aep__walk_looks_random(const char *at, const char *end)
{
    size_t run = 0;
    bool digit = false, letter = false, inner_capital = false;
    for (const char *c = at; c < end; c++) {
        if (!is_random_byte(*c))
            return false;
        digit |= aep__is_digit(*c);
        letter |= aep__is_letter(*c);
        inner_capital |= c > at && aep__is_upper(*c) && aep__is_lower(c[-1]);
        run = aep__is_alnum(*c) ? run + 1 : 0;
        if (run >= AEP__LONG_RUN)
            return true;
    }
    return end - at >= 8 && letter && (digit || inner_capital);
}

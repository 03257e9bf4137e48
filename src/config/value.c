/* SPDX-License-Identifier: Apache-2.0 */
/* One function per type: it takes text and gives the canonical text and number, or the problem in
 * words that fit after "FILE:LINE: KEY: ". */
#include "config/value.h"

#include "base/topic_name.h"
#include "base/utf8.h"
#include "config/brokers.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool aep__problem(struct aep__problem *problem, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(problem->text, sizeof problem->text, format, args);
    va_end(args);
    return false;
}

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

bool aep__value_clean(const char *text, bool lines, struct aep__problem *problem)
{
    size_t len = strlen(text);
    if (len > AEP__VALUE_MAX)
        return aep__problem(problem, "is longer than 64 KiB");
    if (aep__utf8_valid(text, len) != len)
        return aep__problem(problem, "is not UTF-8");
    bool has_control = !lines && aep__utf8_control(text, len);
    for (const char *at = text; lines && *at; at++)
        if (is_control((unsigned char)*at) && !strchr("\t\r\n", *at))
            has_control = true;
    return !has_control || aep__problem(problem, "has a control character");
}

const char *aep__quote(const char *text, char quoted[AEP__QUOTE_SIZE])
{
    const size_t room = AEP__QUOTE_SIZE - sizeof "\"…\"";
    size_t len = strlen(text);
    bool is_utf8 = aep__utf8_valid(text, len) == len;
    size_t shown = len <= room ? len : is_utf8 ? aep__utf8_cut(text, len, room) : room;
    char *at = quoted;
    *at++ = '"';
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text[i];
        *at++ = is_control(c) || (c >= 0x80 && !is_utf8) ? '?' : (char)c;
    }
    strcpy(at, shown < len ? "…\"" : "\"");
    return quoted;
}

bool aep__value_word(const char *words, const char *text, const char **ret_word, size_t *ret_len)
{
    size_t want = strlen(text);
    for (const char *word = words; *word; word += *word == '|') {
        size_t len = strcspn(word, "|");
        if (len == want && strncasecmp(word, text, len) == 0) {
            *ret_word = word;
            *ret_len = len;
            return true;
        }
        word += len;
    }
    return false;
}

void aep__value_words(const char *words, char *text, size_t size)
{
    size_t len = 0;
    for (; *words && len + 3 < size; words++) {
        if (*words == '|') {
            text[len++] = ',';
            text[len++] = ' ';
        } else {
            text[len++] = *words;
        }
    }
    text[len] = '\0';
}

bool aep__value_path(const char *text, struct aep__problem *problem)
{
    char quoted[AEP__QUOTE_SIZE];
    if (!aep__value_clean(text, false, problem))
        return false;
    if (strlen(text) >= 4096)
        return aep__problem(problem, "is too long for a path");
    if (text[0] == '~')
        return aep__problem(problem, "%s: ~ is not expanded here: write the path out",
                            aep__quote(text, quoted));
    if (text[0] != '/')
        return aep__problem(problem, "%s must be an absolute path", aep__quote(text, quoted));
    return true;
}

bool aep__value_is_url(const char *text)
{
    return strncmp(text, "postgresql://", 13) == 0 || strncmp(text, "postgres://", 11) == 0;
}

static bool is_store(const char *text, struct aep__problem *problem)
{
    char quoted[AEP__QUOTE_SIZE];
    if (aep__value_is_url(text))
        return aep__value_clean(text, false, problem);
    if (strstr(text, "://"))
        return aep__problem(problem, "%s must be an absolute path, or postgresql://…",
                            aep__quote(text, quoted));
    return aep__value_path(text, problem);
}

/* A password stands behind the user, or among the parameters. */
void aep__value_mask(const char *url, struct aep__buf *out)
{
    static const char word[] = "password=";
    if (!aep__value_is_url(url)) {
        aep__buf_text(out, url);
        return;
    }
    const char *host = strstr(url, "://") + 3, *found;
    const char *at = memrchr(host, '@', strcspn(host, "/?"));
    const char *colon = at ? memchr(host, ':', (size_t)(at - host)) : NULL;
    if (colon) {
        aep__buf_add(out, url, (size_t)(colon + 1 - url));
        aep__buf_text(out, AEP__VALUE_MASK);
        url = at;
    }
    while ((found = strstr(url, word))) {
        found += sizeof word - 1;
        aep__buf_add(out, url, (size_t)(found - url));
        aep__buf_text(out, AEP__VALUE_MASK);
        url = found + strcspn(found, "&");
    }
    aep__buf_text(out, url);
}

static bool parse_text(const struct aep__option_row *row, const char *text,
                       struct aep__buf *canonical, struct aep__problem *problem)
{
    if (!aep__value_clean(text, false, problem))
        return false;
    if (strlen(text) > (size_t)row->max)
        return aep__problem(problem, "is longer than %" PRId64 " bytes", row->max);
    aep__buf_text(canonical, text);
    return true;
}

static bool parse_bool(const char *text, struct aep__buf *canonical, int64_t *ret_number,
                       struct aep__problem *problem)
{
    const char *word;
    size_t len;
    char quoted[AEP__QUOTE_SIZE];
    *ret_number = aep__value_word("true|on|yes|1", text, &word, &len);
    if (!*ret_number && !aep__value_word("false|off|no|0", text, &word, &len))
        return aep__problem(problem, "%s is neither true nor false", aep__quote(text, quoted));
    aep__buf_text(canonical, *ret_number ? "true" : "false");
    return true;
}

static bool parse_word(const struct aep__option_row *row, const char *text,
                       struct aep__buf *canonical, struct aep__problem *problem)
{
    const char *word;
    size_t len;
    char quoted[AEP__QUOTE_SIZE], words[128];
    if (aep__value_word(row->words, text, &word, &len)) {
        aep__buf_add(canonical, word, len);
        return true;
    }
    aep__value_words(row->words, words, sizeof words);
    return aep__problem(problem, "%s is not one of %s", aep__quote(text, quoted), words);
}

struct unit {
    const char *name;
    int64_t factor;
};

/* The first is the unit of a bare number; a number is shown in the largest unit that divides it. */
static const struct unit size_units[] = {
    {"B", 1},
    {"KiB", INT64_C(1) << 10},
    {"MiB", INT64_C(1) << 20},
    {"GiB", INT64_C(1) << 30},
    {"TiB", INT64_C(1) << 40},
    {"PiB", INT64_C(1) << 50},
    {"k", INT64_C(1) << 10},
    {"M", INT64_C(1) << 20},
    {"G", INT64_C(1) << 30},
    {"T", INT64_C(1) << 40},
    {"kB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", INT64_C(1000000000000)},
    {NULL, 0},
};

static const struct unit second_units[] = {
    {"s", 1}, {"min", 60}, {"m", 60}, {"h", 3600}, {"d", 86400}, {NULL, 0},
};

static const struct unit ms_units[] = {
    {"ms", 1}, {"s", 1000}, {"min", 60000}, {"m", 60000}, {"h", 3600000}, {NULL, 0},
};

static const struct unit *units_of(enum aep__option_type type)
{
    return type == AEP__OPTION_TYPE_SIZE      ? size_units
           : type == AEP__OPTION_TYPE_SECONDS ? second_units
                                              : ms_units;
}

static int64_t unit_factor(const struct unit *units, const char *name)
{
    if (!*name)
        return units[0].factor;
    for (; units->name; units++)
        if (strcasecmp(units->name, name) == 0)
            return units->factor;
    return 0;
}

struct aep__value_number_text aep__value_number(const struct aep__option_row *row, int64_t number)
{
    struct aep__value_number_text text;
    const struct unit *units = units_of(row->type);
    const struct unit *best = &units[0];
    for (const struct unit *unit = units; unit->name; unit++)
        if (number != 0 && number % unit->factor == 0 && unit->factor > best->factor)
            best = unit;
    snprintf(text.text, sizeof text.text, "%" PRId64 "%s", number / best->factor, best->name);
    return text;
}

/* Digits, blanks, a unit. A number beyond 63 bits is outside every range: it becomes the largest
 * one. */
static bool read_number(const struct unit *units, const char *text, int64_t *ret_number)
{
    int64_t number = 0, factor;
    const char *at = text;
    bool too_big = false;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *at - '0', &number))
            too_big = true, number = 0;
    if (at == text)
        return false;
    at += strspn(at, " \t");
    factor = unit_factor(units, at);
    if (factor == 0)
        return false;
    too_big = too_big || __builtin_mul_overflow(number, factor, &number);
    *ret_number = too_big ? INT64_MAX : number;
    return true;
}

static bool parse_number(const struct aep__option_row *row, const char *text,
                         struct aep__buf *canonical, int64_t *ret_number,
                         struct aep__problem *problem)
{
    const struct unit *units = units_of(row->type);
    char quoted[AEP__QUOTE_SIZE];
    if (!read_number(units, text, ret_number))
        return aep__problem(problem, "%s is not a %s: write it as %s", aep__quote(text, quoted),
                            row->type == AEP__OPTION_TYPE_SIZE ? "size" : "time",
                            row->type == AEP__OPTION_TYPE_SIZE      ? "65536, 64KiB or 64kB"
                            : row->type == AEP__OPTION_TYPE_SECONDS ? "90, 90s, 2min or 1h"
                                                                    : "500, 500ms or 2s");
    if (*ret_number < row->min || *ret_number > row->max)
        return aep__problem(problem, "%s is out of range: %s to %s", aep__quote(text, quoted),
                            aep__value_number(row, row->min).text,
                            aep__value_number(row, row->max).text);
    aep__buf_text(canonical, text);
    return true;
}

/* Words or topics, separated by commas and blanks; a comma between each two is what comes out. */
static bool parse_list(const struct aep__option_row *row, const char *text,
                       struct aep__buf *canonical, struct aep__problem *problem)
{
    char item[AEP__TOPIC_NAME_MAX + 1], quoted[AEP__QUOTE_SIZE];
    if (!aep__value_clean(text, false, problem))
        return false;
    for (size_t len; *(text += strspn(text, ", ")); text += len) {
        len = strcspn(text, ", ");
        bool fits = len < sizeof item;
        snprintf(item, sizeof item, "%.*s", (int)(fits ? len : sizeof item - 1), text);
        if (canonical->len > 0)
            aep__buf_byte(canonical, ',');
        if (row->type == AEP__OPTION_TYPE_WORDS) {
            if (!parse_word(row, item, canonical, problem))
                return false;
        } else if (!fits || !aep__topic_name_valid(aep__slice_text(item))) {
            return aep__problem(problem, "%s is not a topic name", aep__quote(item, quoted));
        } else {
            aep__buf_text(canonical, item);
        }
    }
    return true;
}

bool aep__value_parse(const struct aep__option_row *row, const char *text,
                      struct aep__buf *canonical, int64_t *ret_number, struct aep__problem *problem)
{
    *ret_number = 0;
    switch (row->type) {
    case AEP__OPTION_TYPE_TEXT:
        return parse_text(row, text, canonical, problem);
    case AEP__OPTION_TYPE_BOOL:
        return parse_bool(text, canonical, ret_number, problem);
    case AEP__OPTION_TYPE_WORD:
        return parse_word(row, text, canonical, problem);
    case AEP__OPTION_TYPE_SERVERS:
        return aep__brokers_parse(text, canonical, problem);
    case AEP__OPTION_TYPE_PATH:
        aep__buf_text(canonical, text);
        return aep__value_path(text, problem);
    case AEP__OPTION_TYPE_STORE:
        aep__buf_text(canonical, text);
        return is_store(text, problem);
    case AEP__OPTION_TYPE_WORDS:
    case AEP__OPTION_TYPE_TOPICS:
        return parse_list(row, text, canonical, problem);
    case AEP__OPTION_TYPE_SIZE:
    case AEP__OPTION_TYPE_SECONDS:
    case AEP__OPTION_TYPE_MS:
        return parse_number(row, text, canonical, ret_number, problem);
    }
    return aep__problem(problem, "has no type");
}

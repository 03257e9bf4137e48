/* SPDX-License-Identifier: Apache-2.0 */
/* One table of names; a word whose front is letters and a colon has to begin with one of them, so that
 * a slip is refused rather than searched for. */
#include "track/filter.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/utf8.h"
#include "config/nearest.h"
#include "config/value.h"

#define SECOND_US INT64_C(1000000)
#define DAY_LENGTH 10 /* of 2025-11-13 */

struct name {
    const char *name;
    int (*add)(struct aep__filter *filter, const struct name *name, const char *value,
               int64_t now_us, aep_error *err);
    enum aep__filter_name values; /* where add_value() puts it */
};

static int add_value(struct aep__filter *filter, const struct name *name, const char *value,
                     int64_t now_us, aep_error *err)
{
    struct aep__filter_values *values = &filter->values[name->values];
    (void)now_us;
    if (values->count == AEP__FILTER_VALUES)
        return aep__error(err, AEP_EINVAL, "filter",
                          "a filter takes at most %d times %s:", AEP__FILTER_VALUES, name->name);
    char *copy = strdup(value);
    if (!copy)
        return aep__error_memory(err);
    values->values[values->count++] = copy;
    return AEP_OK;
}

static int add_state(struct aep__filter *filter, const struct name *name, const char *value,
                     int64_t now_us, aep_error *err)
{
    enum aep__state state = aep__state_find(value, strlen(value));
    struct aep__nearest nearest = {.wanted = value};
    char quoted[AEP__QUOTE_SIZE];
    (void)now_us;
    if (state < AEP__STATE_COUNT) {
        filter->states |= 1U << state;
        return AEP_OK;
    }
    for (state = 0; state < AEP__STATE_COUNT; state++)
        aep__nearest_show(&nearest, aep__state_word(state));
    if (aep__nearest_get(&nearest))
        return aep__error(err, AEP_EINVAL, "filter", "%s: %s is no state; did you mean %s:%s?",
                          name->name, aep__quote(value, quoted), name->name,
                          aep__nearest_get(&nearest));
    struct aep__buf all = {0};
    for (state = 0; state < AEP__STATE_COUNT; state++)
        aep__buf_format(&all, "%s%s", state ? ", " : "", aep__state_word(state));
    aep__error(err, AEP_EINVAL, "filter", "%s: %s is no state; the states are %s", name->name,
               aep__quote(value, quoted), aep__buf_string(&all));
    aep__buf_done(&all);
    return AEP_EINVAL;
}

/* A time, or a day, which begins at midnight UTC. */
static bool read_instant(const char *value, int64_t *ret_us)
{
    char midnight[] = "2025-11-13T00:00:00Z";
    size_t len = strlen(value);
    if (len != DAY_LENGTH)
        return aep__clock_parse(value, len, ret_us);
    memcpy(midnight, value, DAY_LENGTH);
    return aep__clock_parse(midnight, strlen(midnight), ret_us);
}

static bool read_ago(const char *value, int64_t now_us, int64_t *ret_us)
{
    static const struct aep__option_row row = {
        .key = "since", .type = AEP__OPTION_TYPE_SECONDS, .max = INT64_MAX / SECOND_US / 2};
    struct aep__buf canonical = {0};
    struct aep__problem problem;
    int64_t seconds;
    bool fine = aep__value_parse(&row, value, &canonical, &seconds, &problem);
    aep__buf_done(&canonical);
    if (fine)
        *ret_us = now_us - seconds * SECOND_US;
    return fine;
}

static int read_time(const struct name *name, const char *value, int64_t now_us, int64_t *ret_us,
                     aep_error *err)
{
    char quoted[AEP__QUOTE_SIZE];
    if (read_ago(value, now_us, ret_us) || read_instant(value, ret_us))
        return AEP_OK;
    return aep__error(err, AEP_EINVAL, "filter",
                      "%s: %s is not a time: write it as 90s, 30min, 1h, 7d, 2025-11-13 or "
                      "2025-11-13T14:30:00Z",
                      name->name, aep__quote(value, quoted));
}

/* The earliest of several: words of one name are alternatives. */
static int add_since(struct aep__filter *filter, const struct name *name, const char *value,
                     int64_t now_us, aep_error *err)
{
    int64_t since_us;
    int code = read_time(name, value, now_us, &since_us, err);
    if (code == AEP_OK && (filter->since_us == INT64_MIN || since_us < filter->since_us))
        filter->since_us = since_us;
    return code;
}

/* The latest of several. */
static int add_until(struct aep__filter *filter, const struct name *name, const char *value,
                     int64_t now_us, aep_error *err)
{
    int64_t until_us;
    int code = read_time(name, value, now_us, &until_us, err);
    if (code == AEP_OK && (filter->until_us == INT64_MAX || until_us > filter->until_us))
        filter->until_us = until_us;
    return code;
}

static const struct name names[] = {
    {"state", add_state, 0},
    {"agent", add_value, AEP__FILTER_AGENT},
    {"tenant", add_value, AEP__FILTER_TENANT},
    {"session", add_value, AEP__FILTER_SESSION},
    {"correlation", add_value, AEP__FILTER_CORRELATION},
    {"parent", add_value, AEP__FILTER_PARENT},
    {"since", add_since, 0},
    {"until", add_until, 0},
    {"text", add_value, AEP__FILTER_TEXT},
};
#define NAME_COUNT (sizeof names / sizeof *names)
static const struct name *const text_name = &names[NAME_COUNT - 1];

void aep__filter_init(struct aep__filter *filter)
{
    *filter = (struct aep__filter){.since_us = INT64_MIN, .until_us = INT64_MAX};
}

void aep__filter_done(struct aep__filter *filter)
{
    for (size_t i = 0; i < AEP__FILTER_NAME_COUNT; i++) {
        for (unsigned j = 0; j < filter->values[i].count; j++)
            free(filter->values[i].values[j]);
    }
    aep__filter_init(filter);
}

/* The length of the name before a colon; 0: it has none. */
static size_t name_length(const char *word)
{
    size_t len = 0;
    while (aep__is_letter(word[len]) || word[len] == '_' || word[len] == '-')
        len++;
    return word[len] == ':' ? len : 0;
}

static const struct name *find_name(const char *word, size_t len)
{
    for (const struct name *name = names; name < names + NAME_COUNT; name++) {
        if (strlen(name->name) == len && strncasecmp(name->name, word, len) == 0)
            return name;
    }
    return NULL;
}

static int refuse_name(const char *word, size_t len, aep_error *err)
{
    char typed[AEP__QUOTE_SIZE], quoted[AEP__QUOTE_SIZE];
    struct aep__nearest nearest = {.wanted = typed};
    struct aep__buf hint = {0};
    size_t kept = len < sizeof typed - 1 ? len : sizeof typed - 1;
    memcpy(typed, word, kept);
    typed[kept] = '\0';
    for (size_t i = 0; i < NAME_COUNT; i++)
        aep__nearest_show(&nearest, names[i].name);
    if (aep__nearest_get(&nearest))
        aep__buf_format(&hint, "did you mean %s:?", aep__nearest_get(&nearest));
    else
        aep__buf_text(&hint, "the names are");
    for (size_t i = 0; !aep__nearest_get(&nearest) && i < NAME_COUNT; i++)
        aep__buf_format(&hint, " %s:", names[i].name);
    aep__error(
        err, AEP_EINVAL, "filter",
        "%s: no filter is named \"%s\"; %s (to search for it as a text, put text: before it)",
        aep__quote(word, quoted), typed, aep__buf_string(&hint));
    aep__buf_done(&hint);
    return AEP_EINVAL;
}

int aep__filter_add(struct aep__filter *filter, const char *word, int64_t now_us, aep_error *err)
{
    size_t len = name_length(word);
    const struct name *name = len > 0 ? find_name(word, len) : text_name;
    struct aep__problem problem;
    char quoted[AEP__QUOTE_SIZE];
    if (!name)
        return refuse_name(word, len, err);
    const char *value = len > 0 ? word + len + 1 : word;
    if (!*word)
        return aep__error(err, AEP_EINVAL, "filter", "a filter word is empty");
    if (!*value)
        return aep__error(err, AEP_EINVAL, "filter", "%s: needs a value behind the colon",
                          name->name);
    if (!aep__value_clean(value, true, &problem))
        return aep__error(err, AEP_EINVAL, "filter", "%s %s", aep__quote(word, quoted),
                          problem.text);
    return name->add(filter, name, value, now_us, err);
}

void aep__filter_words(struct aep__buf *out)
{
    for (const struct name *name = names; name < names + NAME_COUNT; name++) {
        enum aep__state state = 0;
        bool listed = name->add == add_state;
        do {
            aep__buf_format(out, "%s%s:%s", out->len ? " " : "", name->name,
                            listed ? aep__state_word(state) : "");
        } while (listed && ++state < AEP__STATE_COUNT);
    }
}

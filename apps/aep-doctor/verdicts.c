/* SPDX-License-Identifier: Apache-2.0 */
#include "verdicts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aep/amount.h"
#include "aep/columns.h"
#include "aep/out.h"

#include "base/json.h"

#define STEP_WIDTH 13

static const struct {
    const char *name, *mark, *word, *colour;
} grades[AEP__GRADE_COUNT] = {
    [AEP__GRADE_FINE] = {"ok", "✓", "ok  ", "\033[32m"},
    [AEP__GRADE_SKIPPED] = {"skipped", "–", "skip", "\033[2m"},
    [AEP__GRADE_UNKNOWN] = {"unknown", "?", "?   ", "\033[33m"},
    [AEP__GRADE_WARNING] = {"warning", "!", "warn", "\033[33m"},
    [AEP__GRADE_FAILED] = {"failed", "✗", "FAIL", "\033[31m"},
};

void aep__verdicts_begin(struct aep__verdicts *verdicts, bool json)
{
    *verdicts = (struct aep__verdicts){.json = json,
                                       .colour = aep__out_colour(STDOUT_FILENO),
                                       .columns = aep__out_width(STDOUT_FILENO)};
    verdicts->utf8 = aep__out_utf8();
    aep__buf_text(&verdicts->out, json ? "{\"findings\":[" : "");
}

/* ---- showing one ---------------------------------------------------------------------------- */

/* Plain, and on a terminal broken at its width. */
static void add_words(struct aep__verdicts *verdicts, const char *text, size_t len, size_t column)
{
    struct aep__buf plain = {0};
    aep__out_plain(&plain, text, len);
    aep__columns_wrap(&verdicts->out, plain.data, plain.len, column, column,
                      (size_t)verdicts->columns);
    aep__buf_byte(&verdicts->out, '\n');
    aep__buf_done(&plain);
}

static void add_lines(struct aep__verdicts *verdicts, size_t indent, const char *lead,
                      const struct aep__buf *text)
{
    for (size_t at = 0; at < text->len;) {
        const char *end = memchr(text->data + at, '\n', text->len - at);
        size_t len = end ? (size_t)(end - text->data) - at : text->len - at;
        aep__buf_format(&verdicts->out, "%*s%s", (int)indent, "", lead);
        add_words(verdicts, text->data + at, len, indent + strlen(lead));
        at += len + 1;
    }
}

static void add_text(struct aep__verdicts *verdicts)
{
    struct aep__buf *out = &verdicts->out;
    const char *mark = verdicts->utf8 ? grades[verdicts->grade].mark : grades[verdicts->grade].word;
    size_t indent = (verdicts->utf8 ? 2 : 5) + STEP_WIDTH + 1;
    aep__buf_format(out, "%s%s%s %-*s ", verdicts->colour ? grades[verdicts->grade].colour : "",
                    mark, verdicts->colour ? "\033[0m" : "", STEP_WIDTH, verdicts->step);
    add_words(verdicts, verdicts->text.data, verdicts->text.len, indent);
    add_lines(verdicts, indent, "", &verdicts->details);
    add_lines(verdicts, indent, "remedy: ", &verdicts->remedy);
    aep__out_write(out);
}

static void add_member(struct aep__buf *out, const char *name, const struct aep__buf *text)
{
    if (text->len == 0)
        return;
    aep__buf_format(out, ",\"%s\":", name);
    aep__json_add_string(out, text->data, text->len);
}

static void add_details(struct aep__buf *out, const struct aep__buf *details)
{
    if (details->len == 0)
        return;
    aep__buf_text(out, ",\"details\":[");
    for (size_t at = 0; at < details->len;) {
        size_t len =
            (size_t)((char *)memchr(details->data + at, '\n', details->len - at) - details->data) -
            at;
        aep__buf_text(out, at ? "," : "");
        aep__json_add_string(out, details->data + at, len);
        at += len + 1;
    }
    aep__buf_byte(out, ']');
}

static unsigned count_all(const struct aep__verdicts *verdicts)
{
    unsigned count = 0;
    for (int i = 0; i < AEP__GRADE_COUNT; i++)
        count += verdicts->counts[i];
    return count;
}

static void add_json(struct aep__verdicts *verdicts)
{
    struct aep__buf *out = &verdicts->out;
    aep__buf_format(out, "%s{\"step\":\"%s\",\"verdict\":\"%s\"",
                    count_all(verdicts) > 1 ? ",\n" : "", verdicts->step,
                    grades[verdicts->grade].name);
    add_member(out, "text", &verdicts->text);
    add_member(out, "remedy", &verdicts->remedy);
    add_details(out, &verdicts->details);
    aep__buf_byte(out, '}');
}

static void show_open(struct aep__verdicts *verdicts)
{
    if (!verdicts->open)
        return;
    verdicts->open = false;
    verdicts->counts[verdicts->grade]++;
    (verdicts->json ? add_json : add_text)(verdicts);
    aep__buf_clear(&verdicts->text);
    aep__buf_clear(&verdicts->remedy);
    aep__buf_clear(&verdicts->details);
}

/* ---- public --------------------------------------------------------------------------------- */

void aep__verdicts_step(struct aep__verdicts *verdicts, const char *step)
{
    show_open(verdicts);
    verdicts->step = step;
}

static void add_format(struct aep__buf *out, const char *format, va_list args)
{
    char text[1024];
    int len = vsnprintf(text, sizeof text, format, args);
    size_t end = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    for (size_t i = 0; i < end; i++) {
        if (text[i] == '\n')
            text[i] = ' ';
    }
    aep__buf_add(out, text, end);
}

void aep__verdict(struct aep__verdicts *verdicts, enum aep__grade grade, const char *format, ...)
{
    va_list args;
    show_open(verdicts);
    verdicts->open = true;
    verdicts->grade = grade;
    va_start(args, format);
    add_format(&verdicts->text, format, args);
    va_end(args);
}

void aep__verdict_remedy(struct aep__verdicts *verdicts, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_format(&verdicts->remedy, format, args);
    va_end(args);
}

void aep__verdict_detail(struct aep__verdicts *verdicts, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_format(&verdicts->details, format, args);
    va_end(args);
    aep__buf_byte(&verdicts->details, '\n');
}

static void add_json_sum(struct aep__verdicts *verdicts)
{
    const unsigned *counts = verdicts->counts;
    enum aep__grade worst = counts[AEP__GRADE_FAILED]    ? AEP__GRADE_FAILED
                            : counts[AEP__GRADE_WARNING] ? AEP__GRADE_WARNING
                                                         : AEP__GRADE_FINE;
    aep__buf_format(&verdicts->out,
                    "],\n\"verdict\":\"%s\",\"failed\":%u,\"warnings\":%u,\"skipped\":%u,"
                    "\"unknown\":%u}\n",
                    grades[worst].name, counts[AEP__GRADE_FAILED], counts[AEP__GRADE_WARNING],
                    counts[AEP__GRADE_SKIPPED], counts[AEP__GRADE_UNKNOWN]);
}

static void add_text_sum(struct aep__verdicts *verdicts)
{
    const unsigned *counts = verdicts->counts;
    if (counts[AEP__GRADE_FAILED] || counts[AEP__GRADE_WARNING])
        aep__buf_format(&verdicts->out, "\n%u failed, %s\n", counts[AEP__GRADE_FAILED],
                        aep__amount_of(counts[AEP__GRADE_WARNING], "warning").text);
    else if (counts[AEP__GRADE_UNKNOWN])
        aep__buf_format(&verdicts->out, "\nnothing failed; unknown: %u\n",
                        counts[AEP__GRADE_UNKNOWN]);
    else
        aep__buf_text(&verdicts->out, "\nall is well\n");
}

int aep__verdicts_finish(struct aep__verdicts *verdicts)
{
    show_open(verdicts);
    (verdicts->json ? add_json_sum : add_text_sum)(verdicts);
    int status = aep__out_finish(&verdicts->out);
    aep__buf_done(&verdicts->text);
    aep__buf_done(&verdicts->remedy);
    aep__buf_done(&verdicts->details);
    return verdicts->counts[AEP__GRADE_FAILED] ? AEP__EXIT_FAILED : status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "summary.h"

#include <stdlib.h>
#include <string.h>

#include "amount.h"
#include "out.h"

#include "base/utf8.h"
#include "event/kinds.h"

#define TEXT_BYTES 4096

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

void aep__summary_text(struct aep__buf *out, const char *text)
{
    size_t len = strnlen(text, TEXT_BYTES + 1);
    aep__out_plain(out, text, len > TEXT_BYTES ? aep__utf8_cut(text, len, TEXT_BYTES) : len);
}

/* What follows is a word of its own. */
static void begin_word(struct aep__buf *out)
{
    if (out->len > 0 && out->data[out->len - 1] != ' ')
        aep__buf_byte(out, ' ');
}

static void add_word(struct aep__buf *out, const char *before, const char *text)
{
    if (!*text)
        return;
    begin_word(out);
    aep__buf_text(out, before);
    aep__summary_text(out, text);
}

static void add_number(struct aep__buf *out, const json_t *payload, const char *name,
                       const char *format)
{
    const json_t *number = json_object_get(payload, name);
    if (!json_is_number(number))
        return;
    begin_word(out);
    aep__buf_format(out, format, json_number_value(number));
}

static void add_duration(struct aep__buf *out, const json_t *payload)
{
    const json_t *number = json_object_get(payload, "duration_ms");
    if (!json_is_number(number))
        return;
    begin_word(out);
    aep__buf_format(out, "(%s)", aep__amount_ms(json_number_value(number)).text);
}

static void add_progress(struct aep__buf *out, const json_t *payload)
{
    const json_t *metadata = json_object_get(payload, "metadata");
    bool counts = json_is_number(json_object_get(payload, "steps_completed"));
    add_number(out, payload, "progress_percent", "%.4g%%");
    add_number(out, payload, "steps_completed", "step %.15g");
    add_number(out, payload, "steps_total", counts ? "of %.15g" : "%.15g steps");
    add_word(out, "", text_of(payload, "current_step"));
    add_word(out, "", text_of(metadata, "status"));
    add_word(out, "for ", text_of(metadata, "waiting_for"));
}

static void add_completed(struct aep__buf *out, const json_t *payload)
{
    add_word(out, "", text_of(payload, "result_summary"));
    add_duration(out, payload);
}

static void add_failed(struct aep__buf *out, const json_t *payload)
{
    add_word(out, "", text_of(payload, "error_code"));
    aep__buf_text(out, *text_of(payload, "error_code") ? ":" : "");
    add_word(out, "", text_of(payload, "error_message"));
    add_duration(out, payload);
}

static void add_any(struct aep__buf *out, const json_t *payload)
{
    char *text = json_dumps(payload, JSON_COMPACT);
    aep__summary_text(out, text ? text : "");
    free(text);
}

/* The text for a kind that has no words of its own: its texts and numbers in order. */
static void add_members(struct aep__buf *out, const json_t *payload, enum aep_kind kind)
{
    for (size_t i = 0; i < aep__kinds[kind].member_count; i++) {
        const struct aep__member_row *member = &aep__kinds[kind].members[i];
        if (member->type == AEP__TYPE_TEXT && strcmp(member->name, "agent_name") != 0)
            add_word(out, "", text_of(payload, member->name));
        else if (aep__type_is_number(member->type))
            add_number(out, payload, member->name, "%.15g");
    }
}

/* A kind without words or colour of its own needs no row. */
static const struct look {
    const char *colour;
    void (*add)(struct aep__buf *out, const json_t *payload); /* NULL: add_members() */
} looks[AEP_KIND_COUNT] = {
    [AEP_KIND_STARTED] = {"36", NULL},
    [AEP_KIND_PROGRESS] = {"34", add_progress},
    [AEP_KIND_COMPLETED] = {"32", add_completed},
    [AEP_KIND_FAILED] = {"31", add_failed},
};

void aep__summary_add(struct aep__buf *out, const json_t *payload, int kind)
{
    if (kind < 0)
        add_any(out, payload);
    else if (looks[kind].add)
        looks[kind].add(out, payload);
    else
        add_members(out, payload, (enum aep_kind)kind);
}

const char *aep__summary_colour(int kind)
{
    return kind < 0 ? NULL : looks[kind].colour;
}

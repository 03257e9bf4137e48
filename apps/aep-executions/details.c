/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `aep show` that stand on their own: what it is, how it failed, what it measured. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "aep/columns.h"
#include "aep/out.h"
#include "look.h"
#include "showing.h"

#include "base/clock.h"

#define LABEL_WIDTH 13

/* ---- lines ---------------------------------------------------------------------------------- */

void aep__showing_part(struct aep__showing *showing, const char *name)
{
    aep__buf_format(&showing->out, showing->reading.colour ? "%s\033[1m%s\033[0m\n" : "%s%s\n",
                    showing->begun ? "\n" : "", name);
    showing->begun = true;
}

void aep__showing_end_line(struct aep__showing *showing, size_t begin)
{
    struct aep__buf *out = &showing->out;
    if (showing->reading.width && !out->failed)
        aep__columns_fit(out, begin, showing->reading.width, showing->reading.mark);
    aep__buf_byte(out, '\n');
}

void aep__showing_text(struct aep__showing *showing, const char *text, unsigned indent)
{
    do {
        size_t len = strcspn(text, "\n");
        aep__buf_format(&showing->out, "%*s", (int)indent, "");
        aep__out_plain(&showing->out, text, len);
        aep__buf_byte(&showing->out, '\n');
        text += len + (text[len] == '\n');
    } while (*text);
}

static void begin_row(struct aep__showing *showing, const char *label)
{
    aep__buf_format(&showing->out, "%-*s", LABEL_WIDTH, label);
}

static void add_plain(struct aep__showing *showing, const char *text)
{
    aep__out_plain(&showing->out, text, strlen(text));
}

static const json_t *payload_of(const json_t *event)
{
    return json_object_get(event, "payload");
}

/* The whole text, as an event or its payload has it; where that is not kept, what the row has of it. */
static const char *whole(const json_t *from, const char *name, const char *kept)
{
    const char *text = json_string_value(json_object_get(from, name));
    return text ? text : kept;
}

/* ---- the header ----------------------------------------------------------------------------- */

static void add_row(struct aep__showing *showing, const char *label, const char *text)
{
    if (!text)
        return;
    begin_row(showing, label);
    add_plain(showing, text);
    aep__buf_byte(&showing->out, '\n');
}

static void add_time(struct aep__showing *showing, const char *label, int64_t us)
{
    char text[AEP__TIME_SIZE];
    int64_t clock_us = showing->reading.view.clock_us;
    if (us == AEP__UNKNOWN_US)
        return;
    begin_row(showing, label);
    aep__clock_format(us, text);
    aep__buf_format(&showing->out, "%.19sZ", text);
    if (clock_us != AEP__UNKNOWN_US)
        aep__buf_format(&showing->out, " (%s ago)", aep__look_span(us, clock_us).text);
    aep__buf_byte(&showing->out, '\n');
}

static void add_state(struct aep__showing *showing)
{
    const struct aep__tracked *execution = &showing->execution;
    const struct aep__view *view = &showing->reading.view;
    struct aep__buf *out = &showing->out;
    enum aep__state state = aep__state_of(execution, view->clock_us);
    int64_t since_us = aep__state_since(execution, state);
    struct aep__buf basis = {0};
    begin_row(showing, "state");
    if (showing->reading.colour)
        aep__buf_format(out, "\033[%sm", aep__look_colour(state));
    aep__look_state(out, execution, view, true);
    aep__buf_text(out, showing->reading.colour ? "\033[0m" : "");
    aep__state_basis(execution, state, view->clock_us, &basis);
    aep__buf_text(out, " (");
    add_plain(showing, aep__buf_string(&basis));
    aep__buf_text(out, ")\n");
    out->failed |= basis.failed;
    aep__buf_done(&basis);
    add_time(showing, "since", since_us);
}

static void add_parent(struct aep__showing *showing)
{
    const struct aep__tracked *execution = &showing->execution;
    if (!execution->parent_id)
        return;
    begin_row(showing, "parent");
    add_plain(showing, execution->parent_id);
    aep__buf_text(&showing->out, execution->parent_known ? "\n" : " (not seen yet)\n");
}

static void add_step(struct aep__showing *showing)
{
    struct aep__buf step = {0};
    aep__look_step(&step, &showing->execution);
    if (step.len > 0)
        add_row(showing, "step", aep__buf_string(&step));
    showing->out.failed |= step.failed;
    aep__buf_done(&step);
}

static void add_counts(struct aep__showing *showing)
{
    const struct aep__tracked *execution = &showing->execution;
    struct aep__buf *out = &showing->out;
    if (execution->children > 0) {
        begin_row(showing, "children");
        aep__buf_format(out, "%" PRId64 ", %" PRId64 " open\n", execution->children,
                        execution->open_children);
    }
    begin_row(showing, "events");
    aep__buf_format(out, "%" PRId64 ", %s\n", execution->events,
                    aep__fate_word((enum aep__fate)execution->fate));
}

static void add_notes(struct aep__showing *showing)
{
    const struct aep__tracked *execution = &showing->execution;
    const struct {
        bool holds;
        const char *text;
    } notes[] = {
        {execution->partial, "its started event has not been seen"},
        {execution->conflict, "two different ends were reported; the first one counts"},
        {execution->cut_from != NULL,
         "what caused it is one of its descendants: it is shown without a parent"},
        {execution->inferred, "its end was reported by another program"},
        {execution->skew, "its clock was ahead of this machine's"},
        {execution->pinned > 0, "it is pinned: retention leaves it alone"},
    };
    const char *label = "notes";
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        if (!notes[i].holds)
            continue;
        add_row(showing, label, notes[i].text);
        label = "";
    }
}

void aep__showing_header(struct aep__showing *showing)
{
    const struct aep__tracked *execution = &showing->execution;
    const json_t *begun = payload_of(showing->started);
    showing->begun = true;
    add_row(showing, "agent", whole(begun, "agent_name", execution->agent_name));
    add_row(showing, "request", whole(begun, "user_request", execution->user_request));
    add_state(showing);
    add_step(showing);
    add_row(showing, "result",
            whole(payload_of(showing->end), "result_summary", execution->result_summary));
    add_row(showing, "id", execution->id);
    add_parent(showing);
    add_row(showing, "correlation",
            whole(showing->started, "correlation_id", execution->correlation_id));
    add_row(showing, "session", whole(begun, "session_id", execution->session_id));
    add_row(showing, "tenant", whole(showing->started, "tenant_id", execution->tenant_id));
    add_row(showing, "source", whole(showing->started, "source", execution->source));
    add_time(showing, "started", execution->started_at);
    add_time(showing, "last event", execution->last_event_at);
    add_time(showing, "ended", execution->ended_at);
    if (!isnan(execution->duration_ms))
        add_row(showing, "duration", aep__amount_ms(execution->duration_ms).text);
    add_counts(showing);
    add_notes(showing);
}

/* ---- failure and metrics -------------------------------------------------------------------- */

void aep__showing_failure(struct aep__showing *showing)
{
    const struct aep__tracked *execution = &showing->execution;
    const json_t *end = payload_of(showing->end);
    const char *message = whole(end, "error_message", execution->error_message);
    const char *trace = whole(end, "stack_trace", NULL);
    const char *code = execution->error_code, *type = execution->error_type;
    if (!trace)
        trace = whole(end, "error_stack_trace", NULL);
    if (!message && !code && !type)
        return;
    aep__showing_part(showing, "failure");
    if (code || type) {
        aep__buf_text(&showing->out, "  ");
        add_plain(showing, code ? code : type);
        if (code && type) {
            aep__buf_text(&showing->out, ", ");
            add_plain(showing, type);
        }
        aep__buf_byte(&showing->out, '\n');
    }
    if (message)
        aep__showing_text(showing, message, 2);
    if (trace)
        aep__showing_text(showing, trace, 4);
}

static void add_metric(struct aep__showing *showing, const char *name, const json_t *value)
{
    char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    aep__buf_text(&showing->out, "  ");
    add_plain(showing, name);
    aep__buf_byte(&showing->out, ' ');
    add_plain(showing, text ? text : json_is_string(value) ? json_string_value(value) : "");
    aep__buf_byte(&showing->out, '\n');
    free(text);
}

/* A failed event has no metrics of its own: `aep run` and others put them with the partial results. */
static json_t *metrics_of(const json_t *payload)
{
    json_t *own = json_object_get(payload, "metrics");
    return own ? own : json_object_get(json_object_get(payload, "partial_results"), "metrics");
}

void aep__showing_metrics(struct aep__showing *showing)
{
    const json_t *payload = payload_of(showing->end);
    const json_t *score = json_object_get(payload, "quality_score");
    json_t *metrics = metrics_of(payload), *value;
    const char *name;
    if (!score && json_object_size(metrics) == 0)
        return;
    aep__showing_part(showing, "metrics");
    if (score)
        add_metric(showing, "quality_score", score);
    json_object_foreach(metrics, name, value) add_metric(showing, name, value);
}

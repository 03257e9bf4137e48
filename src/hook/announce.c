/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/bridge.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/utf8.h"
#include "client/entrusted.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FIELDS_MAX 12
#define STEP_BYTES 200

/* ---- members ---- */

struct event {
    aep_field fields[FIELDS_MAX];
    size_t count;
};

static void add(struct event *event, const char *name, struct aep__slice text)
{
    if (text.data)
        event->fields[event->count++] =
            (aep_field){.name = name, .text = text.data, .length = text.len};
}

static void add_text(struct event *event, const char *name, const char *text)
{
    add(event, name, aep__slice_text(text));
}

static void add_number(struct event *event, const char *name, double number)
{
    event->fields[event->count++] = (aep_field){.name = name, .number = number};
}

static void add_buf(struct event *event, const char *name, struct aep__buf *json)
{
    if (json->len > 0 && !json->failed)
        add(event, name, (struct aep__slice){json->data, json->len});
}

void aep__hook_add_text(struct aep__buf *out, const char *name, struct aep__slice text, size_t most)
{
    if (!text.data)
        return;
    aep__buf_format(out, ",\"%s\":", name);
    aep__json_add_string(out, text.data, aep__utf8_cut(text.data, text.len, most));
}

void aep__hook_add_number(struct aep__buf *out, const char *name, double number)
{
    if (number < 0)
        return;
    aep__buf_format(out, ",\"%s\":", name);
    aep__json_add_number(out, number);
}

/* ---- what fails ---- */

void aep__hook_fail(struct aep__hook_bridge *bridge, const char *what, const aep_error *err)
{
    if (!bridge->failed)
        snprintf(bridge->why, sizeof bridge->why, "%s: %s", what,
                 err ? err->text : strerror(errno));
    bridge->failed = true;
}

bool aep__hook_note(struct aep__hook_bridge *bridge)
{
    if (aep__hook_file_write(bridge->file, bridge->state) == 0)
        return true;
    aep__hook_fail(bridge, "cannot write the session's state", NULL);
    return false;
}

void aep__hook_note_quiet(struct aep__hook_bridge *bridge, bool quiet)
{
    struct aep__hook_state *state = bridge->state;
    if (state->quiet == quiet || !state->session.entered)
        return;
    if (aep__entrusted_note(bridge->pub, state->session.execution, quiet) == 0)
        state->quiet = quiet;
}

/* ---- events ---- */

static void add_common(struct event *event, const struct aep__hook_bridge *bridge,
                       const char *agent_name, const char *cause)
{
    add_text(event, "agent_name", agent_name);
    add_text(event, "correlation_id", bridge->state->correlation_id);
    if (cause)
        add_text(event, "causation_id", cause);
}

static void make_context(struct aep__buf *out, const struct aep__hook_level *level,
                         const struct aep__hook_start *start)
{
    aep__buf_format(out, "{\"agent_level\":\"%s\",\"run\":%u", start->level, level->run);
    if (start->inferred)
        aep__buf_text(out, ",\"inferred_start\":true");
    if (start->continuation)
        aep__buf_text(out, ",\"continuation\":true");
    aep__buf_add(out, start->context.data, start->context.len);
    aep__buf_byte(out, '}');
    out->failed |= start->context.failed;
}

static int publish_start(struct aep__hook_bridge *bridge, struct aep__hook_level *level,
                         const struct aep__hook_start *start, aep_error *err)
{
    struct event event = {0};
    struct aep__buf context = {0};
    char cause[AEP_ID_SIZE];
    if (start->cause)
        aep__id_format(start->cause, cause);
    add_common(&event, bridge, start->agent_name, start->cause ? cause : NULL);
    add_text(&event, "session_id", bridge->state->session_id);
    add(&event, "user_request", start->request);
    make_context(&context, level, start);
    add_buf(&event, "context", &context);
    int result = aep__entrusted_start_as(bridge->pub, &bridge->owner, level->execution,
                                         event.fields, event.count, err);
    bridge->said |= result == AEP_OK;
    aep__buf_done(&context);
    return result;
}

/* Without its own id noted first there is no start: nobody could end it but the relay. */
bool aep__hook_announce_start(struct aep__hook_bridge *bridge, struct aep__hook_level *level,
                              struct aep__hook_start *start)
{
    aep_error err;
    level->started_us = aep__clock_wall_us();
    aep__id_make(level->started_us, level->execution);
    level->phase = AEP__HOOK_STARTING;
    level->entered = true;
    bool noted = aep__hook_note(bridge);
    int result = noted ? publish_start(bridge, level, start, &err) : AEP_EIO;
    aep__buf_done(&start->context);
    if (result == AEP_OK) {
        level->phase = AEP__HOOK_OPEN;
        return true;
    }
    if (noted)
        aep__hook_fail(bridge, "a start was not published", &err);
    if (!noted || result != AEP_EIO) /* else it may be in the spool: the next hook finds out */
        level->phase = AEP__HOOK_NONE;
    return false;
}

static void add_failure(struct event *event, const struct aep__hook_end *end)
{
    bool interrupted = end->ending == AEP__HOOK_INTERRUPTED || end->ending == AEP__HOOK_CUT_OFF;
    add(event, "error_message",
        aep__utf8_blank(end->error.data, end->error.len)
            ? aep__slice_text(interrupted ? "interrupted" : "the agent reported an error")
            : end->error);
    if (interrupted)
        add_text(event, "error_code", "INTERRUPTED");
    if (!aep__utf8_blank(end->error_type.data, end->error_type.len))
        add(event, "error_type", end->error_type);
    if (end->ending == AEP__HOOK_CUT_OFF)
        add_number(event, "inferred", 1);
}

static int publish_end(struct aep__hook_bridge *bridge, const struct aep__hook_level *level,
                       const char *agent_name, struct aep__hook_end *end, aep_error *err)
{
    struct event event = {0};
    char cause[AEP_ID_SIZE];
    int64_t lasted_us = aep__clock_wall_us() - level->started_us;
    bool completed = end->ending == AEP__HOOK_COMPLETED;
    aep__id_format(level->execution, cause);
    add_common(&event, bridge, agent_name, cause);
    add_text(&event, "session_id", bridge->state->session_id);
    add_number(&event, "duration_ms", lasted_us > 0 ? (double)(lasted_us / 1000) : 0);
    if (!completed)
        add_failure(&event, end);
    else if (end->result.len > 0)
        add(&event, "result_summary", end->result);
    if (completed && end->metrics.len > 0) {
        end->metrics.data[0] = '{'; /* the first comma */
        aep__buf_byte(&end->metrics, '}');
        add_buf(&event, "metrics", &end->metrics);
    }
    int result = aep__entrusted_end(bridge->pub, completed ? AEP_KIND_COMPLETED : AEP_KIND_FAILED,
                                    level->execution, event.fields, event.count, err);
    bridge->said |= result == AEP_OK;
    return result;
}

void aep__hook_announce_end(struct aep__hook_bridge *bridge, struct aep__hook_level *level,
                            const char *agent_name, struct aep__hook_end *end)
{
    aep_error err;
    level->phase = AEP__HOOK_ENDING;
    aep__hook_note(bridge);
    int result = publish_end(bridge, level, agent_name, end, &err);
    aep__buf_done(&end->metrics);
    if (result == AEP_OK || result == AEP_ESTATE) { /* the relay has ended it */
        level->phase = AEP__HOOK_ENDED;
        return;
    }
    aep__hook_fail(bridge, "an end was not published", &err);
    if (result != AEP_EIO)
        level->phase = AEP__HOOK_OPEN;
}

static void publish_progress(struct aep__hook_bridge *bridge, struct event *event,
                             struct aep__buf *metadata)
{
    aep_error err;
    aep__buf_byte(metadata, '}');
    if (metadata->len > 2)
        add_buf(event, "metadata", metadata);
    if (aep_publish_fields(bridge->pub, AEP_KIND_PROGRESS, event->fields, event->count, NULL,
                           &err) != AEP_OK)
        aep__hook_fail(bridge, "a progress was not published", &err);
    else
        bridge->said = true;
    aep__buf_done(metadata);
}

void aep__hook_announce_progress(struct aep__hook_bridge *bridge,
                                 const struct aep__hook_level *level, const char *agent_name,
                                 struct aep__slice current_step, const struct aep__buf *more)
{
    struct event event = {0};
    struct aep__buf metadata = {0};
    char cause[AEP_ID_SIZE];
    const char *waits = aep__hook_wait_word(aep__hook_waits(bridge->state, level));
    aep__id_format(level->execution, cause);
    add_common(&event, bridge, agent_name, cause);
    current_step.len = aep__utf8_cut(current_step.data, current_step.len, STEP_BYTES);
    if (current_step.len > 0)
        add(&event, "current_step", current_step);
    if (level != &bridge->state->session)
        add_number(&event, "steps_completed", level->steps);
    aep__buf_format(&metadata, "{\"status\":\"%s\"", waits ? "waiting" : "working");
    if (waits)
        aep__buf_format(&metadata, ",\"waiting_for\":\"%s\"", waits);
    if (more)
        aep__buf_add(&metadata, more->data, more->len);
    publish_progress(bridge, &event, &metadata);
}

/* Whoever reads a progress event takes its session for running: these must not bring one up. */
static bool begins_nothing(enum aep__hook_meaning meaning)
{
    return meaning == AEP__HOOK_SESSION_END || meaning == AEP__HOOK_NOTIFICATION ||
           meaning == AEP__HOOK_SUB_STOP;
}

void aep__hook_announce_alone(struct aep__hook_bridge *bridge)
{
    struct event event = {0};
    struct aep__buf metadata = {0};
    const struct aep__hook_step *step = bridge->step;
    if (begins_nothing(step->meaning))
        return;
    add_common(&event, bridge, aep__hook_agents[step->agent].name, NULL);
    add_text(&event, "current_step", step->event[0] ? step->event : "hook");
    aep__buf_text(&metadata, "{\"joined\":false");
    aep__hook_add_text(&metadata, "tool", step->tool, STEP_BYTES);
    aep__hook_add_text(&metadata, "tool_use_id", step->tool_use_id, STEP_BYTES);
    publish_progress(bridge, &event, &metadata);
}

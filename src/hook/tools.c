/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/bridge.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "client/publisher.h"
#include "event/text.h"

#include <stdio.h>
#include <string.h>

#define SHORT_BYTES 128
#define ERROR_BYTES 240
#define CAPTURED_BYTES 4096

/* Where a step takes place. */
struct place {
    struct aep__hook_level *level;
    struct aep__hook_turn *turn; /* NULL: a sub-agent */
    char name[AEP__HOOK_NAME_SIZE];
    const char *agent_name;
};

static bool find_place(struct aep__hook_bridge *bridge, enum aep__hook_joining joining,
                       struct place *ret)
{
    *ret = (struct place){0};
    struct aep__hook_sub *sub = NULL;
    if (bridge->step->in_sub) {
        sub = aep__hook_sub(bridge, joining, true);
        ret->level = sub ? &sub->level : NULL;
    } else {
        ret->turn = aep__hook_turn(bridge, joining);
        ret->level = ret->turn ? &ret->turn->level : NULL;
    }
    ret->agent_name = aep__hook_agent_name(bridge, sub, ret->name, sizeof ret->name);
    return ret->level != NULL;
}

void aep__hook_tools_drop(struct aep__hook_state *state, const struct aep__hook_level *level)
{
    uint64_t key = aep__hook_level_key(level);
    for (int i = 0; i < AEP__HOOK_TOOLS; i++)
        if (state->tools[i].level == key)
            state->tools[i] = (struct aep__hook_tool){0};
}

static struct aep__hook_tool *find_tool(const struct aep__hook_bridge *bridge,
                                        const struct aep__hook_level *level)
{
    const struct aep__hook_step *step = bridge->step;
    return aep__hook_tool_find(bridge->state, aep__hook_level_key(level),
                               aep__hook_id(step->tool_use_id), step->tool_key,
                               aep__hook_id(step->tool));
}

static struct aep__hook_tool *new_tool(const struct aep__hook_bridge *bridge,
                                       const struct aep__hook_level *level)
{
    const struct aep__hook_step *step = bridge->step;
    struct aep__hook_tool *tool = aep__hook_tool_new(bridge->state, aep__hook_level_key(level));
    tool->id = aep__hook_id(step->tool_use_id);
    tool->key = step->tool_key;
    tool->name = aep__hook_id(step->tool);
    tool->phases = AEP__HOOK_TOOL_RUNS;
    return tool;
}

/* ---- what tools are given and give, if that is wanted ---- */

/* Redacted whole, then cut: no half of a secret is left. */
static void add_captured(const struct aep__hook_bridge *bridge, struct aep__buf *out,
                         const char *name, struct aep__slice raw)
{
    struct aep__process *process;
    struct aep__buf clean = {0};
    struct aep__slice text = raw;
    if (!bridge->capture_tools || raw.len == 0 ||
        aep__publisher_process(bridge->pub, &process, NULL) != AEP_OK)
        return;
    struct aep__text way = {.redactor = process->settings.redactor};
    if (*raw.data == '"')
        text = aep__hook_decode(&bridge->step->texts, raw);
    if (*raw.data != '"' &&
        aep__text_write_json(&way, &clean, raw, AEP__JSON_END, name, NULL) == AEP_OK)
        text = (struct aep__slice){clean.data, clean.len};
    else
        text = aep__text_clean(&way, text.data, text.len);
    aep__hook_add_text(out, name, text, CAPTURED_BYTES);
    aep__buf_done(&clean);
    aep__text_done(&way);
}

/* ---- progress ---- */

static struct aep__slice first_line(struct aep__slice text)
{
    const char *end = text.len ? memchr(text.data, '\n', text.len) : NULL;
    return end ? (struct aep__slice){text.data, (size_t)(end - text.data)} : text;
}

static void say(struct aep__hook_bridge *bridge, const struct place *place, const char *phase,
                double duration_ms)
{
    const struct aep__hook_step *step = bridge->step;
    struct aep__buf more = {0};
    aep__hook_add_text(&more, "tool", step->tool, SHORT_BYTES);
    aep__hook_add_text(&more, "tool_use_id", step->tool_use_id, SHORT_BYTES);
    if (phase)
        aep__hook_add_text(&more, "phase", aep__slice_text(phase), SHORT_BYTES);
    aep__hook_add_number(&more, "duration_ms", duration_ms);
    if (step->meaning == AEP__HOOK_TOOL_ERROR)
        aep__hook_add_text(&more, "error", first_line(step->error), ERROR_BYTES);
    if (step->meaning == AEP__HOOK_TOOL_DENIED)
        aep__hook_add_text(&more, "error", first_line(step->reason), ERROR_BYTES);
    if (step->meaning == AEP__HOOK_TOOL_END)
        aep__hook_add_number(&more, "tokens", step->tokens);
    if (step->meaning == AEP__HOOK_TOOL_START)
        add_captured(bridge, &more, "input", step->tool_input);
    else
        add_captured(bridge, &more, "output", step->tool_output);
    aep__hook_announce_progress(bridge, place->level, place->agent_name, step->tool, &more);
    aep__buf_done(&more);
}

/* ---- starts ---- */

static void start_tool(struct aep__hook_bridge *bridge)
{
    struct place place;
    const struct aep__hook_step *step = bridge->step;
    if (!find_place(bridge, AEP__HOOK_BEGINS, &place))
        return;
    struct aep__hook_tool *tool = find_tool(bridge, place.level);
    bool known =
        tool && (tool->id ? step->tool_use_id.len > 0
                          : step->agent == AEP__HOOK_COPILOT_CLI && tool->key == step->tool_key);
    if (known)
        return;
    if (tool && !tool->id && tool->wait && step->tool_use_id.len)
        tool->id = aep__hook_id(step->tool_use_id); /* its permission was asked before */
    else
        tool = new_tool(bridge, place.level);
    tool->started_us = aep__clock_wall_us();
    if (place.turn)
        place.turn->touched = true;
    say(bridge, &place, "start", -1);
}

/* ---- ends ---- */

static void remember_launch(struct aep__hook_bridge *bridge)
{
    const struct aep__hook_step *step = bridge->step;
    struct aep__hook_launch *launch = &bridge->state->launch;
    uint64_t id = aep__hook_id(step->launched);
    if (id == 0 || aep__hook_sub_find(bridge->state, id))
        return;
    *launch = (struct aep__hook_launch){.sub = id};
    size_t len = aep__utf8_cut(step->tool_use_id.data, step->tool_use_id.len,
                               sizeof launch->tool_use_id - 1);
    if (len)
        memcpy(launch->tool_use_id, step->tool_use_id.data, len);
    len = bridge->capture_tools ? aep__utf8_cut(step->launched_text.data, step->launched_text.len,
                                                sizeof launch->text - 1)
                                : 0;
    if (len)
        memcpy(launch->text, step->launched_text.data, len);
}

static double lasted_ms(const struct aep__hook_step *step, const struct aep__hook_tool *tool)
{
    if (step->duration_ms >= 0 || !tool || !tool->started_us)
        return step->duration_ms;
    int64_t us = aep__clock_wall_us() - tool->started_us;
    return us > 0 ? (double)(us / 1000) : 0;
}

/* A wait that is of no tool which is known ends with any tool: of whose it was nothing is known. */
static void clear_wait(struct aep__hook_level *level, struct aep__hook_tool *tool)
{
    tool->wait = AEP__HOOK_WAITS_NOT;
    if (level->wait == AEP__HOOK_WAITS_PERMISSION)
        level->wait = AEP__HOOK_WAITS_NOT;
}

static void end_tool(struct aep__hook_bridge *bridge)
{
    struct place place;
    const struct aep__hook_step *step = bridge->step;
    bool denied = step->meaning == AEP__HOOK_TOOL_DENIED;
    enum aep__hook_tool_phase phase = denied ? AEP__HOOK_TOOL_REFUSED : AEP__HOOK_TOOL_ENDED;
    if (!find_place(bridge, AEP__HOOK_LATE, &place))
        return;
    struct aep__hook_tool *tool = find_tool(bridge, place.level);
    if (tool && (tool->phases & (AEP__HOOK_TOOL_ENDED | AEP__HOOK_TOOL_REFUSED)))
        return; /* it came twice */
    double duration_ms = denied ? -1 : lasted_ms(step, tool);
    if (!tool)
        tool = new_tool(bridge, place.level);
    tool->phases |= (uint8_t)phase;
    clear_wait(place.level, tool);
    if (place.turn)
        place.turn->touched = true;
    place.level->steps += !denied;
    if (!denied)
        remember_launch(bridge);
    say(bridge, &place,
        denied                                  ? "denied"
        : step->meaning == AEP__HOOK_TOOL_ERROR ? "error"
                                                : "end",
        duration_ms);
}

/* ---- refusals of which nothing else tells ---- */

/* A call in a batch of results that still waits for permission was refused. */
static void refuse_call(struct aep__hook_bridge *bridge, struct place *place,
                        struct aep__slice call)
{
    struct aep__hook_step *step = bridge->step;
    struct aep__hook_object object = {0};
    aep__hook_object_read(&object, call);
    step->tool = aep__hook_text(&object, "tool_name", &step->texts);
    step->tool_use_id = aep__hook_text(&object, "tool_use_id", &step->texts);
    aep__hook_object_done(&object);
    step->tool_key = 0;
    struct aep__hook_tool *tool = step->tool_use_id.len ? find_tool(bridge, place->level) : NULL;
    if (!tool || tool->phases != AEP__HOOK_TOOL_RUNS || !tool->wait)
        return;
    tool->phases |= AEP__HOOK_TOOL_REFUSED;
    clear_wait(place->level, tool);
    step->meaning = AEP__HOOK_TOOL_DENIED;
    say(bridge, place, "denied", -1);
}

static void read_batch(struct aep__hook_bridge *bridge)
{
    struct place place;
    struct aep__slice call;
    const char *at = NULL;
    if (!find_place(bridge, AEP__HOOK_LATE, &place))
        return;
    while (aep__hook_element(bridge->step->calls, &at, &call))
        refuse_call(bridge, &place, call);
}

/* ---- waits ---- */

static void say_wait(struct aep__hook_bridge *bridge, const struct aep__hook_level *level,
                     const char *agent_name)
{
    char step[160] = "goes on";
    struct aep__buf more = {0};
    struct aep__slice tool = bridge->step->tool;
    const char *word = aep__hook_wait_word(aep__hook_waits(bridge->state, level));
    if (word)
        snprintf(step, sizeof step, "waits for %s", word);
    aep__hook_add_text(&more, "tool", tool, SHORT_BYTES);
    aep__hook_add_text(&more, "tool_use_id", bridge->step->tool_use_id, SHORT_BYTES);
    aep__hook_announce_progress(bridge, level, agent_name, aep__slice_text(step), &more);
    aep__buf_done(&more);
}

void aep__hook_wait(struct aep__hook_bridge *bridge, struct aep__hook_level *level,
                    const char *agent_name, enum aep__hook_wait wait)
{
    if (level->wait == wait)
        return;
    level->wait = (uint8_t)wait;
    say_wait(bridge, level, agent_name);
}

static enum aep__hook_wait wait_of(enum aep__hook_meaning meaning)
{
    return meaning == AEP__HOOK_QUESTION ? AEP__HOOK_WAITS_HUMAN : AEP__HOOK_WAITS_PERMISSION;
}

/* Whose wait it is: that of a tool, found by name and input, else by name alone; or a request of its own,
 * which has an id and is answered by it. NULL: of no tool. */
static struct aep__hook_tool *asked_tool(struct aep__hook_bridge *bridge,
                                         const struct aep__hook_level *level)
{
    const struct aep__hook_step *step = bridge->step;
    uint64_t request = aep__hook_id(step->request_id);
    if (!request && !step->tool.len)
        return NULL;
    struct aep__hook_tool *tool =
        request ? aep__hook_tool_find(bridge->state, aep__hook_level_key(level), request, 0, 0)
                : find_tool(bridge, level);
    if (tool)
        return tool;
    tool = new_tool(bridge, level);
    if (request) {
        tool->id = request;
        tool->key = tool->name = 0;
    }
    return tool;
}

static void ask(struct aep__hook_bridge *bridge)
{
    struct place place;
    const struct aep__hook_step *step = bridge->step;
    enum aep__hook_wait wait = wait_of(step->meaning);
    if (!find_place(bridge, AEP__HOOK_BEGINS, &place))
        return;
    if (place.turn)
        place.turn->touched = true;
    struct aep__hook_tool *tool = asked_tool(bridge, place.level);
    if (!tool)
        aep__hook_wait(bridge, place.level, place.agent_name, wait);
    if (!tool || tool->wait == wait)
        return;
    tool->wait = (uint8_t)wait;
    say_wait(bridge, place.level, place.agent_name);
}

static void drop_questions(struct aep__hook_state *state, const struct aep__hook_level *level)
{
    uint64_t key = aep__hook_level_key(level);
    for (int i = 0; i < AEP__HOOK_TOOLS; i++)
        if (state->tools[i].level == key && state->tools[i].wait == AEP__HOOK_WAITS_HUMAN)
            state->tools[i].wait = AEP__HOOK_WAITS_NOT;
}

/* opencode's reply names the request; others have one question at a time. */
static void answer(struct aep__hook_bridge *bridge)
{
    struct place place;
    struct aep__hook_step *step = bridge->step;
    if (!find_place(bridge, AEP__HOOK_LATE, &place))
        return;
    uint64_t id = aep__hook_id(step->request_id);
    struct aep__hook_tool *tool =
        id ? aep__hook_tool_find(bridge->state, aep__hook_level_key(place.level), id, 0, 0) : NULL;
    bool waited = aep__hook_waits(bridge->state, place.level) != AEP__HOOK_WAITS_NOT;
    place.level->wait = AEP__HOOK_WAITS_NOT;
    if (tool)
        *tool = (struct aep__hook_tool){0}; /* the request itself is over */
    else
        drop_questions(bridge->state, place.level);
    if (waited)
        say(bridge, &place, step->reason.len ? "denied" : NULL, -1);
}

static bool waits_already(const struct aep__hook_state *state)
{
    for (int i = 0; i < AEP__HOOK_TOOLS; i++)
        if (state->tools[i].phases && state->tools[i].wait)
            return true;
    for (int i = 0; i < AEP__HOOK_TURNS; i++)
        if (aep__hook_level_open(&state->turns[i].level) && state->turns[i].level.wait)
            return true;
    return false;
}

static struct aep__hook_tool *only_tool(struct aep__hook_state *state,
                                        const struct aep__hook_level *level)
{
    struct aep__hook_tool *only = NULL;
    uint64_t key = aep__hook_level_key(level);
    for (int i = 0; i < AEP__HOOK_TOOLS; i++) {
        struct aep__hook_tool *tool = &state->tools[i];
        if (tool->phases != AEP__HOOK_TOOL_RUNS || tool->level != key)
            continue;
        if (only)
            return NULL;
        only = tool;
    }
    return only;
}

/* It says again what a hook has said, or is all that there is: then it is about the only tool that runs. */
static void notice_wait(struct aep__hook_bridge *bridge, enum aep__hook_meaning meaning)
{
    struct aep__hook_turn *turn = aep__hook_turn_open(bridge->state);
    const char *name = aep__hook_agents[bridge->state->agent].name;
    if (!turn || waits_already(bridge->state))
        return;
    struct aep__hook_tool *tool = only_tool(bridge->state, &turn->level);
    if (tool && meaning == AEP__HOOK_PERMISSION) {
        tool->wait = AEP__HOOK_WAITS_PERMISSION;
        say_wait(bridge, &turn->level, name);
    } else {
        aep__hook_wait(bridge, &turn->level, name, wait_of(meaning));
    }
}

void aep__hook_notice(struct aep__hook_bridge *bridge)
{
    struct aep__hook_state *state = bridge->state;
    enum aep__hook_meaning meaning = aep__hook_step_notice(bridge->step);
    if (!aep__hook_level_open(&state->session))
        return;
    if (meaning == AEP__HOOK_IDLE)
        aep__hook_wait(bridge, &state->session, aep__hook_agents[state->agent].name,
                       AEP__HOOK_WAITS_HUMAN);
    else if (meaning == AEP__HOOK_PERMISSION || meaning == AEP__HOOK_QUESTION)
        notice_wait(bridge, meaning);
    else if (meaning == AEP__HOOK_ANSWER && aep__hook_turn_open(state))
        answer(bridge);
}

void aep__hook_tool_step(struct aep__hook_bridge *bridge)
{
    switch (bridge->step->meaning) {
    case AEP__HOOK_TOOL_START:
        start_tool(bridge);
        break;
    case AEP__HOOK_TOOL_BATCH:
        read_batch(bridge);
        break;
    case AEP__HOOK_PERMISSION:
    case AEP__HOOK_QUESTION:
        ask(bridge);
        break;
    case AEP__HOOK_ANSWER:
        answer(bridge);
        break;
    default:
        end_tool(bridge);
    }
}

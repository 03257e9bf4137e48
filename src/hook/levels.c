/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/bridge.h"

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#define SHORT_BYTES 128
#define PATH_BYTES 1024
#define NOT_SEEN AEP__SLICE("(not seen)")

static struct aep__slice or_else(struct aep__slice text, struct aep__slice other)
{
    return aep__utf8_blank(text.data, text.len) ? other : text;
}

uint64_t aep__hook_id(struct aep__slice id)
{
    return id.len > 0 ? aep__hook_hash_text(id, 0) : 0;
}

const char *aep__hook_agent_name(const struct aep__hook_bridge *bridge,
                                 const struct aep__hook_sub *sub, char *text, size_t size)
{
    const char *name = aep__hook_agents[bridge->state->agent].name;
    if (!sub)
        return name;
    snprintf(text, size, "%s:%s", name, sub->type);
    return text;
}

/* ---- sessions ---- */

/* "/home/mira/work/ledger (startup)" */
static void describe_session(const struct aep__hook_step *step, bool inferred, struct aep__buf *out)
{
    struct aep__slice how =
        inferred ? AEP__SLICE("not seen to begin") : or_else(step->source, AEP__SLICE("startup"));
    struct aep__slice cwd = or_else(step->cwd, AEP__SLICE("session"));
    aep__buf_add(out, cwd.data, aep__utf8_cut(cwd.data, cwd.len, PATH_BYTES));
    aep__buf_text(out, " (");
    aep__buf_add(out, how.data, aep__utf8_cut(how.data, how.len, SHORT_BYTES));
    aep__buf_byte(out, ')');
}

static void begin_again(struct aep__hook_state *state, uint32_t run)
{
    memset(state->turns, 0, sizeof state->turns);
    memset(state->subs, 0, sizeof state->subs);
    memset(state->tools, 0, sizeof state->tools);
    state->session = (struct aep__hook_level){.run = run, .order = ++state->order};
    state->turns_begun = 0;
    state->turn_failed = state->quiet = false;
    state->turn_error[0] = '\0';
}

bool aep__hook_session_begin(struct aep__hook_bridge *bridge, bool inferred, const uint8_t *cause)
{
    struct aep__hook_state *state = bridge->state;
    const struct aep__hook_step *step = bridge->step;
    struct aep__hook_level before = state->session;
    struct aep__buf request = {0};
    bool again = before.phase == AEP__HOOK_ENDED;
    struct aep__hook_start start = {
        .level = "session",
        .agent_name = aep__hook_agents[state->agent].name,
        .cause = cause   ? cause
                 : again ? before.execution
                         : NULL,
        .inferred = inferred && !again,
        .continuation = again,
    };
    describe_session(step, inferred, &request);
    start.request = (struct aep__slice){request.data, request.failed ? 0 : request.len};
    aep__hook_add_text(&start.context, "cwd", step->cwd, PATH_BYTES);
    aep__hook_add_text(&start.context, "source", step->source, SHORT_BYTES);
    aep__hook_add_text(&start.context, "model", step->model, SHORT_BYTES);
    if (again || before.phase == AEP__HOOK_NONE)
        begin_again(state, again ? before.run + 1 : 0);
    state->session.last = before.last;
    state->process = bridge->owner;
    bool begun = aep__hook_announce_start(bridge, &state->session, &start);
    aep__buf_done(&request);
    if (!begun && state->session.phase == AEP__HOOK_NONE)
        state->session = before;
    return begun;
}

struct aep__hook_level *aep__hook_session(struct aep__hook_bridge *bridge,
                                          enum aep__hook_joining joining)
{
    struct aep__hook_level *session = &bridge->state->session;
    if (aep__hook_level_open(session))
        return session;
    if (session->phase == AEP__HOOK_ENDED && joining == AEP__HOOK_LATE)
        return NULL;
    return aep__hook_session_begin(bridge, true, NULL) ? session : NULL;
}

static void subs_cut_off(struct aep__hook_bridge *bridge, const char *why)
{
    for (int i = 0; i < AEP__HOOK_SUBS; i++)
        if (aep__hook_level_open(&bridge->state->subs[i].level))
            aep__hook_sub_end(bridge, &bridge->state->subs[i],
                              &(struct aep__hook_end){.ending = AEP__HOOK_CUT_OFF,
                                                      .error = aep__slice_text(why)});
}

void aep__hook_session_end(struct aep__hook_bridge *bridge, struct aep__slice reason)
{
    static const char why[] = "the session ended before it";
    struct aep__hook_state *state = bridge->state;
    char message[128];
    subs_cut_off(bridge, why);
    aep__hook_turns_cut_off(bridge, why);
    bool failed = state->turn_failed;
    struct aep__hook_end end = {.ending = failed ? AEP__HOOK_FAILED : AEP__HOOK_COMPLETED};
    if (failed) {
        snprintf(message, sizeof message, "the last turn failed: %s", state->turn_error);
        end.error = aep__slice_text(message);
        end.error_type = aep__slice_text(state->turn_error);
    } else {
        aep__hook_add_text(&end.metrics, "reason", reason, SHORT_BYTES);
        aep__hook_add_number(&end.metrics, "turns", state->turns_begun);
    }
    aep__hook_announce_end(bridge, &state->session, aep__hook_agents[state->agent].name, &end);
}

/* ---- turns ---- */

/* A prompt, or what else begins a turn, ends the session's wait. */
static void clear_session_wait(struct aep__hook_bridge *bridge)
{
    struct aep__hook_state *state = bridge->state;
    aep__hook_wait(bridge, &state->session, aep__hook_agents[state->agent].name,
                   AEP__HOOK_WAITS_NOT);
}

static void add_trigger(struct aep__buf *context, const struct aep__hook_step *step)
{
    if (!step->task_notification)
        return;
    double tokens = -1, duration = -1;
    aep__buf_text(context, ",\"trigger\":\"task_notification\"");
    aep__hook_add_text(context, "task_id", step->task_id, SHORT_BYTES);
    if (step->task_tokens.len && aep__json_number_value(step->task_tokens, &tokens))
        aep__hook_add_number(context, "tokens", tokens);
    if (step->task_duration.len && aep__json_number_value(step->task_duration, &duration))
        aep__hook_add_number(context, "duration_ms", duration);
}

/* Too many are open: what the step says is published without it. */
static void refuse_place(struct aep__hook_bridge *bridge, const char *what, int most)
{
    aep_error err;
    aep__error(&err, AEP_EFULL, NULL, "%d %s are open", most, what);
    aep__hook_fail(bridge, "not followed", &err);
}

struct aep__hook_turn *aep__hook_turn_begin(struct aep__hook_bridge *bridge,
                                            struct aep__hook_turn *before, const uint8_t *cause,
                                            bool inferred)
{
    struct aep__hook_state *state = bridge->state;
    const struct aep__hook_step *step = bridge->step;
    struct aep__hook_level old = before ? before->level : (struct aep__hook_level){0};
    uint64_t id = before ? before->id : aep__hook_id(step->turn);
    struct aep__hook_start start = {
        .level = "turn",
        .agent_name = aep__hook_agents[state->agent].name,
        .request = inferred ? NOT_SEEN : or_else(step->prompt, NOT_SEEN),
        .cause = before  ? old.execution
                 : cause ? cause
                         : state->session.execution,
        .inferred = inferred && !before,
        .continuation = before != NULL,
    };
    uint8_t cause_copy[16];
    memcpy(cause_copy, start.cause, sizeof cause_copy);
    start.cause = cause_copy; /* its place may be taken */
    clear_session_wait(bridge);
    aep__hook_note_quiet(bridge, false);
    struct aep__hook_turn *turn = aep__hook_turn_new(state, id);
    if (!turn) {
        refuse_place(bridge, "turns", AEP__HOOK_TURNS);
        return NULL;
    }
    turn->level.run = before ? old.run + 1 : 0;
    turn->notification = !inferred && step->task_notification;
    turn->prompt = inferred ? 0 : aep__hook_id(step->prompt);
    if (!inferred)
        add_trigger(&start.context, step);
    aep__hook_add_text(&start.context, "model", step->model, SHORT_BYTES);
    if (!aep__hook_announce_start(bridge, &turn->level, &start))
        return NULL;
    state->turns_begun++;
    return turn;
}

void aep__hook_turn_end(struct aep__hook_bridge *bridge, struct aep__hook_turn *turn,
                        struct aep__hook_end *end)
{
    struct aep__hook_state *state = bridge->state;
    if (end->ending == AEP__HOOK_COMPLETED)
        aep__hook_add_number(&end->metrics, "steps_completed", turn->level.steps);
    state->turn_failed = end->ending == AEP__HOOK_FAILED;
    if (state->turn_failed)
        snprintf(state->turn_error, sizeof state->turn_error, "%.*s",
                 (int)aep__utf8_cut(end->error_type.data, end->error_type.len,
                                    sizeof state->turn_error - 1),
                 end->error_type.len ? end->error_type.data : "");
    turn->stop = bridge->step->digest;
    aep__hook_announce_end(bridge, &turn->level, aep__hook_agents[state->agent].name, end);
    aep__hook_tools_drop(state, &turn->level);
}

void aep__hook_turns_cut_off(struct aep__hook_bridge *bridge, const char *why)
{
    struct aep__hook_turn *turn;
    for (int i = 0; i < AEP__HOOK_TURNS && (turn = aep__hook_turn_open(bridge->state)); i++)
        aep__hook_turn_end(
            bridge, turn,
            &(struct aep__hook_end){.ending = AEP__HOOK_CUT_OFF, .error = aep__slice_text(why)});
}

/* With ids: the one of this id, which may be another than the open one. */
static struct aep__hook_turn *turn_with_id(struct aep__hook_bridge *bridge, uint64_t id,
                                           enum aep__hook_joining joining)
{
    struct aep__hook_turn *turn = aep__hook_turn_find(bridge->state, id);
    struct aep__hook_turn *open = aep__hook_turn_open(bridge->state);
    if (turn && aep__hook_level_open(&turn->level))
        return turn;
    if (turn)
        return joining == AEP__HOOK_LATE ? NULL : aep__hook_turn_begin(bridge, turn, NULL, true);
    if (open && open->id == 0) {
        open->id = id;
        return open;
    }
    aep__hook_turns_cut_off(bridge, "another turn began");
    return aep__hook_turn_begin(bridge, NULL, NULL, true);
}

static struct aep__hook_turn *turn_without_id(struct aep__hook_bridge *bridge,
                                              enum aep__hook_joining joining)
{
    struct aep__hook_turn *open = aep__hook_turn_open(bridge->state);
    struct aep__hook_turn *last = open ? open : aep__hook_turn_find(bridge->state, 0);
    if (open || (last && joining == AEP__HOOK_LATE))
        return open;
    return aep__hook_turn_begin(bridge, last, NULL, true);
}

struct aep__hook_turn *aep__hook_turn(struct aep__hook_bridge *bridge,
                                      enum aep__hook_joining joining)
{
    struct aep__hook_state *state = bridge->state;
    uint64_t id = aep__hook_id(bridge->step->turn);
    struct aep__hook_turn kept = {0}, *before;
    if (state->session.phase == AEP__HOOK_ENDED && joining == AEP__HOOK_BEGINS &&
        (before = aep__hook_turn_find(state, id)))
        kept = *before; /* the session that goes on knows none of its turns */
    if (!aep__hook_session(bridge, joining))
        return NULL;
    if (kept.level.phase != AEP__HOOK_NONE)
        return aep__hook_turn_begin(bridge, &kept, NULL, true);
    return id ? turn_with_id(bridge, id, joining) : turn_without_id(bridge, joining);
}

/* ---- sub-agents ---- */

/* The turn that a sub-agent is of: by its id, though it may have ended; Codex gives the child's own. */
static struct aep__hook_turn *turn_of_sub(struct aep__hook_bridge *bridge)
{
    struct aep__hook_state *state = bridge->state;
    uint64_t id = state->agent == AEP__HOOK_CODEX ? 0 : aep__hook_id(bridge->step->turn);
    struct aep__hook_turn *turn = id ? aep__hook_turn_find(state, id) : NULL;
    if (!turn)
        turn = aep__hook_turn_open(state);
    if (!turn && !id)
        turn = aep__hook_turn_find(state, 0);
    if (turn)
        return turn;
    if (state->agent == AEP__HOOK_CODEX)
        bridge->step->turn = (struct aep__slice){0};
    return aep__hook_turn(bridge, AEP__HOOK_BEGINS);
}

static void name_sub(struct aep__hook_sub *sub, struct aep__slice type)
{
    if (aep__utf8_blank(type.data, type.len))
        type = AEP__SLICE("subagent");
    snprintf(sub->type, sizeof sub->type, "%.*s",
             (int)aep__utf8_cut(type.data, type.len, sizeof sub->type - 1), type.data);
}

static void add_launch(struct aep__hook_bridge *bridge, struct aep__buf *context, uint64_t id)
{
    struct aep__hook_launch *launch = &bridge->state->launch;
    if (launch->sub != id || id == 0)
        return;
    if (launch->tool_use_id[0])
        aep__hook_add_text(context, "tool_use_id", aep__slice_text(launch->tool_use_id),
                           SHORT_BYTES);
    if (launch->text[0])
        aep__hook_add_text(context, "description", aep__slice_text(launch->text), SHORT_BYTES);
    *launch = (struct aep__hook_launch){0};
}

static struct aep__hook_sub *begin_sub(struct aep__hook_bridge *bridge,
                                       const struct aep__hook_sub *before, bool inferred)
{
    const struct aep__hook_step *step = bridge->step;
    struct aep__hook_sub old = before ? *before : (struct aep__hook_sub){0};
    struct aep__hook_turn *turn = before ? NULL : turn_of_sub(bridge);
    uint8_t cause[16];
    char name[AEP__HOOK_NAME_SIZE];
    if (!before && !turn)
        return NULL;
    memcpy(cause, before ? old.level.execution : turn->level.execution, sizeof cause);
    uint64_t turn_key = before ? old.turn : aep__hook_level_key(&turn->level);
    aep__hook_note_quiet(bridge, false);
    struct aep__hook_sub *sub = aep__hook_sub_new(bridge->state, aep__hook_id(step->sub));
    if (!sub) {
        refuse_place(bridge, "sub-agents", AEP__HOOK_SUBS);
        return NULL;
    }
    name_sub(sub, step->sub_type.len || !before ? step->sub_type : aep__slice_text(old.type));
    sub->turn = turn_key;
    sub->level.run = before ? old.level.run + 1 : 0;
    struct aep__hook_start start = {
        .level = "subagent",
        .agent_name = aep__hook_agent_name(bridge, sub, name, sizeof name),
        .request = aep__slice_text(sub->type),
        .cause = cause,
        .inferred = inferred && !before,
        .continuation = before != NULL,
    };
    aep__hook_add_text(&start.context, "agent_id", step->sub, SHORT_BYTES);
    add_launch(bridge, &start.context, sub->id);
    return aep__hook_announce_start(bridge, &sub->level, &start) ? sub : NULL;
}

/* One of an empty type is the agent's own business: its end would never be said. */
struct aep__hook_sub *aep__hook_sub(struct aep__hook_bridge *bridge, enum aep__hook_joining joining,
                                    bool inferred)
{
    const struct aep__hook_step *step = bridge->step;
    if ((step->sub_typed && step->sub_type.len == 0) || !aep__hook_session(bridge, joining))
        return NULL;
    struct aep__hook_sub *sub =
        step->sub.len ? aep__hook_sub_find(bridge->state, aep__hook_id(step->sub)) : NULL;
    if (sub && (aep__hook_level_open(&sub->level) || joining == AEP__HOOK_LATE))
        return aep__hook_level_open(&sub->level) ? sub : NULL;
    return begin_sub(bridge, sub, inferred);
}

void aep__hook_sub_end(struct aep__hook_bridge *bridge, struct aep__hook_sub *sub,
                       struct aep__hook_end *end)
{
    char name[AEP__HOOK_NAME_SIZE];
    if (end->ending == AEP__HOOK_COMPLETED)
        aep__hook_add_number(&end->metrics, "steps_completed", sub->level.steps);
    aep__hook_announce_end(bridge, &sub->level,
                           aep__hook_agent_name(bridge, sub, name, sizeof name), end);
    aep__hook_tools_drop(bridge->state, &sub->level);
}

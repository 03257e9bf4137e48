/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/bridge.h"

#include "client/entrusted.h"

#include <stdio.h>
#include <string.h>

static const char *own_name(const struct aep__hook_bridge *bridge)
{
    return aep__hook_agents[bridge->state->agent].name;
}

static bool is(struct aep__slice text, const char *word)
{
    return text.data && text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

/* ---- sessions ---- */

static void start_session(struct aep__hook_bridge *bridge)
{
    struct aep__hook_state *state = bridge->state;
    const struct aep__hook_step *step = bridge->step;
    uint8_t cause[16];
    bool open = aep__hook_level_open(&state->session), cleared = false;
    if (open && !is(step->source, "resume"))
        return; /* a compaction, or its first hook came before */
    if (open)
        aep__hook_session_end(bridge, AEP__SLICE("resume"));
    if (is(step->source, "clear"))
        cleared = aep__hook_cleared_take(bridge->spool_fd, step->agent, &bridge->owner, cause);
    aep__hook_session_begin(bridge, is(step->source, "compact"), cleared ? cause : NULL);
}

static void end_session(struct aep__hook_bridge *bridge)
{
    struct aep__hook_state *state = bridge->state;
    if (!aep__hook_level_open(&state->session))
        return;
    aep__hook_session_end(bridge, bridge->step->reason);
    if (is(bridge->step->reason, "clear"))
        aep__hook_cleared_write(bridge->spool_fd, bridge->step->agent, &bridge->owner,
                                state->session.execution);
}

/* ---- turns ---- */

static void add_alias(struct aep__hook_turn *turn, uint64_t id)
{
    memmove(turn->aliases + 1, turn->aliases, sizeof turn->aliases - sizeof *turn->aliases);
    turn->aliases[0] = turn->id;
    turn->id = id;
}

/* A second notification before anything was done for the first; the same prompt said by two hooks; an agent
 * that says again that it is busy. */
static bool joins_open(struct aep__hook_bridge *bridge, struct aep__hook_turn *open)
{
    const struct aep__hook_step *step = bridge->step;
    uint64_t id = aep__hook_id(step->turn);
    if (step->task_notification && open->notification && !open->touched) {
        add_alias(open, id);
        return true;
    }
    if (id == 0 && !open->touched && open->prompt && open->prompt == aep__hook_id(step->prompt))
        return true;
    return (id && open->id == id) || step->closes_only;
}

static void prompt(struct aep__hook_bridge *bridge)
{
    struct aep__hook_state *state = bridge->state;
    const struct aep__hook_step *step = bridge->step;
    struct aep__hook_turn *open = aep__hook_turn_open(state), *same = NULL, kept;
    uint64_t id = aep__hook_id(step->turn);
    if (open && aep__hook_level_open(&state->session) && joins_open(bridge, open))
        return;
    if (id && (same = aep__hook_turn_find(state, id))) {
        kept = *same;
        same = &kept;
    }
    if (!aep__hook_session(bridge, AEP__HOOK_BEGINS))
        return;
    aep__hook_turns_cut_off(bridge, "the next prompt came before its end");
    struct aep__hook_sub *sub =
        step->task_id.len ? aep__hook_sub_find(state, aep__hook_id(step->task_id)) : NULL;
    aep__hook_turn_begin(bridge, same, sub ? sub->level.execution : NULL, false);
}

/* What goes on behind the turn is what the session waits for. */
static void wait_for_background(struct aep__hook_bridge *bridge)
{
    const struct aep__hook_step *step = bridge->step;
    if (!step->children && !step->timers)
        return;
    aep__hook_wait(bridge, &bridge->state->session, own_name(bridge),
                   step->children ? AEP__HOOK_WAITS_CHILD : AEP__HOOK_WAITS_TIMER);
}

/* The turn that a stop ends; NULL: there is none, or what has ended it has said so before. */
static struct aep__hook_turn *stopped_turn(struct aep__hook_bridge *bridge)
{
    struct aep__hook_state *state = bridge->state;
    const struct aep__hook_step *step = bridge->step;
    uint64_t id = aep__hook_id(step->turn);
    struct aep__hook_turn *turn = aep__hook_turn_find(state, id);
    bool open = turn && aep__hook_level_open(&turn->level);
    if (open && aep__hook_level_open(&state->session))
        return turn;
    if (step->closes_only)
        return id ? NULL : aep__hook_turn_open(state);
    if (turn && !open && (turn->stop == step->digest || turn->by_notify || step->closes_once))
        return NULL;
    return aep__hook_turn(bridge, AEP__HOOK_BEGINS);
}

static void stop(struct aep__hook_bridge *bridge, enum aep__hook_ending ending)
{
    const struct aep__hook_step *step = bridge->step;
    struct aep__hook_turn *turn = stopped_turn(bridge);
    if (!turn)
        return;
    aep__hook_turn_end(bridge, turn,
                       &(struct aep__hook_end){.ending = ending,
                                               .result = step->result,
                                               .error = step->error,
                                               .error_type = step->error_type});
    wait_for_background(bridge);
}

/* Codex's older program, beside its hooks or without them. */
static void notify(struct aep__hook_bridge *bridge)
{
    struct aep__hook_state *state = bridge->state;
    struct aep__hook_turn *turn = aep__hook_turn_find(state, aep__hook_id(bridge->step->turn));
    if (turn && !aep__hook_level_open(&turn->level))
        return;
    turn = aep__hook_turn(bridge, AEP__HOOK_LATE);
    if (!turn)
        return;
    turn->by_notify = true;
    aep__hook_turn_end(
        bridge, turn,
        &(struct aep__hook_end){.ending = AEP__HOOK_COMPLETED, .result = bridge->step->result});
}

/* ---- sub-agents ---- */

static void stop_sub(struct aep__hook_bridge *bridge)
{
    struct aep__hook_state *state = bridge->state;
    const struct aep__hook_step *step = bridge->step;
    bool named = step->sub_type.len > 0;
    if (!aep__hook_level_open(&state->session) || (step->sub_typed && !named))
        return;
    struct aep__hook_sub *sub =
        step->in_sub ? aep__hook_sub_find(state, aep__hook_id(step->sub)) : NULL;
    bool ids = step->in_sub && step->agent != AEP__HOOK_COPILOT_CLI;
    if (!sub && !ids && named)
        sub = aep__hook_sub_of_type(state, step->sub_type.data, step->sub_type.len);
    if (!sub || !aep__hook_level_open(&sub->level))
        return;
    bool failed = step->error_type.len > 0;
    aep__hook_sub_end(
        bridge, sub,
        &(struct aep__hook_end){.ending = failed ? AEP__HOOK_FAILED : AEP__HOOK_COMPLETED,
                                .result = step->result,
                                .error = step->error,
                                .error_type = step->error_type});
}

/* ---- others ---- */

/* Of the sub-agent or the turn that is open, else of the session. */
static void progress(struct aep__hook_bridge *bridge)
{
    struct aep__hook_state *state = bridge->state;
    const struct aep__hook_step *step = bridge->step;
    char name[AEP__HOOK_NAME_SIZE];
    struct aep__buf more = {0};
    if (!aep__hook_session(bridge, AEP__HOOK_LATE))
        return;
    struct aep__hook_sub *sub =
        step->in_sub ? aep__hook_sub_find(state, aep__hook_id(step->sub)) : NULL;
    struct aep__hook_turn *turn = aep__hook_turn_open(state);
    if (sub && !aep__hook_level_open(&sub->level))
        sub = NULL;
    const struct aep__hook_level *level = sub ? &sub->level : turn ? &turn->level : &state->session;
    aep__hook_add_text(&more, "event", aep__slice_text(step->event), sizeof step->event);
    if (step->meaning == AEP__HOOK_COMPACT)
        aep__hook_add_text(&more, "trigger", step->label, 64);
    aep__hook_announce_progress(bridge, level, aep__hook_agent_name(bridge, sub, name, sizeof name),
                                step->meaning == AEP__HOOK_TASK && step->label.len
                                    ? step->label
                                    : aep__slice_text(step->event),
                                &more);
    aep__buf_done(&more);
}

/* ---- all ---- */

static void act(struct aep__hook_bridge *bridge)
{
    switch (bridge->step->meaning) {
    case AEP__HOOK_SESSION_START:
        start_session(bridge);
        break;
    case AEP__HOOK_SESSION_END:
        end_session(bridge);
        break;
    case AEP__HOOK_PROMPT:
        prompt(bridge);
        break;
    case AEP__HOOK_STOP:
        stop(bridge, AEP__HOOK_COMPLETED);
        break;
    case AEP__HOOK_STOP_FAILURE:
        stop(bridge, AEP__HOOK_FAILED);
        break;
    case AEP__HOOK_INTERRUPT:
        stop(bridge, AEP__HOOK_INTERRUPTED);
        break;
    case AEP__HOOK_NOTIFY:
        notify(bridge);
        break;
    case AEP__HOOK_SUB_START:
        aep__hook_sub(bridge, AEP__HOOK_BEGINS, false);
        break;
    case AEP__HOOK_SUB_STOP:
        stop_sub(bridge);
        break;
    case AEP__HOOK_NOTIFICATION:
        aep__hook_notice(bridge);
        break;
    case AEP__HOOK_TASK:
    case AEP__HOOK_COMPACT:
        progress(bridge);
        break;
    case AEP__HOOK_NOTHING:
        break;
    default:
        aep__hook_tool_step(bridge);
    }
}

/* The digest of the newest hook of the step's level: its sub-agent's, if that is known. */
static uint64_t *newest(struct aep__hook_bridge *bridge)
{
    struct aep__hook_sub *sub =
        bridge->step->in_sub ? aep__hook_sub_find(bridge->state, aep__hook_id(bridge->step->sub))
                             : NULL;
    return sub ? &sub->level.last : &bridge->state->session.last;
}

/* Tools have ids, which say more than bytes. */
static bool is_repeat(struct aep__hook_bridge *bridge)
{
    const struct aep__hook_step *step = bridge->step;
    bool tool = step->meaning >= AEP__HOOK_TOOL_START && step->meaning <= AEP__HOOK_TOOL_DENIED;
    return *newest(bridge) == step->digest && !(tool && step->tool_use_id.len > 0);
}

static bool is_quiet(struct aep__hook_state *state)
{
    bool quiet = !state->turn_failed && !aep__hook_turn_open(state);
    for (int i = 0; quiet && i < AEP__HOOK_SUBS; i++)
        quiet = !aep__hook_level_open(&state->subs[i].level);
    return quiet;
}

void aep__hook_follow(struct aep__hook_bridge *bridge)
{
    struct aep__hook_state *state = bridge->state;
    aep__hook_mend(bridge);
    if (is_repeat(bridge))
        return;
    act(bridge);
    *newest(bridge) = bridge->step->digest;
    if (aep__hook_level_open(&state->session))
        aep__hook_note_quiet(bridge, is_quiet(state));
    if (state->session.phase != AEP__HOOK_NONE)
        aep__hook_note(bridge);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/state.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/utf8.h"

#include <string.h>

#define VERSION (UINT32_C(0x61680000) | 1)

/* ---- ids ---- */

void aep__hook_state_uuid(enum aep__hook_agent_id agent, const char *id, size_t len,
                          char text[AEP_ID_SIZE])
{
    uint8_t bytes[16];
    struct aep__buf whole = {0};
    aep__buf_text(&whole, aep__hook_agents[agent].name);
    aep__buf_byte(&whole, '\0');
    aep__buf_add(&whole, id, len);
    aep__digest128(whole.failed ? id : whole.data, whole.failed ? len : whole.len, bytes);
    aep__buf_done(&whole);
    bytes[6] = (uint8_t)(0x80 | (bytes[6] & 0x0f));
    bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3f));
    aep__id_format(bytes, text);
}

static bool is_valid_id(const char *id, size_t len)
{
    return len > 0 && len < AEP_CORRELATION_ID_SIZE && aep__utf8_valid(id, len) == len &&
           !aep__utf8_blank(id, len) && !aep__utf8_control(id, len) && !memchr(id, '\0', len);
}

void aep__hook_state_init(struct aep__hook_state *state, enum aep__hook_agent_id agent,
                          const char *id, size_t len)
{
    memset(state, 0, sizeof *state);
    state->version = VERSION;
    state->agent = agent;
    aep__hook_state_uuid(agent, id, len, state->correlation_id);
    if (is_valid_id(id, len))
        memcpy(state->session_id, id, len);
    else
        memcpy(state->session_id, state->correlation_id, AEP_ID_SIZE);
}

static bool is_text(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

bool aep__hook_state_sound(const struct aep__hook_state *state)
{
    bool sound = state->version == VERSION && state->agent < AEP__HOOK_AGENTS &&
                 is_text(state->session_id, sizeof state->session_id) &&
                 is_text(state->correlation_id, sizeof state->correlation_id) &&
                 is_text(state->parent, sizeof state->parent) &&
                 is_text(state->process.name, sizeof state->process.name) &&
                 is_text(state->turn_error, sizeof state->turn_error) &&
                 is_text(state->launch.tool_use_id, sizeof state->launch.tool_use_id) &&
                 is_text(state->launch.text, sizeof state->launch.text);
    for (int i = 0; sound && i < AEP__HOOK_SUBS; i++)
        sound = is_text(state->subs[i].type, sizeof state->subs[i].type);
    return sound;
}

/* ---- levels ---- */

uint64_t aep__hook_level_key(const struct aep__hook_level *level)
{
    uint64_t key;
    memcpy(&key, level->execution + 8, sizeof key); /* its random part */
    return key;
}

bool aep__hook_level_open(const struct aep__hook_level *level)
{
    return level->phase == AEP__HOOK_STARTING || level->phase == AEP__HOOK_OPEN ||
           level->phase == AEP__HOOK_ENDING;
}

/* ---- turns ---- */

struct aep__hook_turn *aep__hook_turn_open(struct aep__hook_state *state)
{
    struct aep__hook_turn *found = NULL;
    for (int i = 0; i < AEP__HOOK_TURNS; i++) {
        struct aep__hook_turn *turn = &state->turns[i];
        if (aep__hook_level_open(&turn->level) &&
            (!found || turn->level.order > found->level.order))
            found = turn;
    }
    return found;
}

static bool has_id(const struct aep__hook_turn *turn, uint64_t id)
{
    bool has = turn->id == id;
    for (int i = 0; i < AEP__HOOK_ALIASES; i++)
        has |= turn->aliases[i] == id;
    return has;
}

struct aep__hook_turn *aep__hook_turn_find(struct aep__hook_state *state, uint64_t id)
{
    struct aep__hook_turn *found = NULL;
    for (int i = 0; i < AEP__HOOK_TURNS; i++) {
        struct aep__hook_turn *turn = &state->turns[i];
        if (turn->level.phase != AEP__HOOK_NONE && (id == 0 || has_id(turn, id)) &&
            (!found || turn->level.order > found->level.order))
            found = turn;
    }
    return found;
}

struct aep__hook_turn *aep__hook_turn_new(struct aep__hook_state *state, uint64_t id)
{
    struct aep__hook_turn *place = NULL;
    for (int i = 0; i < AEP__HOOK_TURNS; i++) {
        struct aep__hook_turn *turn = &state->turns[i];
        if (!aep__hook_level_open(&turn->level) &&
            (!place || turn->level.order < place->level.order))
            place = turn;
    }
    if (place)
        *place = (struct aep__hook_turn){.id = id, .level.order = ++state->order};
    return place;
}

/* ---- sub-agents ---- */

struct aep__hook_sub *aep__hook_sub_find(struct aep__hook_state *state, uint64_t id)
{
    struct aep__hook_sub *found = NULL;
    for (int i = 0; i < AEP__HOOK_SUBS; i++) {
        struct aep__hook_sub *sub = &state->subs[i];
        if (sub->level.phase != AEP__HOOK_NONE && sub->id == id &&
            (!found || sub->level.order > found->level.order))
            found = sub;
    }
    return found;
}

struct aep__hook_sub *aep__hook_sub_of_type(struct aep__hook_state *state, const char *type,
                                            size_t len)
{
    struct aep__hook_sub *found = NULL;
    for (int i = 0; i < AEP__HOOK_SUBS; i++) {
        struct aep__hook_sub *sub = &state->subs[i];
        if (aep__hook_level_open(&sub->level) && strlen(sub->type) == len &&
            memcmp(sub->type, type, len) == 0 && (!found || sub->level.order < found->level.order))
            found = sub;
    }
    return found;
}

struct aep__hook_sub *aep__hook_sub_new(struct aep__hook_state *state, uint64_t id)
{
    struct aep__hook_sub *place = NULL;
    for (int i = 0; i < AEP__HOOK_SUBS; i++) {
        struct aep__hook_sub *sub = &state->subs[i];
        if (!aep__hook_level_open(&sub->level) && (!place || sub->level.order < place->level.order))
            place = sub;
    }
    if (place)
        *place = (struct aep__hook_sub){.id = id, .level.order = ++state->order};
    return place;
}

/* ---- tools ---- */

enum likeness { UNLIKE, SAME_NAME, SAME_KEY, SAME_ID };

static enum likeness compare(const struct aep__hook_tool *tool, uint64_t id, uint64_t key,
                             uint64_t name)
{
    if (id && tool->id)
        return tool->id == id ? SAME_ID : UNLIKE;
    if (tool->phases != AEP__HOOK_TOOL_RUNS)
        return UNLIKE;
    if (key && tool->key == key)
        return SAME_KEY;
    return name && tool->name == name ? SAME_NAME : UNLIKE;
}

struct aep__hook_tool *aep__hook_tool_find(struct aep__hook_state *state, uint64_t level,
                                           uint64_t id, uint64_t key, uint64_t name)
{
    struct aep__hook_tool *found = NULL;
    enum likeness best = UNLIKE;
    for (int i = 0; i < AEP__HOOK_TOOLS; i++) {
        struct aep__hook_tool *tool = &state->tools[i];
        if (tool->phases == 0 || tool->level != level)
            continue;
        enum likeness likeness = compare(tool, id, key, name);
        if (likeness > best || (likeness == best && found && tool->order < found->order)) {
            best = likeness;
            found = tool;
        }
    }
    return found;
}

/* What runs is given up only where everything does. */
struct aep__hook_tool *aep__hook_tool_new(struct aep__hook_state *state, uint64_t level)
{
    struct aep__hook_tool *place = &state->tools[0];
    for (int i = 0; i < AEP__HOOK_TOOLS; i++) {
        struct aep__hook_tool *tool = &state->tools[i];
        bool runs = tool->phases == AEP__HOOK_TOOL_RUNS,
             place_runs = place->phases == AEP__HOOK_TOOL_RUNS;
        if (runs != place_runs ? place_runs : tool->order < place->order)
            place = tool;
    }
    *place = (struct aep__hook_tool){.level = level, .order = ++state->order};
    return place;
}

/* ---- waits ---- */

enum aep__hook_wait aep__hook_waits(const struct aep__hook_state *state,
                                    const struct aep__hook_level *level)
{
    if (level->wait != AEP__HOOK_WAITS_NOT)
        return (enum aep__hook_wait)level->wait;
    uint64_t key = aep__hook_level_key(level);
    for (int i = 0; i < AEP__HOOK_TOOLS; i++)
        if (state->tools[i].phases && state->tools[i].level == key && state->tools[i].wait)
            return (enum aep__hook_wait)state->tools[i].wait;
    return AEP__HOOK_WAITS_NOT;
}

const char *aep__hook_wait_word(enum aep__hook_wait wait)
{
    static const char *const words[] = {NULL, "permission", "human", "child", "timer"};
    return wait < sizeof words / sizeof *words ? words[wait] : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of one session of an agent: its executions (itself, turns, sub-agents) and the tools in
 * flight. It is plain data of a fixed size, written whole:
 *
 *     session ─┬─ turns     open ones, and those that ended last
 *              ├─ subs      the same of sub-agents
 *              └─ tools     in flight, and those that ended last
 *
 * A table that is full gives up what ended longest ago; what is open stays. Ids are kept as hashes: they are
 * only compared. No text of a prompt, of a tool's input or output is in it. */
#ifndef AEP_HOOK_STATE_H
#define AEP_HOOK_STATE_H

#include "aep/aep.h"
#include "base/os_process.h"
#include "hook/agent.h"

#include <stdbool.h>
#include <stdint.h>

#define AEP__HOOK_TURNS 12
#define AEP__HOOK_SUBS 32
#define AEP__HOOK_TOOLS 64
#define AEP__HOOK_ALIASES 3
#define AEP__HOOK_TYPE_SIZE 72

enum aep__hook_phase {
    AEP__HOOK_NONE,
    AEP__HOOK_STARTING, /* its started event is about to be published, or was: a hook was killed there */
    AEP__HOOK_OPEN,
    AEP__HOOK_ENDING, /* the same of its terminal event */
    AEP__HOOK_ENDED,
};

enum aep__hook_wait {
    AEP__HOOK_WAITS_NOT,
    AEP__HOOK_WAITS_PERMISSION,
    AEP__HOOK_WAITS_HUMAN,
    AEP__HOOK_WAITS_CHILD,
    AEP__HOOK_WAITS_TIMER,
};

/* An execution of any level. */
struct aep__hook_level {
    uint8_t execution[16]; /* the id of its started event */
    int64_t started_us;    /* wall clock */
    uint64_t last;         /* the digest of its newest hook */
    uint32_t steps, run;
    uint32_t order; /* of beginning: greater is younger */
    uint8_t phase;  /* enum aep__hook_phase */
    uint8_t wait;   /* enum aep__hook_wait, of no tool that is known */
    bool entered;   /* in the roll */
};

struct aep__hook_turn {
    struct aep__hook_level level;
    uint64_t id; /* hash; 0: it has none */
    uint64_t aliases[AEP__HOOK_ALIASES];
    uint64_t prompt;   /* hash; 0: not seen */
    uint64_t stop;     /* the digest of what has ended it */
    bool notification; /* began it */
    bool touched;      /* something was done in it */
    bool by_notify;    /* Codex's notify ended it */
};

struct aep__hook_sub {
    struct aep__hook_level level;
    uint64_t id;
    uint64_t turn; /* its turn's aep__hook_level_key() */
    char type[AEP__HOOK_TYPE_SIZE];
};

enum aep__hook_tool_phase {
    AEP__HOOK_TOOL_RUNS = 1,
    AEP__HOOK_TOOL_ENDED = 2,
    AEP__HOOK_TOOL_REFUSED = 4,
};

struct aep__hook_tool {
    uint64_t id, key, name; /* hashes; 0: none. key: of name and input */
    uint64_t level;         /* of its level's execution: aep__hook_level_key() */
    int64_t started_us;
    uint32_t order;
    uint8_t phases; /* enum aep__hook_tool_phase: those that were published; 0: free */
    uint8_t wait;
};

/* A sub-agent that a tool has launched, and that has not begun yet. */
struct aep__hook_launch {
    uint64_t sub;
    char tool_use_id[64], text[96];
};

struct aep__hook_state {
    uint32_t version, agent;
    char session_id[AEP_CORRELATION_ID_SIZE]; /* as on the wire */
    char correlation_id[AEP_ID_SIZE];
    char parent
        [AEP_CORRELATION_ID_SIZE];  /* its hooks are those of a sub-agent of this one; "": not */
    struct aep__os_process process; /* the agent's */
    struct aep__hook_level session;
    uint64_t clear_end; /* the digest of its end */
    bool started_said;  /* its beginning was seen */
    bool turn_failed;   /* the last turn, and a hook said so */
    bool quiet;         /* as the roll has it: should the process be gone, it has ended well */
    char turn_error[64];
    uint32_t order, turns_begun;
    struct aep__hook_launch launch;
    struct aep__hook_turn turns[AEP__HOOK_TURNS];
    struct aep__hook_sub subs[AEP__HOOK_SUBS];
    struct aep__hook_tool tools[AEP__HOOK_TOOLS];
};

/** Empties it, for the session of this id (as the agent says). */
void aep__hook_state_init(struct aep__hook_state *state, enum aep__hook_agent_id agent,
                          const char *id, size_t len);
/** Whether it can have been written by this version of aep. */
bool aep__hook_state_sound(const struct aep__hook_state *state);
/** The derived id of a session: version 8 of a UUID (RFC 9562 §5.8). */
void aep__hook_state_uuid(enum aep__hook_agent_id agent, const char *id, size_t len,
                          char text[AEP_ID_SIZE]);

/** What tells executions apart in one session. */
uint64_t aep__hook_level_key(const struct aep__hook_level *level);
/** Open, as far as is known. */
bool aep__hook_level_open(const struct aep__hook_level *level);

/** The youngest open turn; NULL: none. */
struct aep__hook_turn *aep__hook_turn_open(struct aep__hook_state *state);
/** The turn of this id (0: the youngest of all), open or ended; NULL: none. */
struct aep__hook_turn *aep__hook_turn_find(struct aep__hook_state *state, uint64_t id);
/** A place for a new one, empty; NULL: all are open. */
struct aep__hook_turn *aep__hook_turn_new(struct aep__hook_state *state, uint64_t id);
struct aep__hook_sub *aep__hook_sub_find(struct aep__hook_state *state, uint64_t id);
/** The eldest that is open and of this type. */
struct aep__hook_sub *aep__hook_sub_of_type(struct aep__hook_state *state, const char *type,
                                            size_t len);
struct aep__hook_sub *aep__hook_sub_new(struct aep__hook_state *state, uint64_t id);
/** By its id; where that finds none, the eldest that runs and has no other id: of this key, else of this
 * name. */
struct aep__hook_tool *aep__hook_tool_find(struct aep__hook_state *state, uint64_t level,
                                           uint64_t id, uint64_t key, uint64_t name);
struct aep__hook_tool *aep__hook_tool_new(struct aep__hook_state *state, uint64_t level);
/** What a level waits for: its own wait, or one of its tools'. */
enum aep__hook_wait aep__hook_waits(const struct aep__hook_state *state,
                                    const struct aep__hook_level *level);
const char *aep__hook_wait_word(enum aep__hook_wait wait);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* One step of one session at work: what it does to the state, and what is published for it.
 *
 *     follow.c    what each meaning does
 *     levels.c    which execution a step is of: found, or begun; and ends
 *     tools.c     tools in flight, and what waits
 *     announce.c  the events, and the state written around each start and end
 *
 * A start and an end are noted in the state before they are published, and after: a hook that is killed
 * between leaves a note, and the next one finds out from the roll what became of it (mend.c). */
#ifndef AEP_HOOK_BRIDGE_H
#define AEP_HOOK_BRIDGE_H

#include "base/buf.h"
#include "hook/folder.h"
#include "hook/state.h"
#include "hook/step.h"

struct aep__hook_bridge {
    aep_publisher *pub;
    int spool_fd;
    struct aep__hook_file *file;
    struct aep__hook_state *state;
    struct aep__hook_step *step;
    struct aep__os_process owner; /* the agent's process, now */
    bool capture_tools;
    int64_t now_us;
    bool said;   /* something was published */
    bool failed; /* something could not be published or noted: */
    char why[512];
};

/* ---- announce.c ---- */

/* What a start says beside its level. */
struct aep__hook_start {
    const char *level; /* "session", "turn", "subagent" */
    const char *agent_name;
    struct aep__slice request;
    const uint8_t *cause; /* an execution; NULL: none */
    bool inferred, continuation;
    struct aep__buf context; /* members behind the common ones, each with a comma before */
};

enum aep__hook_ending {
    AEP__HOOK_COMPLETED,
    AEP__HOOK_FAILED,      /* a hook said so */
    AEP__HOOK_INTERRUPTED, /* a hook said so */
    AEP__HOOK_CUT_OFF,     /* nobody said so: INTERRUPTED, inferred */
};

struct aep__hook_end {
    enum aep__hook_ending ending;
    struct aep__slice result, error, error_type;
    struct aep__buf metrics; /* members, each with a comma before; may be empty */
};

/** Publishes the start of a level that has its place in the state. False: it could not be. */
bool aep__hook_announce_start(struct aep__hook_bridge *bridge, struct aep__hook_level *level,
                              struct aep__hook_start *start);
void aep__hook_announce_end(struct aep__hook_bridge *bridge, struct aep__hook_level *level,
                            const char *agent_name, struct aep__hook_end *end);
/** @more  members of metadata, each with a comma before */
void aep__hook_announce_progress(struct aep__hook_bridge *bridge,
                                 const struct aep__hook_level *level, const char *agent_name,
                                 struct aep__slice current_step, const struct aep__buf *more);
/** What a step says where there is no state to join it to. */
void aep__hook_announce_alone(struct aep__hook_bridge *bridge);
/** Writes the state; what fails is kept in the bridge. */
bool aep__hook_note(struct aep__hook_bridge *bridge);
/** Whether the session would have ended well, for the roll. */
void aep__hook_note_quiet(struct aep__hook_bridge *bridge, bool quiet);
void aep__hook_fail(struct aep__hook_bridge *bridge, const char *what, const aep_error *err);

/** Appends ,"name":"text", the text cut at most bytes. Nothing if it has no data. */
void aep__hook_add_text(struct aep__buf *out, const char *name, struct aep__slice text,
                        size_t most);
void aep__hook_add_number(struct aep__buf *out, const char *name, double number);

/* ---- levels.c ---- */

/* Which steps begin a level that has ended. */
enum aep__hook_joining {
    AEP__HOOK_BEGINS, /* a prompt, a tool's start, a permission, a stop: a continuation */
    AEP__HOOK_LATE,   /* the others came late: they do not. What was never seen begins with both. */
};

/** The open session; begun if need be. NULL: it is not to be. */
struct aep__hook_level *aep__hook_session(struct aep__hook_bridge *bridge,
                                          enum aep__hook_joining joining);
bool aep__hook_session_begin(struct aep__hook_bridge *bridge, bool inferred, const uint8_t *cause);
/** Ends what is open in it, and itself. */
void aep__hook_session_end(struct aep__hook_bridge *bridge, struct aep__slice reason);
struct aep__hook_turn *aep__hook_turn(struct aep__hook_bridge *bridge,
                                      enum aep__hook_joining joining);
/** @before  the turn that it continues; NULL: none. @cause  NULL: the session */
struct aep__hook_turn *aep__hook_turn_begin(struct aep__hook_bridge *bridge,
                                            struct aep__hook_turn *before, const uint8_t *cause,
                                            bool inferred);
void aep__hook_turn_end(struct aep__hook_bridge *bridge, struct aep__hook_turn *turn,
                        struct aep__hook_end *end);
/** All that are open, with an end that nobody has said. */
void aep__hook_turns_cut_off(struct aep__hook_bridge *bridge, const char *why);
struct aep__hook_sub *aep__hook_sub(struct aep__hook_bridge *bridge, enum aep__hook_joining joining,
                                    bool inferred);
void aep__hook_sub_end(struct aep__hook_bridge *bridge, struct aep__hook_sub *sub,
                       struct aep__hook_end *end);
/** "claude-code", "claude-code:Explore". */
const char *aep__hook_agent_name(const struct aep__hook_bridge *bridge,
                                 const struct aep__hook_sub *sub, char *text, size_t size);
#define AEP__HOOK_NAME_SIZE (AEP__HOOK_TYPE_SIZE + 24)
uint64_t aep__hook_id(struct aep__slice id);

/* ---- tools.c ---- */

/** A step about a tool, or one that waits. */
void aep__hook_tool_step(struct aep__hook_bridge *bridge);
/** Sets the wait of a level that is of no tool, and says so if it is news. */
void aep__hook_wait(struct aep__hook_bridge *bridge, struct aep__hook_level *level,
                    const char *agent_name, enum aep__hook_wait wait);
void aep__hook_notice(struct aep__hook_bridge *bridge);
/** Forgets the tools of a level that has ended. */
void aep__hook_tools_drop(struct aep__hook_state *state, const struct aep__hook_level *level);

/* ---- follow.c, mend.c ---- */

void aep__hook_follow(struct aep__hook_bridge *bridge);
/** Finds out what became of what a killed hook was about to do; and of a session whose process is gone. */
void aep__hook_mend(struct aep__hook_bridge *bridge);

#endif

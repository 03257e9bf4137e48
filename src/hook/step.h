/* SPDX-License-Identifier: Apache-2.0 */
/* One invocation of a hook, read: the same members, whichever agent sent it. */
#ifndef AEP_HOOK_STEP_H
#define AEP_HOOK_STEP_H

#include "hook/agent.h"
#include "hook/input.h"

#define AEP__HOOK_EVENT_SIZE 48

/* What an agent gives to a hook. */
struct aep__hook_call {
    const char *agent;       /* as typed */
    const char *event;       /* the argument behind it; NULL: none */
    struct aep__slice bytes; /* of standard input, or of the last argument */
};

struct aep__hook_step {
    enum aep__hook_agent_id agent;
    char event[AEP__HOOK_EVENT_SIZE];
    enum aep__hook_meaning meaning;
    uint64_t digest;  /* of the bytes */
    bool closes_only; /* a stop that ends what is open, and begins nothing; */
    bool closes_once; /* nor does a second one after it */

    struct aep__slice session, turn, parent; /* ids; without data: none. parent: a session's */
    struct aep__slice sub, sub_type;         /* of the sub-agent that it is of, or about */
    bool in_sub, sub_typed;                  /* sub is given; sub_type is, perhaps empty */

    struct aep__slice source, reason, model, cwd;          /* of a session */
    struct aep__slice prompt;                              /* decoded */
    struct aep__slice result;                              /* the last message */
    struct aep__slice error, error_type;                   /* of a stop, a tool */
    struct aep__slice task_id, task_tokens, task_duration; /* of a task notification's prompt */
    bool task_notification;
    bool children, timers; /* that go on behind a stop */

    struct aep__slice tool, tool_use_id, request_id;
    struct aep__slice tool_input, tool_output; /* raw */
    struct aep__slice launched,
        launched_text;          /* the sub-agent that a tool has started; its description */
    uint64_t tool_key;          /* of its name and input; 0: not known */
    double duration_ms, tokens; /* -1: not known */
    struct aep__slice calls;    /* of TOOL_BATCH, raw */
    struct aep__slice label;    /* of COMPACT, TASK: what for */

    struct aep__hook_object object, inner;
    struct aep__hook_texts texts;
};

/* Before the raw text of an id that is no text: no valid id begins so. */
#define AEP__HOOK_NO_ID '\x01'

/** Reads a call; whatever it is, there is a step. Free it with aep__hook_step_done(). */
void aep__hook_step_read(struct aep__hook_step *step, const struct aep__hook_call *call);
void aep__hook_step_done(struct aep__hook_step *step);
/** What a NOTIFICATION is about: PERMISSION, QUESTION, ANSWER, IDLE or NOTHING. */
enum aep__hook_meaning aep__hook_step_notice(const struct aep__hook_step *step);

#endif

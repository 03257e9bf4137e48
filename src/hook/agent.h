/* SPDX-License-Identifier: Apache-2.0 */
/* The table of coding agents: what each calls its hooks, and what a hook of that name means. A new agent
 * is rows in agent.c, plus what is peculiar to it in reading.c.
 *
 *     aep hook gemini-cli  ─▶ agent ─▶ event "BeforeTool" ─▶ meaning TOOL_START
 */
#ifndef AEP_HOOK_AGENT_H
#define AEP_HOOK_AGENT_H

#include <stdbool.h>
#include <stddef.h>

enum aep__hook_meaning {
    AEP__HOOK_NOTHING, /* nothing is published */
    AEP__HOOK_SESSION_START,
    AEP__HOOK_SESSION_END,
    AEP__HOOK_PROMPT,
    AEP__HOOK_TOOL_START,
    AEP__HOOK_TOOL_END,
    AEP__HOOK_TOOL_ERROR,
    AEP__HOOK_TOOL_DENIED,
    AEP__HOOK_TOOL_BATCH, /* the results of several: what shows that a call was refused */
    AEP__HOOK_PERMISSION,
    AEP__HOOK_QUESTION, /* to the human */
    AEP__HOOK_ANSWER,   /* to a permission or a question */
    AEP__HOOK_NOTIFICATION,
    AEP__HOOK_IDLE, /* the session waits for its human */
    AEP__HOOK_SUB_START,
    AEP__HOOK_SUB_STOP,
    AEP__HOOK_TASK,
    AEP__HOOK_COMPACT,
    AEP__HOOK_STOP,
    AEP__HOOK_STOP_FAILURE,
    AEP__HOOK_INTERRUPT,
    AEP__HOOK_NOTIFY, /* Codex's older program: a stop, if no hook has said it */
    AEP__HOOK_MEANINGS,
};

struct aep__hook_event {
    const char *name;
    enum aep__hook_meaning meaning;
    bool registered; /* `aep hook install` asks for it */
};

enum aep__hook_agent_id {
    AEP__HOOK_CLAUDE_CODE,
    AEP__HOOK_CODEX,
    AEP__HOOK_GEMINI_CLI,
    AEP__HOOK_CURSOR,
    AEP__HOOK_COPILOT_CLI,
    AEP__HOOK_OPENCODE,
    AEP__HOOK_AGENTS,
};

struct aep__hook_agent {
    const char *name;                     /* on the command line, and agent_name on the wire */
    const char *title;                    /* for people */
    const struct aep__hook_event *events; /* ended by a row without a name */
};

extern const struct aep__hook_agent aep__hook_agents[AEP__HOOK_AGENTS];

/** AEP__HOOK_AGENTS: there is none of that name. */
enum aep__hook_agent_id aep__hook_agent_find(const char *name);
/** What its hook of that name means; NOTHING also for one that is not known. */
enum aep__hook_meaning aep__hook_agent_meaning(enum aep__hook_agent_id id, const char *event);

#endif

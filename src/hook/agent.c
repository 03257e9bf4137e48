/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/agent.h"

#include <string.h>

#define ON(event, what)                                                                            \
    {                                                                                              \
        event, AEP__HOOK_##what, true                                                              \
    }
#define OFF(event, what)                                                                           \
    {                                                                                              \
        event, AEP__HOOK_##what, false                                                             \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, AEP__HOOK_NOTHING, false                                                             \
    }

/* Never registered: WorktreeCreate (a hook replaces git's), MessageDisplay (one per chunk), FileChanged. */
static const struct aep__hook_event claude_code[] = {
    ON("SessionStart", SESSION_START),
    ON("SessionEnd", SESSION_END),
    ON("UserPromptSubmit", PROMPT),
    ON("PreToolUse", TOOL_START),
    ON("PostToolUse", TOOL_END),
    ON("PostToolUseFailure", TOOL_ERROR),
    ON("PermissionDenied", TOOL_DENIED),
    ON("PostToolBatch", TOOL_BATCH),
    ON("PermissionRequest", PERMISSION),
    ON("Elicitation", QUESTION),
    ON("ElicitationResult", ANSWER),
    ON("Notification", NOTIFICATION),
    ON("SubagentStart", SUB_START),
    ON("SubagentStop", SUB_STOP),
    ON("TaskCreated", TASK),
    ON("TaskCompleted", TASK),
    ON("PreCompact", COMPACT),
    ON("PostCompact", COMPACT),
    ON("Stop", STOP),
    ON("StopFailure", STOP_FAILURE),
    END,
};

static const struct aep__hook_event codex[] = {
    ON("SessionStart", SESSION_START),
    ON("SessionEnd", SESSION_END),
    ON("UserPromptSubmit", PROMPT),
    ON("PreToolUse", TOOL_START),
    ON("PostToolUse", TOOL_END),
    ON("PermissionRequest", PERMISSION),
    ON("SubagentStart", SUB_START),
    ON("SubagentStop", SUB_STOP),
    ON("PreCompact", COMPACT),
    ON("PostCompact", COMPACT),
    ON("Stop", STOP),
    ON("Interrupt", INTERRUPT),
    OFF("agent-turn-complete", NOTIFY),
    END,
};

/* BeforeModel, AfterModel and BeforeToolSelection come per request and per chunk. */
static const struct aep__hook_event gemini_cli[] = {
    ON("SessionStart", SESSION_START),
    ON("SessionEnd", SESSION_END),
    ON("BeforeAgent", PROMPT),
    ON("AfterAgent", STOP),
    ON("BeforeTool", TOOL_START),
    ON("AfterTool", TOOL_END),
    ON("Notification", NOTIFICATION),
    ON("PreCompress", COMPACT),
    END,
};

/* It also runs Claude Code's hooks, by their names. */
static const struct aep__hook_event cursor[] = {
    ON("sessionStart", SESSION_START),
    ON("sessionEnd", SESSION_END),
    ON("beforeSubmitPrompt", PROMPT),
    ON("preToolUse", TOOL_START),
    ON("postToolUse", TOOL_END),
    ON("postToolUseFailure", TOOL_ERROR),
    ON("subagentStart", SUB_START),
    ON("subagentStop", SUB_STOP),
    ON("preCompact", COMPACT),
    ON("stop", STOP),
    OFF("SessionStart", SESSION_START),
    OFF("SessionEnd", SESSION_END),
    OFF("UserPromptSubmit", PROMPT),
    OFF("PreToolUse", TOOL_START),
    OFF("PostToolUse", TOOL_END),
    OFF("PostToolUseFailure", TOOL_ERROR),
    OFF("SubagentStart", SUB_START),
    OFF("SubagentStop", SUB_STOP),
    OFF("PreCompact", COMPACT),
    OFF("Stop", STOP),
    END,
};

/* preToolUse is not registered: there a hook that fails, or is not found, denies the call. What tells that a
 * tool begins is permissionRequest, which comes before the rules are asked: so nobody waits yet. */
static const struct aep__hook_event copilot_cli[] = {
    ON("sessionStart", SESSION_START),
    ON("sessionEnd", SESSION_END),
    ON("userPromptSubmitted", PROMPT),
    OFF("preToolUse", TOOL_START),
    ON("postToolUse", TOOL_END),
    ON("postToolUseFailure", TOOL_ERROR),
    ON("permissionRequest", TOOL_START),
    ON("notification", NOTIFICATION),
    ON("subagentStart", SUB_START),
    ON("subagentStop", SUB_STOP),
    ON("preCompact", COMPACT),
    ON("agentStop", STOP),
    ON("errorOccurred", STOP_FAILURE),
    OFF("SessionStart", SESSION_START),
    OFF("SessionEnd", SESSION_END),
    OFF("UserPromptSubmit", PROMPT),
    OFF("UserPromptSubmitted", PROMPT),
    OFF("PreToolUse", TOOL_START),
    OFF("PostToolUse", TOOL_END),
    OFF("PostToolUseFailure", TOOL_ERROR),
    OFF("PermissionRequest", TOOL_START),
    OFF("Notification", NOTIFICATION),
    OFF("SubagentStart", SUB_START),
    OFF("SubagentStop", SUB_STOP),
    OFF("PreCompact", COMPACT),
    OFF("AgentStop", STOP),
    OFF("Stop", STOP),
    OFF("ErrorOccurred", STOP_FAILURE),
    END,
};

/* What its plugin passes on; session.status and the parts of a child session are read in reading.c. */
static const struct aep__hook_event opencode[] = {
    ON("session.created", SESSION_START),
    ON("session.deleted", SESSION_END),
    ON("session.status", PROMPT),
    ON("session.idle", STOP),
    ON("session.error", STOP_FAILURE),
    ON("session.compacted", COMPACT),
    ON("permission.asked", PERMISSION),
    ON("permission.replied", ANSWER),
    ON("tool.execute.before", TOOL_START),
    ON("tool.execute.after", TOOL_END),
    END,
};

const struct aep__hook_agent aep__hook_agents[AEP__HOOK_AGENTS] = {
    [AEP__HOOK_CLAUDE_CODE] = {"claude-code", "Claude Code", claude_code},
    [AEP__HOOK_CODEX] = {"codex", "Codex", codex},
    [AEP__HOOK_GEMINI_CLI] = {"gemini-cli", "Gemini CLI", gemini_cli},
    [AEP__HOOK_CURSOR] = {"cursor", "Cursor", cursor},
    [AEP__HOOK_COPILOT_CLI] = {"copilot-cli", "Copilot CLI", copilot_cli},
    [AEP__HOOK_OPENCODE] = {"opencode", "opencode", opencode},
};

enum aep__hook_agent_id aep__hook_agent_find(const char *name)
{
    int id = 0;
    while (id < AEP__HOOK_AGENTS && strcmp(aep__hook_agents[id].name, name) != 0)
        id++;
    return (enum aep__hook_agent_id)id;
}

enum aep__hook_meaning aep__hook_agent_meaning(enum aep__hook_agent_id id, const char *event)
{
    for (const struct aep__hook_event *row = aep__hook_agents[id].events; row->name; row++)
        if (strcmp(row->name, event) == 0)
            return row->meaning;
    return AEP__HOOK_NOTHING;
}

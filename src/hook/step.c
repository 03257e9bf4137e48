/* SPDX-License-Identifier: Apache-2.0 */
/* The members by their names, in three layers: what agents call things (a table, since most agree), what one
 * agent says in its own way (a function each), what follows from both. */
#include "hook/step.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

#define NAMES 4

static bool is(struct aep__slice text, const char *word)
{
    return text.data && text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static bool begins(struct aep__slice text, const char *word)
{
    size_t len = strlen(word);
    return text.len >= len && memcmp(text.data, word, len) == 0;
}

static struct aep__slice take(struct aep__hook_step *step, const char *name)
{
    return aep__hook_text(&step->object, name, &step->texts);
}

/* ---- names that several agents use ---- */

struct member {
    size_t offset; /* in the step */
    const char *names[NAMES];
};

#define TEXT(member) offsetof(struct aep__hook_step, member)

static const struct member text_members[] = {
    {TEXT(session), {"session_id", "sessionId", "conversation_id", "thread-id"}},
    {TEXT(turn), {"prompt_id", "turn_id", "turn-id"}},
    {TEXT(cwd), {"cwd"}},
    {TEXT(source), {"source"}},
    {TEXT(reason), {"reason"}},
    {TEXT(model), {"model"}},
    {TEXT(prompt), {"prompt"}},
    {TEXT(result),
     {"last_assistant_message", "last-assistant-message", "prompt_response", "summary"}},
    {TEXT(sub), {"agent_id", "subagent_id", "agentId"}},
    {TEXT(sub_type), {"agent_type", "subagent_type", "agentName", "agentType"}},
    {TEXT(tool), {"tool_name", "toolName", "tool"}},
    {TEXT(tool_use_id), {"tool_use_id", "callID"}},
    {TEXT(request_id), {"elicitation_id", "requestID"}},
    {TEXT(error), {"error", "error_message", "error_details"}},
    {TEXT(label), {"trigger", "task_subject"}},
};

static const struct member raw_members[] = {
    {TEXT(tool_input), {"tool_input", "toolInput", "toolArgs", "args"}},
    {TEXT(tool_output), {"tool_response", "tool_output", "toolResult", "output"}},
    {TEXT(calls), {"tool_calls"}},
};

static struct aep__slice *place(struct aep__hook_step *step, size_t offset)
{
    return (struct aep__slice *)(void *)((char *)step + offset);
}

static void read_members(struct aep__hook_step *step)
{
    for (size_t i = 0; i < sizeof text_members / sizeof *text_members; i++) {
        struct aep__slice *to = place(step, text_members[i].offset);
        for (int n = 0; n < NAMES && text_members[i].names[n] && !to->data; n++)
            *to = take(step, text_members[i].names[n]);
    }
    for (size_t i = 0; i < sizeof raw_members / sizeof *raw_members; i++) {
        struct aep__slice *to = place(step, raw_members[i].offset);
        for (int n = 0; n < NAMES && raw_members[i].names[n] && !to->data; n++)
            *to = aep__hook_raw(&step->object, raw_members[i].names[n]);
    }
    step->in_sub = step->sub.len > 0;
    step->sub_typed = step->sub_type.data != NULL;
    step->duration_ms = aep__hook_number(&step->object, "duration_ms");
    if (step->duration_ms < 0)
        step->duration_ms = aep__hook_number(&step->object, "duration");
}

/* ---- what several say in the same way ---- */

struct notice {
    const char *type;
    enum aep__hook_meaning meaning;
};

static const struct notice notices[] = {
    {"permission_prompt", AEP__HOOK_PERMISSION},
    {"worker_permission_prompt", AEP__HOOK_PERMISSION},
    {"ToolPermission", AEP__HOOK_PERMISSION},
    {"elicitation_dialog", AEP__HOOK_QUESTION},
    {"elicitation_url_dialog", AEP__HOOK_QUESTION},
    {"elicitation_complete", AEP__HOOK_ANSWER},
    {"elicitation_response", AEP__HOOK_ANSWER},
    {"idle_prompt", AEP__HOOK_IDLE},
    {"agent_needs_input", AEP__HOOK_IDLE},
    {"agent_idle", AEP__HOOK_IDLE},
};

/* Its meaning stays NOTIFICATION, which begins nothing, and label says what it is about. */
static void read_notification(struct aep__hook_step *step)
{
    step->label = take(step, "notification_type");
    struct aep__slice message = take(step, "message");
    if (!step->label.data && message.data) /* before there were types */
        step->label = aep__slice_text(memmem(message.data, message.len, "permission", 10)
                                          ? "permission_prompt"
                                          : "idle_prompt");
}

enum aep__hook_meaning aep__hook_step_notice(const struct aep__hook_step *step)
{
    for (size_t i = 0; i < sizeof notices / sizeof *notices; i++)
        if (is(step->label, notices[i].type))
            return notices[i].meaning;
    return AEP__HOOK_NOTHING;
}

/* Tools whose permission is an answer. */
static bool asks_human(struct aep__slice tool)
{
    return is(tool, "AskUserQuestion") || is(tool, "request_user_input");
}

/* The inner text of <tag>…</tag>. */
static struct aep__slice find_tag(struct aep__slice text, const char *tag)
{
    char open[40], close[40];
    int open_len = snprintf(open, sizeof open, "<%s>", tag);
    int close_len = snprintf(close, sizeof close, "</%s>", tag);
    const char *at = memmem(text.data, text.len, open, (size_t)open_len);
    if (!at)
        return (struct aep__slice){0};
    at += open_len;
    size_t left = text.len - (size_t)(at - text.data);
    const char *end = memmem(at, left, close, (size_t)close_len);
    return end ? (struct aep__slice){at, (size_t)(end - at)} : (struct aep__slice){0};
}

/* No human typed it: a task that ran in the background has ended. */
static void read_task_notification(struct aep__hook_step *step)
{
    struct aep__slice all = step->prompt, summary;
    if (!begins(all, "<task-notification>"))
        return;
    step->task_notification = true;
    step->task_id = find_tag(all, "task-id");
    step->task_tokens = find_tag(all, "subagent_tokens");
    step->task_duration = find_tag(all, "duration_ms");
    summary = find_tag(all, "summary");
    step->prompt = summary.len ? summary : aep__slice_text("task notification");
}

/* A string's kind of error, or an object's. */
static void read_error(struct aep__hook_step *step)
{
    struct aep__slice raw = aep__hook_raw(&step->object, "error");
    if (!aep__hook_object_read(&step->inner, raw))
        return;
    step->error = aep__hook_text(&step->inner, "message", &step->texts);
    step->error_type = aep__hook_text(&step->inner, "name", &step->texts);
    if (!step->error_type.data)
        step->error_type = aep__hook_text(&step->inner, "type", &step->texts);
}

static bool runs(struct aep__slice task)
{
    struct aep__hook_object object = {0};
    struct aep__hook_texts texts = {0};
    bool is_object = aep__hook_object_read(&object, task);
    struct aep__slice status = aep__hook_text(&object, "status", &texts);
    bool running = is_object && (!status.data || is(status, "running") || is(status, "pending"));
    aep__hook_object_done(&object);
    aep__hook_texts_done(&texts);
    return running;
}

static void read_background(struct aep__hook_step *step)
{
    const char *at = NULL;
    struct aep__slice task, tasks = aep__hook_raw(&step->object, "background_tasks");
    while (!step->children && aep__hook_element(tasks, &at, &task))
        step->children = runs(task);
    step->timers = !aep__hook_empty(aep__hook_raw(&step->object, "session_crons"));
}

static void read_tool_output(struct aep__hook_step *step)
{
    if (!aep__hook_object_read(&step->inner, step->tool_output))
        return;
    step->launched = aep__hook_text(&step->inner, "agentId", &step->texts);
    step->launched_text = aep__hook_text(&step->inner, "description", &step->texts);
    step->tokens = aep__hook_number(&step->inner, "totalTokens");
}

/* ---- Claude Code ---- */

static void read_claude_code(struct aep__hook_step *step)
{
    if (step->meaning == AEP__HOOK_STOP_FAILURE) {
        step->error_type = step->error;
        step->error = step->result.len ? step->result : take(step, "error_details");
        step->result = (struct aep__slice){0};
    }
}

/* ---- Codex ---- */

static void read_codex(struct aep__hook_step *step)
{
    struct aep__slice type = take(step, "type");
    if (!step->event[0] && is(type, "agent-turn-complete")) {
        snprintf(step->event, sizeof step->event, "notify");
        step->meaning = AEP__HOOK_NOTIFY;
    }
}

/* ---- Gemini CLI ---- */

static void read_gemini_cli(struct aep__hook_step *step)
{
    if (step->meaning != AEP__HOOK_TOOL_END ||
        !aep__hook_object_read(&step->inner, step->tool_output) ||
        !aep__hook_object_read(&step->inner, aep__hook_raw(&step->inner, "error")))
        return;
    step->error = aep__hook_text(&step->inner, "message", &step->texts);
    step->meaning = AEP__HOOK_TOOL_ERROR;
}

/* ---- Cursor ---- */

static void read_cursor(struct aep__hook_step *step)
{
    struct aep__slice generation = take(step, "generation_id"), status = take(step, "status");
    struct aep__slice conversation = take(step, "conversation_id"), roots, root;
    const char *at = NULL;
    if (conversation.len)
        step->session = conversation;
    if (generation.len && !(generation.len == step->session.len &&
                            memcmp(generation.data, step->session.data, generation.len) == 0))
        step->turn = generation; /* the editor's; its command line has none */
    roots = aep__hook_raw(&step->object, "workspace_roots");
    if (step->cwd.len == 0 && aep__hook_element(roots, &at, &root))
        step->cwd = aep__hook_decode(&step->texts, root);
    step->closes_once = true; /* it may run the hooks of two programs */
    if (step->meaning == AEP__HOOK_STOP && is(status, "aborted"))
        step->meaning = AEP__HOOK_INTERRUPT;
    if ((step->meaning == AEP__HOOK_STOP || step->meaning == AEP__HOOK_SUB_STOP) &&
        is(status, "error"))
        step->error_type = status;
    if (step->meaning == AEP__HOOK_STOP && is(status, "error"))
        step->meaning = AEP__HOOK_STOP_FAILURE;
    if (step->meaning == AEP__HOOK_TOOL_ERROR &&
        is(take(step, "failure_type"), "permission_denied"))
        step->meaning = AEP__HOOK_TOOL_DENIED;
}

/* ---- Copilot CLI ---- */

static void read_copilot_cli(struct aep__hook_step *step)
{
    if (step->meaning == AEP__HOOK_STOP_FAILURE) {
        step->closes_only = true;
        struct aep__slice recoverable = take(step, "recoverable");
        if (is(recoverable, "true"))
            step->meaning = AEP__HOOK_NOTHING;
    }
    if (step->meaning == AEP__HOOK_SUB_STOP && !step->result.data)
        step->result = take(step, "response");
    if (step->meaning == AEP__HOOK_TOOL_END &&
        aep__hook_object_read(&step->inner, step->tool_output)) {
        struct aep__slice type = aep__hook_text(&step->inner, "resultType", &step->texts);
        if (is(type, "failure") || is(type, "error"))
            step->meaning = AEP__HOOK_TOOL_ERROR;
        if (is(type, "denied") || is(type, "rejected"))
            step->meaning = AEP__HOOK_TOOL_DENIED;
    }
}

/* ---- opencode ---- */

/* What its plugin passes on: {"type": …, "properties": {…}}, and calls {"tool", "sessionID", "callID"}. */
static void open_properties(struct aep__hook_step *step)
{
    struct aep__slice type = take(step, "type");
    struct aep__slice properties = aep__hook_raw(&step->object, "properties");
    if (!step->event[0] && type.data)
        snprintf(step->event, sizeof step->event, "%.*s", (int)type.len, type.data);
    if (aep__hook_object_read(&step->inner, properties)) {
        struct aep__hook_object whole = step->object;
        step->object = step->inner;
        step->inner = whole;
    }
}

static void read_opencode_session(struct aep__hook_step *step)
{
    step->session = take(step, "sessionID");
    if (!aep__hook_object_read(&step->inner, aep__hook_raw(&step->object, "info")))
        return;
    if (!step->session.len)
        step->session = aep__hook_text(&step->inner, "id", &step->texts);
    step->parent = aep__hook_text(&step->inner, "parentID", &step->texts);
    step->cwd = aep__hook_text(&step->inner, "directory", &step->texts);
}

static void read_opencode_status(struct aep__hook_step *step)
{
    struct aep__slice type = {0};
    if (aep__hook_object_read(&step->inner, aep__hook_raw(&step->object, "status")))
        type = aep__hook_text(&step->inner, "type", &step->texts);
    step->meaning = is(type, "busy")   ? AEP__HOOK_PROMPT
                    : is(type, "idle") ? AEP__HOOK_STOP
                                       : AEP__HOOK_NOTHING;
}

static void read_opencode(struct aep__hook_step *step)
{
    read_opencode_session(step);
    if (is(aep__slice_text(step->event), "session.status"))
        read_opencode_status(step);
    step->closes_only = true;
    if (step->meaning == AEP__HOOK_PERMISSION) {
        step->request_id = take(step, "id");
        step->tool = take(step, "permission");
    }
    if (step->meaning == AEP__HOOK_ANSWER && is(take(step, "reply"), "reject"))
        step->reason = aep__slice_text("reject");
    if (step->meaning != AEP__HOOK_STOP_FAILURE)
        return;
    if (is(step->error_type, "MessageAbortedError"))
        step->meaning = AEP__HOOK_INTERRUPT;
    struct aep__slice raw = aep__hook_raw(&step->object, "error"), data;
    if (aep__hook_object_read(&step->inner, raw) &&
        (data = aep__hook_raw(&step->inner, "data")).len &&
        aep__hook_object_read(&step->inner, data))
        step->error = aep__hook_text(&step->inner, "message", &step->texts);
}

/* ---- all ---- */

/* An id of another type stands for itself all the same. */
static void read_strange_id(struct aep__hook_step *step)
{
    static const char *const names[] = {"session_id", "sessionId", "conversation_id"};
    struct aep__slice raw = {0};
    for (int i = 0; i < 3 && !raw.len; i++)
        raw = aep__hook_raw(&step->object, names[i]);
    if (step->session.len > 0 || raw.len == 0 || is(raw, "null"))
        return;
    char *text = aep__hook_texts_new(&step->texts, raw.len + 1);
    if (!text)
        return;
    text[0] = AEP__HOOK_NO_ID;
    memcpy(text + 1, raw.data, raw.len);
    step->session = (struct aep__slice){text, raw.len + 1};
}

static void (*const readers[AEP__HOOK_AGENTS])(struct aep__hook_step *) = {
    [AEP__HOOK_CLAUDE_CODE] = read_claude_code, [AEP__HOOK_CODEX] = read_codex,
    [AEP__HOOK_GEMINI_CLI] = read_gemini_cli,   [AEP__HOOK_CURSOR] = read_cursor,
    [AEP__HOOK_COPILOT_CLI] = read_copilot_cli, [AEP__HOOK_OPENCODE] = read_opencode,
};

/* The input's own name wins; the command line's is for those that have none. */
static void read_event(struct aep__hook_step *step, const struct aep__hook_call *call)
{
    struct aep__slice name = take(step, "hook_event_name");
    if (name.len)
        snprintf(step->event, sizeof step->event, "%.*s", (int)(name.len < 99 ? name.len : 99),
                 name.data);
    else if (call->event)
        snprintf(step->event, sizeof step->event, "%s", call->event);
}

/* Inside a sub-agent a prompt is what it was given, and an end is its own. */
static void read_inside(struct aep__hook_step *step)
{
    if (!step->in_sub)
        return;
    if (step->meaning == AEP__HOOK_PROMPT)
        step->meaning = AEP__HOOK_SUB_START;
    if (step->meaning == AEP__HOOK_STOP || step->meaning == AEP__HOOK_STOP_FAILURE)
        step->meaning = AEP__HOOK_SUB_STOP;
}

/* What tells a tool's calls apart. Codex adds a member to the input when it asks for permission. */
static struct aep__slice find_key(struct aep__hook_step *step)
{
    struct aep__slice command = {0};
    if (step->agent == AEP__HOOK_CODEX && aep__hook_object_read(&step->inner, step->tool_input))
        command = aep__hook_raw(&step->inner, "command");
    return command.len ? command : step->tool_input;
}

static void read_tool(struct aep__hook_step *step)
{
    if (step->meaning == AEP__HOOK_PERMISSION && asks_human(step->tool))
        step->meaning = AEP__HOOK_QUESTION;
    read_tool_output(step);
    if (step->tool.len && step->tool_input.len)
        step->tool_key =
            aep__hook_hash_value(find_key(step), &step->texts, aep__hook_hash_text(step->tool, 0));
    else if (step->tool.len)
        step->tool_key = aep__hook_hash_text(step->tool, 1);
}

void aep__hook_step_read(struct aep__hook_step *step, const struct aep__hook_call *call)
{
    uint8_t digest[16];
    *step = (struct aep__hook_step){
        .agent = aep__hook_agent_find(call->agent), .duration_ms = -1, .tokens = -1};
    aep__digest128(call->bytes.data, call->bytes.len, digest);
    memcpy(&step->digest, digest, sizeof step->digest);
    if (step->agent == AEP__HOOK_AGENTS)
        return;
    aep__hook_object_read(&step->object, call->bytes);
    if (step->agent == AEP__HOOK_CLAUDE_CODE && take(step, "cursor_version").data)
        step->agent = AEP__HOOK_CURSOR;
    read_event(step, call);
    if (step->agent == AEP__HOOK_OPENCODE)
        open_properties(step);
    step->meaning = aep__hook_agent_meaning(step->agent, step->event);
    read_members(step);
    read_error(step);
    readers[step->agent](step);
    read_inside(step);
    read_strange_id(step);
    if (step->meaning == AEP__HOOK_NOTIFICATION)
        read_notification(step);
    if (step->meaning == AEP__HOOK_PROMPT)
        read_task_notification(step);
    if (step->meaning == AEP__HOOK_STOP || step->meaning == AEP__HOOK_STOP_FAILURE)
        read_background(step);
    read_tool(step);
}

void aep__hook_step_done(struct aep__hook_step *step)
{
    aep__hook_object_done(&step->object);
    aep__hook_object_done(&step->inner);
    aep__hook_texts_done(&step->texts);
}

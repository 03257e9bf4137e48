/* SPDX-License-Identifier: Apache-2.0 */
/* aep hook replay: what an agent gave to its hooks, once more, to see what comes of it.
 *
 *     FILE ─ a line each ─▶ src/hook, with a process of ours in the place of the agent's
 *
 * That process ends with the replay, and so does what is still open. */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/error.h"
#include "hook/hook.h"
#include "hook_replay.h"
#include "input.h"
#include "out.h"

struct replay {
    struct aep__hook_host host;
    const char *agent; /* of lines that name none */
    pid_t stand_in;
    unsigned hooks, skipped;
};

/* ---- in the place of the agent ---- */

static void end_agent(struct replay *replay)
{
    if (replay->stand_in <= 0)
        return;
    kill(replay->stand_in, SIGKILL);
    waitpid(replay->stand_in, NULL, 0);
    replay->stand_in = 0;
}

static void begin_agent(struct replay *replay)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() == parent)
            pause();
        _exit(0);
    }
    replay->stand_in = pid;
    replay->host.owner_known = pid > 0 && aep__os_process_of(pid, &replay->host.owner);
}

/* ---- a line ---- */

static int base64_value(char c)
{
    if (aep__is_upper(c))
        return c - 'A';
    if (aep__is_lower(c))
        return c - 'a' + 26;
    if (aep__is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 §4; what is none of it is left out. */
static void decode_base64(struct aep__slice text, struct aep__buf *out)
{
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.data[i]);
        if (value < 0)
            continue;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            aep__buf_byte(out, (char)(bits >> count));
        }
    }
}

/* What the hook was given; false: it was given nothing. */
static bool read_given(const struct aep__hook_object *line, struct aep__hook_texts *texts,
                       struct aep__buf *buf, struct aep__hook_call *call)
{
    struct aep__slice *ret = &call->bytes;
    static const char *const raw[] = {"stdin", "argv_json"}, *const text[] = {"stdin_text",
                                                                              "argv_text"};
    for (int i = 0; i < 2; i++) {
        *ret = aep__hook_raw(line, raw[i]);
        if (!ret->data)
            *ret = aep__hook_text(line, text[i], texts);
        if (ret->data && i == 1)
            call->event = NULL; /* the argument was JSON */
        if (ret->data)
            return true;
    }
    struct aep__slice coded = aep__hook_text(line, "stdin_b64", texts);
    decode_base64(coded, buf);
    *ret = (struct aep__slice){buf->data ? buf->data : "", buf->len};
    return coded.data != NULL;
}

static bool equals(struct aep__slice text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static void copy_text(struct aep__slice text, char *to, size_t size)
{
    size_t len = text.len < size ? text.len : size - 1;
    if (len)
        memcpy(to, text.data, len);
    to[len] = '\0';
}

static void replay_line(struct replay *replay, struct aep__slice text)
{
    struct aep__hook_object line = {0};
    struct aep__hook_texts texts = {0};
    struct aep__buf buf = {0};
    char name[64], event[64];
    aep__hook_object_read(&line, text);
    struct aep__slice hook = aep__hook_text(&line, "hook", &texts);
    struct aep__slice called = aep__hook_text(&line, "called_as", &texts);
    struct aep__hook_call call = {.agent = replay->agent, .event = event};
    copy_text(hook, event, sizeof event);
    copy_text(called, name, sizeof name);
    if (called.len)
        call.agent = name;
    if (equals(hook, "@process_gone")) {
        end_agent(replay);
        begin_agent(replay);
    } else if (read_given(&line, &texts, &buf, &call)) {
        aep__hook_host_take(&replay->host, &call);
        replay->hooks++;
    } else if (!equals(hook, "@note") && text.len > 0) {
        replay->skipped++;
    }
    aep__buf_done(&buf);
    aep__hook_texts_done(&texts);
    aep__hook_object_done(&line);
}

static void replay_lines(struct replay *replay, struct aep__slice all)
{
    const char *at = all.data, *end = at + all.len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *behind = newline ? newline : end;
        replay_line(replay, (struct aep__slice){at, (size_t)(behind - at)});
        at = behind + 1;
    }
}

/* ---- the verb ---- */

/* The agent that is given, else the name of the file's folder, as in tests/hook/vectors. */
static enum aep__hook_agent_id find_agent(const struct aep__args *args)
{
    char folder[256] = "";
    const char *given = aep__args_text(args, "agent"), *file = args->operands[0];
    const char *slash = strrchr(file, '/'), *before = slash;
    while (before && before > file && before[-1] != '/')
        before--;
    if (slash)
        copy_text((struct aep__slice){before, (size_t)(slash - before)}, folder, sizeof folder);
    return aep__hook_agent_find(given ? given : folder);
}

static int report(const struct replay *replay)
{
    struct aep__buf text = {0};
    aep__buf_format(&text, "%u hooks replayed, %u lines without an input\n%s\n", replay->hooks,
                    replay->skipped, aep_publisher_spool_dir(replay->host.pub));
    return aep__out_finish(&text);
}

static int replay_file(struct replay *replay, const struct aep__args *args, aep_error *err)
{
    struct aep__buf buf = {0};
    struct aep__slice all;
    aep_config *config = NULL;
    int code = aep__input_read(args->operands[0], &buf, err);
    if (code == AEP_OK)
        code = aep__args_config(args, &config, err);
    if (code == AEP_OK)
        aep__hook_host_open(&replay->host, config);
    if (code == AEP_OK && !replay->host.pub)
        code = aep__error(err, replay->host.problem.code, NULL, "%s", replay->host.problem.text);
    if (code == AEP_OK) {
        all = (struct aep__slice){buf.data ? buf.data : "", buf.len};
        begin_agent(replay);
        replay_lines(replay, all);
        end_agent(replay);
    }
    aep_config_free(config);
    aep__buf_done(&buf);
    return code;
}

int aep__hook_replay(struct aep__args *args)
{
    aep_error err;
    enum aep__hook_agent_id id = find_agent(args);
    if (id == AEP__HOOK_AGENTS) {
        aep__error(&err, AEP_EINVAL, "agent",
                   "whose hooks these are is not known: give --agent NAME");
        return aep__out_error(&err);
    }
    struct replay replay = {.agent = aep__hook_agents[id].name};
    int code = replay_file(&replay, args, &err);
    int status = code == AEP_OK ? report(&replay) : aep__out_error(&err);
    if (code == AEP_OK)
        aep__hook_host_close(&replay.host);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* aep hook AGENT [EVENT]: what a coding agent runs at each step of its work. Whatever happens, it ends with
 * status 0 and without a word: to an agent anything else means something.
 *
 *     standard input, to its end ──┐
 *     or the last argument (Codex) ┴─▶ src/hook ─▶ spool */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "hook/hook.h"
#include "hook_replay.h"
#include "options.h"
#include "verbs.h"

#define INPUT_MAX ((size_t)32 << 20) /* what is beyond is read, and left */

/* A fault of ours, or a file that is cut while it is mapped, is no business of the agent. */
static void give_up(int signal)
{
    (void)signal;
    _exit(AEP__EXIT_DONE);
}

static void guard(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXFSZ, SIGPIPE};
    const struct sigaction action = {.sa_handler = give_up};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
}

/* An early close would be an error (EPIPE) of the agent. */
static void read_all(int fd, struct aep__buf *out)
{
    static char rest[65536];
    for (;;) {
        bool keeps = out->len < INPUT_MAX && aep__buf_reserve(out, sizeof rest);
        ssize_t n = read(fd, keeps ? out->data + out->len : rest, sizeof rest);
        if (n > 0 && keeps)
            out->len += (size_t)n;
        if (n == 0 || (n < 0 && errno != EINTR))
            return;
    }
}

/* Codex's older program gets its JSON as the last argument, and no input. */
static bool is_json(const char *word)
{
    return word && word[strspn(word, " \t\r\n\xEF\xBB\xBF")] == '{';
}

static int run_hook(char **argv)
{
    struct aep__hook_host host;
    struct aep__buf input = {0};
    struct aep__hook_call call = {.agent = argv[0]};
    const char *last = argv[1] && argv[2] ? argv[2] : argv[1];
    guard();
    if (is_json(last)) {
        call.bytes = aep__slice_text(last);
    } else {
        call.event = argv[1];
        read_all(STDIN_FILENO, &input);
        call.bytes = (struct aep__slice){input.data ? input.data : "", input.len};
    }
    aep__hook_host_open(&host, aep_config_new());
    aep__hook_host_take(&host, &call);
    _exit(AEP__EXIT_DONE); /* without a publisher's farewell: the relay syncs, and nothing waits */
}

/* ---- replay ---- */

static const struct aep__flag replay_options[] = {
    {"agent", 0, AEP__ARGUMENT_VALUE, "NAME",
     "Whose hooks these are, where the lines do not say it (called_as). Default: the name of the "
     "file's folder.",
     "claude-code codex gemini-cli cursor copilot-cli opencode", NULL, NULL},
    {"spool", 0, AEP__ARGUMENT_VALUE, "DIR",
     "The spool to publish to, made if it is not there; default: the configured one.", "FILE", NULL,
     NULL},
    AEP__OPTIONS_END,
};

static const struct aep__verb replay = {
    .name = "replay",
    .summary = "publishes what recorded hooks say, once more",
    .usage = "[--agent NAME] [--spool DIR] FILE",
    .description =
        "FILE (- is stdin) has a line of JSON for each hook: \"hook\" is its name, \"stdin\" the object "
        "that it was given; or stdin_text, stdin_b64 (any bytes), argv_json (Codex's notify). Another "
        "process stands for the agent's: it ends with the replay, or at a line whose hook is "
        "@process_gone, and what is open then is ended as for an agent that was killed. With --spool, "
        "the events go to a spool of their own.",
    .examples = "  aep hook replay --agent codex --spool /tmp/look recorded.jsonl\n"
                "  aep tail -n all --spool /tmp/look",
    .options = replay_options,
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .run = aep__hook_replay,
};

static const struct aep__verb *const actions[] = {
    &aep__verb_hook_install, &aep__verb_hook_uninstall, &aep__verb_hook_status, &replay, NULL};

const struct aep__verb aep__verb_hook = {
    .name = "hook",
    .summary = "follows coding agents: their hooks run it; puts these into their settings",
    .usage = "AGENT [EVENT]\n"
             "install [--dry-run] [AGENT]...\n"
             "uninstall [--dry-run] [AGENT]...\n"
             "status [--json] [AGENT]...\n"
             "replay [--agent NAME] [--spool DIR] FILE",
    .description =
        "AGENT is claude-code, codex, gemini-cli, cursor, copilot-cli or opencode. The agent runs this "
        "command at each step of its work and gives it JSON on standard input; aep publishes its "
        "sessions, turns, sub-agents and tools. Without any configuration it publishes in local mode.\n\n"
        "Whatever happens, the command says nothing and its exit status is 0. What went wrong is "
        "counted, and a line of it is in hooks.log in the spool's folder. EVENT names the step where "
        "the input does not (Copilot CLI).",
    .actions = actions,
    .otherwise = run_hook,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Times the process that an agent runs for each of its hooks, from before the spawn until it has been
 * reaped, beside a program that does nothing.
 *
 *     bench_hook AEP COUNT SESSIONS CROWD
 *
 * Opens SESSIONS sessions, then runs COUNT hooks of each kind in turn with /bin/true; then CROWD hooks of as many
 * sessions at once, beside as many of that. */
#include "measure.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_BYTES 1024

extern char **environ;

static const char *aep;

enum kind { SESSION, PROMPT, TOOL, TOOL_END, KINDS };
static const struct {
    const char *name, *event, *members;
} kinds[KINDS] = {
    {"session", "SessionStart", "\"source\":\"startup\""},
    {"prompt", "UserPromptSubmit", "\"prompt\":\"Run the checks and fix what is wrong.\""},
    {"tool", "PreToolUse", "\"tool_name\":\"Bash\",\"tool_input\":{\"command\":\"make check\"}"},
    {"tool_end", "PostToolUse",
     "\"tool_name\":\"Bash\",\"tool_input\":{\"command\":\"make check\"},"
     "\"tool_response\":{\"stdout\":\"42 passed\"},\"duration_ms\":3170"},
};

static pid_t spawn(char *const words[], const char *input)
{
    pid_t pid;
    int ends[2];
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) < 0 ||
        write(ends[1], input, strlen(input)) != (ssize_t)strlen(input))
        bench_die("no pipe");
    close(ends[1]);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
    if (posix_spawn(&pid, words[0], &actions, NULL, words, environ) != 0)
        bench_die("cannot run %s", words[0]);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    return pid;
}

static pid_t spawn_hook(enum kind kind, size_t session, size_t number)
{
    char input[INPUT_BYTES];
    char *words[] = {(char *)aep, "hook", "claude-code", NULL};
    snprintf(input, sizeof input,
             "{\"session_id\":\"s-%zu\",\"cwd\":\"/home/mira/work/ledger\",\"prompt_id\":\"t-%zu\","
             "\"hook_event_name\":\"%s\",%s,\"tool_use_id\":\"u-%zu\"}\n",
             session, kind == PROMPT ? number : session, kinds[kind].event, kinds[kind].members,
             number);
    return spawn(words, input);
}

static void reap(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        bench_die("a process failed");
}

static int64_t time_one(pid_t pid, int64_t begun)
{
    reap(pid);
    return bench_now_ns() - begun;
}

/* A hook of each kind, of a session after the other. */
static void run_in_turn(size_t count, size_t sessions)
{
    struct samples nothing = bench_samples(count), samples[KINDS];
    char *words[] = {"/bin/true", NULL};
    for (int kind = PROMPT; kind < KINDS; kind++)
        samples[kind] = bench_samples(count);
    for (size_t i = 0; i < count; i++) {
        int64_t begun = bench_now_ns();
        nothing.ns[i] = time_one(spawn(words, ""), begun);
        for (int kind = TOOL; kind < KINDS; kind++) {
            begun = bench_now_ns();
            samples[kind].ns[i] = time_one(spawn_hook((enum kind)kind, i % sessions, i), begun);
        }
    }
    for (size_t i = 0; i < count; i++) {
        int64_t begun = bench_now_ns();
        samples[PROMPT].ns[i] = time_one(spawn_hook(PROMPT, i % sessions, sessions + i), begun);
    }
    bench_print("true", nothing);
    for (int kind = PROMPT; kind < KINDS; kind++)
        bench_print(kinds[kind].name, samples[kind]);
}

/* @hooks  false: as many that do nothing */
static void run_at_once(const char *name, size_t crowd, bool hooks)
{
    char *words[] = {"/bin/true", NULL};
    struct samples samples = bench_samples(crowd);
    pid_t *pids = calloc(crowd, sizeof *pids);
    int64_t *begun = calloc(crowd, sizeof *begun);
    for (size_t i = 0; i < crowd; i++) {
        begun[i] = bench_now_ns();
        pids[i] = hooks ? spawn_hook(TOOL, i, 1000000 + i) : spawn(words, "");
    }
    for (size_t left = crowd; left > 0; left--) {
        pid_t pid = wait(NULL);
        size_t i = 0;
        while (i < crowd && pids[i] != pid)
            i++;
        if (i == crowd)
            bench_die("a process that is not ours");
        samples.ns[i] = bench_now_ns() - begun[i];
    }
    free(pids);
    free(begun);
    bench_print(name, samples);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        bench_die("usage: bench_hook AEP COUNT SESSIONS CROWD");
    aep = argv[1];
    size_t count = strtoul(argv[2], NULL, 10), sessions = strtoul(argv[3], NULL, 10);
    size_t crowd = strtoul(argv[4], NULL, 10);
    if (count == 0 || sessions == 0)
        bench_die("nothing to measure");
    for (size_t i = 0; i < sessions; i++) {
        reap(spawn_hook(SESSION, i, 0));
        reap(spawn_hook(PROMPT, i, i));
    }
    bench_sleep_until(bench_now_ns() + 1000000000); /* the relay has seen them all */
    run_in_turn(count, sessions);
    if (crowd) {
        run_at_once("crowd_true", crowd, false);
        run_at_once("crowd", crowd, true);
    }
    return 0;
}

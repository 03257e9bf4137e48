/* SPDX-License-Identifier: Apache-2.0 */
/* aep run: any command as a tracked execution.
 *
 *     started ──▶ command, with the ids in its environment ──▶ completed │ failed ──▶ end as it did
 *
 * Tracking never gets in the command's way: if it fails, that is reported on stderr and the command
 * runs anyway, except with --strict. A command that runs `aep run` or `aep publish` itself
 * continues this execution: they take their ids from the environment. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "input.h"
#include "options.h"
#include "out.h"
#include "session.h"
#include "trouble.h"
#include "verbs.h"

#include "base/error.h"
#include "base/json.h"
#include "event/redact.h"
#include "event/secret_value.h"

#define EXIT_NOT_TRACKED 125 /* --strict, and tracking cannot be set up */
#define EXIT_CANNOT_RUN 126
#define EXIT_NOT_FOUND 127

/* A command line can be megabytes; an event cannot. */
#define ARGUMENTS_BYTES 65536u
#define REQUEST_BYTES 4096u

struct tracked {
    const struct aep__args *args;
    struct aep__session session;
    aep_execution *execution; /* NULL: not tracked */
    struct aep__redactor *redactor;
    struct aep__buf argv, request, context, input;
    aep_error err;
};

/* ---- the started event ------------------------------------------------------------ */

/* What replaces an argument that follows one such as --password; NULL: it is not a secret. The
 * library's redaction cannot tell where an argument ends once the command line is one text. */
static const char *find_secret(const struct tracked *tracked, const char *before)
{
    if (!before || before[0] != '-' || strchr(before, '=') || !tracked->redactor)
        return NULL;
    before += strspn(before, "-");
    const struct aep__secret *secret = aep__redact_name(tracked->redactor, before, strlen(before));
    return secret ? secret->kind : NULL;
}

/* Fills argv (a JSON array) and request (the command line as text), both bounded. */
static void describe_command(struct tracked *tracked, char *const argv[])
{
    struct aep__buf *array = &tracked->argv, *line = &tracked->request, mark = {0};
    aep__buf_byte(array, '[');
    for (size_t i = 0; argv[i] && array->len < ARGUMENTS_BYTES; i++) {
        const char *word = argv[i], *kind = i ? find_secret(tracked, argv[i - 1]) : NULL;
        aep__buf_clear(&mark);
        if (kind) {
            aep__secret_mark(&mark, kind);
            word = aep__buf_string(&mark);
        }
        aep__buf_text(array, i ? "," : "");
        aep__json_add_string(array, word, strnlen(word, ARGUMENTS_BYTES));
        if (line->len < REQUEST_BYTES)
            aep__buf_format(line, "%s%.*s", i ? " " : "", (int)REQUEST_BYTES, word);
    }
    aep__buf_byte(array, ']');
    aep__buf_done(&mark);
}

/* Adds "name": to the context's members unless the caller's context has that name. */
static bool begin_member(struct aep__buf *context, const char *callers, const char *name)
{
    struct aep__json json = {0};
    struct aep__buf scratch = {0};
    bool taken = false;
    aep__json_begin(&json, callers, strlen(callers), AEP__JSON_DEPTH, false);
    enum aep__json_token token;
    while (!taken && (token = aep__json_next(&json)) > AEP__JSON_END) {
        struct aep__slice text = {NULL, 0};
        if (token == AEP__JSON_NAME && json.depth == 1)
            text = aep__json_decode(json.token, &scratch, NULL);
        taken = text.len == strlen(name) && memcmp(text.data, name, text.len) == 0;
    }
    aep__json_done(&json);
    aep__buf_done(&scratch);
    if (!taken)
        aep__buf_format(context, "%s\"%s\":", context->data[context->len - 1] == '{' ? "" : ",",
                        name);
    return !taken;
}

/* The caller's context with ours after it. If it is not an object, the library refuses it and names
 * the position. */
static const char *make_context(struct tracked *tracked, const char *callers, char *const argv[])
{
    struct aep__buf *out = &tracked->context;
    size_t len = strlen(callers);
    while (len > 0 && strchr(" \t\r\n", callers[len - 1]))
        len--;
    if (len < 2 || callers[strspn(callers, " \t\r\n")] != '{' || callers[len - 1] != '}')
        return callers;
    while (strchr(" \t\r\n", callers[len - 2]))
        len--;
    aep__buf_add(out, callers, len - 1);
    const char *slash = strrchr(argv[0], '/'), *base = slash ? slash + 1 : argv[0];
    if (begin_member(out, callers, "command"))
        aep__json_add_string(out, base, strlen(base));
    bool arguments = aep__config_bool(tracked->session.config, AEP__OPT_CAPTURE_REQUEST);
    if (arguments && begin_member(out, callers, "argv"))
        aep__buf_add(out, tracked->argv.data, tracked->argv.len);
    char *folder = getcwd(NULL, 0);
    if (folder && begin_member(out, callers, "cwd"))
        aep__json_add_string(out, folder, strlen(folder));
    free(folder);
    aep__buf_byte(out, '}');
    return aep__buf_string(out);
}

static int publish_started(struct tracked *tracked, char *const argv[])
{
    const struct aep__args *args = tracked->args;
    const char *request = aep__args_text(args, "user_request");
    const char *context = aep__args_text(args, "context");
    describe_command(tracked, argv);
    int code = aep__input_value("context", context ? context : "{}", &tracked->input, &context,
                                &tracked->err);
    if (code != AEP_OK)
        return code;
    return aep_execution_start(
        tracked->session.publisher,
        AEP_STARTED(.agent_name = aep__args_text(args, "agent_name"),
                    .user_request = request ? request : aep__buf_string(&tracked->request),
                    .correlation_id = aep__session_id(args, "correlation_id"),
                    .session_id = aep__session_id(args, "session_id"),
                    .context = make_context(tracked, context, argv),
                    .causation_id = aep__session_id(args, "causation_id"),
                    .traceparent = aep__args_text(args, "traceparent"),
                    .tracestate = aep__args_text(args, "tracestate")),
        &tracked->execution, &tracked->err);
}

/* Opens all that tracking needs and publishes the first event. */
static int begin_tracking(struct tracked *tracked, char *const argv[])
{
    int code = aep__session_open(&tracked->session, tracked->args, &tracked->err);
    if (code == AEP_OK && aep__config_bool(tracked->session.config, AEP__OPT_REDACT))
        code = aep__redactor_new(NULL, &tracked->redactor, &tracked->err);
    return code == AEP_OK ? publish_started(tracked, argv) : code;
}

static void end_tracking(struct tracked *tracked)
{
    aep_execution_free(tracked->execution);
    aep__session_close(&tracked->session);
    aep__redactor_free(tracked->redactor);
    aep__buf_done(&tracked->argv);
    aep__buf_done(&tracked->request);
    aep__buf_done(&tracked->context);
    aep__buf_done(&tracked->input);
}

/* ---- the last event --------------------------------------------------------------- */

static int64_t to_ms(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000 + time.tv_usec / 1000;
}

static void describe_usage(const struct aep__child_end *end, char *text, size_t size)
{
    int len = snprintf(text, size, "{");
    if (WIFEXITED(end->status))
        len +=
            snprintf(text + len, size - (size_t)len, "\"exit_code\":%d,", WEXITSTATUS(end->status));
    snprintf(text + len, size - (size_t)len,
             "\"max_rss_kib\":%ld,\"user_cpu_ms\":%lld,\"system_cpu_ms\":%lld}",
             end->usage.ru_maxrss, (long long)to_ms(end->usage.ru_utime),
             (long long)to_ms(end->usage.ru_stime));
}

/* The name, without SIG, of a signal that ends programs; the others are those of real time. */
static const char *signal_name(int number)
{
#define ROW(name) [SIG##name] = #name
    static const char *const names[] = {
        ROW(HUP),  ROW(INT),  ROW(QUIT), ROW(ILL),    ROW(TRAP), ROW(ABRT), ROW(BUS),  ROW(FPE),
        ROW(KILL), ROW(USR1), ROW(SEGV), ROW(USR2),   ROW(PIPE), ROW(ALRM), ROW(TERM), ROW(STKFLT),
        ROW(XCPU), ROW(XFSZ), ROW(PROF), ROW(VTALRM), ROW(POLL), ROW(PWR),  ROW(SYS)};
#undef ROW
    const char *name = number < (int)(sizeof names / sizeof *names) ? names[number] : NULL;
    return name ? name : "RT";
}

static int fail(struct tracked *tracked, const struct aep__child_end *end, const char *usage)
{
    char code[32], message[128], partial[256];
    const char *type = "exit";
    int status = end->status;
    snprintf(code, sizeof code, "EXIT_%d", WEXITSTATUS(status));
    snprintf(message, sizeof message, "the command exited with status %d", WEXITSTATUS(status));
    if (end->exec_error) {
        type = "exec";
        snprintf(code, sizeof code, "EXIT_%d",
                 end->exec_error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
        snprintf(message, sizeof message, "the command could not be run: %s",
                 aep__errno_text(end->exec_error));
    } else if (WIFSIGNALED(status)) {
        const char *name = signal_name(WTERMSIG(status));
        type = "signal";
        snprintf(code, sizeof code, "SIG%s", name);
        snprintf(message, sizeof message, "the command was killed by signal %d (SIG%s)%s",
                 WTERMSIG(status), name, WCOREDUMP(status) ? " and dumped its core" : "");
    }
    snprintf(partial, sizeof partial, "{\"metrics\":%s}", usage);
    return aep_execution_fail(tracked->execution,
                              AEP_FAILED(.error_message = message, .error_code = code,
                                         .error_type = type,
                                         .partial_results = end->exec_error ? NULL : partial),
                              &tracked->err);
}

static void publish_end(struct tracked *tracked, const struct aep__child_end *end)
{
    char usage[192];
    if (!tracked->execution)
        return;
    describe_usage(end, usage, sizeof usage);
    bool done = end->exec_error == 0 && WIFEXITED(end->status) && WEXITSTATUS(end->status) == 0;
    int code = done ? aep_execution_complete(tracked->execution, AEP_COMPLETED(.metrics = usage),
                                             &tracked->err)
                    : fail(tracked, end, usage);
    if (code != AEP_OK)
        aep__out_say("run: the end of this execution was not published: %s", tracked->err.text);
}

/* ---- the verb ------------------------------------------------------------------------------- */

static int status_of(const struct aep__child_end *end)
{
    if (end->exec_error)
        return end->exec_error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
    return WIFSIGNALED(end->status) ? 128 + WTERMSIG(end->status) : WEXITSTATUS(end->status);
}

/* Waits for everything in the spool, including what the command has published: when process 1 of a
 * container ends, the relay ends too. False: no wait was asked for. */
static bool await_delivery(struct tracked *tracked, int wait_ms, const struct aep__child_end *end)
{
    if (!tracked->execution || wait_ms < 0)
        return false;
    aep__child_exit_when_told(status_of(end));
    if (aep__session_deliver(&tracked->session, wait_ms, &tracked->err) != AEP_OK)
        aep__out_say("run: not everything is acknowledged: %s", tracked->err.text);
    return true;
}

static void run_command(struct tracked *tracked, char *const argv[], struct aep__child_end *end)
{
    const aep_execution *execution = tracked->execution;
    const struct aep__args *args = tracked->args;
    const struct aep__child_variable variables[] = {
        {"AEP_CORRELATION_ID", execution ? aep_execution_correlation_id(execution)
                                         : aep__args_text(args, "correlation_id")},
        {"AEP_CAUSATION_ID", execution ? aep_execution_id(execution) : NULL},
        {"AEP_SESSION_ID",
         execution ? aep_execution_session_id(execution) : aep__args_text(args, "session_id")},
        {"AEP_AGENT_NAME", aep__args_text(args, "agent_name")},
        {"TRACEPARENT",
         execution ? aep_execution_traceparent(execution) : aep__args_text(args, "traceparent")},
        {"TRACESTATE", aep__args_text(args, "tracestate")},
        {NULL, NULL},
    };
    aep__child_run(argv, variables, end);
    if (end->exec_error)
        aep__out_say("run: %s: %s", argv[0],
                     end->exec_error == ENOENT ? "command not found"
                                               : aep__errno_text(end->exec_error));
}

static int end_as(const struct aep__child_end *end)
{
    bool killed = !end->exec_error && WIFSIGNALED(end->status);
    return killed ? aep__child_die(WTERMSIG(end->status)) : status_of(end);
}

static int run_run(struct aep__args *args)
{
    struct tracked tracked = {.args = args};
    struct aep__child_end end = {0};
    char *const *argv = args->operands;
    struct sigaction old_pipe;
    int wait_ms = -1;
    if (!aep__args_text(args, "agent_name")) {
        aep__out_say("run: --agent NAME is missing");
        return AEP__EXIT_USAGE;
    }
    if (aep__session_wait_ms(args, &wait_ms, &tracked.err) != AEP_OK)
        return aep__out_error(&tracked.err);
    /* A closed stderr must not end us before the command has begun; the command gets the old
     * SIGPIPE action back. */
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, &old_pipe);
    bool strict = aep__args_given(args, "strict");
    aep__session_check_trace(args);
    if (begin_tracking(&tracked, argv) != AEP_OK) {
        aep__out_say("run: %s: %s", strict ? "not run" : "not tracked", tracked.err.text);
        if (strict) {
            end_tracking(&tracked);
            return EXIT_NOT_TRACKED;
        }
    }
    if (tracked.execution && wait_ms >= 0)
        aep__session_note_dead(&tracked.session);
    sigaction(SIGPIPE, &old_pipe, NULL);
    run_command(&tracked, argv, &end);
    publish_end(&tracked, &end);
    if (!await_delivery(&tracked, wait_ms, &end))
        aep__trouble_hint(&tracked.session, 0);
    end_tracking(&tracked);
    return end_as(&end);
}

static const struct aep__flag options[] = {
    {"agent_name", 0, AEP__ARGUMENT_VALUE, "NAME", "The agent's name. Required.", NULL, NULL, NULL},
    {"agent", 0, AEP__ARGUMENT_VALUE, "NAME", NULL, NULL, "agent_name", NULL},
    {"user_request", 0, AEP__ARGUMENT_VALUE, "TEXT",
     "What it is asked to do. Default: the command line.", NULL, NULL, NULL},
    {"request", 0, AEP__ARGUMENT_VALUE, "TEXT", NULL, NULL, "user_request", NULL},
    {"correlation_id", 0, AEP__ARGUMENT_VALUE, "ID",
     "Default: AEP_CORRELATION_ID of the environment, else a new one.", NULL, NULL, NULL},
    {"session_id", 0, AEP__ARGUMENT_VALUE, "ID",
     "Default: AEP_SESSION_ID of the environment, else a new one.", NULL, NULL, NULL},
    {"causation_id", 0, AEP__ARGUMENT_VALUE, "ID",
     "What caused it. Default: AEP_CAUSATION_ID of the environment.", NULL, NULL, NULL},
    {"context", 0, AEP__ARGUMENT_VALUE, "JSON",
     "An object, or @FILE; command, argv and cwd are added.", NULL, NULL, NULL},
    AEP__TRACE_OPTIONS,
    {"wait", 'w', AEP__ARGUMENT_OPTIONAL, "MS",
     "After the command has ended, waits at most MS milliseconds (default 10000) until Kafka has "
     "acknowledged everything in the spool: for containers, whose end also ends the relay. The "
     "exit status remains the command's; events not acknowledged are reported on stderr. SIGTERM, "
     "SIGINT, SIGHUP and SIGQUIT end the wait.",
     NULL, NULL, NULL},
    {"strict", 0, AEP__ARGUMENT_NONE, NULL,
     "If the execution cannot be tracked, does not run the command and exits with status 125.",
     NULL, NULL, NULL},
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_run = {
    .name = "run",
    .summary = "runs a command as a tracked execution",
    .usage = "--agent NAME [OPTION]... [--] COMMAND [ARGUMENT]...",
    .description =
        "Publishes started, runs the command, publishes completed (exit status 0) or failed. aep "
        "run exits with the command's status; if a signal killed the command, aep run dies of the "
        "same signal. 127: the command was not found; 126: it could not be run.\n\n"
        "The command shares the terminal, descriptors and process group of aep run, which "
        "forwards signals to it. If aep run is killed by SIGKILL, the command keeps running and "
        "its end is not published.\n\n"
        "completed has metrics (exit_code, max_rss_kib, user_cpu_ms, system_cpu_ms) and "
        "duration_ms. failed has error_code EXIT_<status> or the signal's name (SIGKILL), and the "
        "metrics in partial_results. The numbers cover the command and the children it has waited "
        "for.\n\n"
        "aep run sets AEP_CORRELATION_ID, AEP_CAUSATION_ID (the started event's id), "
        "AEP_SESSION_ID, AEP_AGENT_NAME and TRACEPARENT for the command. `aep run` and `aep "
        "publish` within it read them, so an inner execution becomes a child of this one.\n\n"
        "Secrets in arguments are redacted, as is an argument that follows an option with a "
        "secret-looking name (--api-key); with capture.request=off the arguments are left out. If "
        "tracking cannot be set up, aep run warns and runs the command anyway.",
    .examples = "  aep run --agent nightly-backup -- ./backup.sh /srv\n"
                "  aep run --agent reviewer --request \"review PR 7\" -- claude -p \"review PR 7\"",
    .options = options,
    .operands = "COMMAND",
    .operands_min = 1,
    .operands_max = AEP__OPERANDS_ANY,
    .stops_at_operand = true,
    .run = run_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* aep hook status: whether our hooks are in an agent's settings, can run, and have run. */
#include <string.h>

#include "amount.h"
#include "base/clock.h"
#include "base/json.h"
#include "hook_report.h"
#include "out.h"
#include "verbs.h"

#define NAME_WIDTH 12

/* ---- for people ------------------------------------------------------------------------------- */

static void add_plain(struct aep__buf *out, const char *text)
{
    aep__out_plain(out, text, strlen(text));
}

static void add_where(struct aep__hook_report *report, struct aep__buf *out)
{
    if (report->hooks == 0) {
        aep__buf_text(out, report->plugin ? "by its plugin\n" : "not installed\n");
        return;
    }
    aep__buf_format(out, "%s in ", aep__amount_of(report->hooks, "hook").text);
    add_plain(out, report->path);
    aep__buf_format(out, "\n%*s calls ", NAME_WIDTH, "");
    add_plain(out, aep__buf_string(&report->program));
    if (report->version.len > 0)
        aep__buf_format(out, " (%s)", aep__buf_string(&report->version));
    aep__buf_text(out, report->plugin ? "; by its plugin, too\n" : "\n");
}

static struct aep__amount ago(int64_t then_us)
{
    int64_t us = aep__clock_wall_us() - then_us;
    return aep__amount_brief((double)(us > 0 ? us : 0) / 1000);
}

static void add_seen(const struct aep__hook_report *report, struct aep__buf *out)
{
    const struct aep__hook_seen *seen = &report->seen;
    if ((report->hooks > 0 || report->plugin) && seen->seen_us == 0)
        aep__buf_format(out, "%*s no event seen yet\n", NAME_WIDTH, "");
    if (seen->seen_us > 0) {
        aep__buf_format(out, "%*s %s seen, the last %s ago: ", NAME_WIDTH, "",
                        aep__amount_of(seen->count, "event").text, ago(seen->seen_us).text);
        add_plain(out, seen->event);
        aep__buf_byte(out, '\n');
    }
    if (seen->errors > 0) {
        aep__buf_format(out, "%*s %s, the last %s ago: ", NAME_WIDTH, "",
                        aep__amount_of(seen->errors, "error").text, ago(seen->error_us).text);
        add_plain(out, seen->error);
        aep__buf_byte(out, '\n');
    }
}

static void add_faults(const struct aep__buf *faults, struct aep__buf *out)
{
    for (size_t at = 0; at < faults->len;) {
        size_t len =
            (size_t)((char *)memchr(faults->data + at, '\n', faults->len - at) - faults->data) - at;
        aep__buf_format(out, "%*s ! ", NAME_WIDTH, "");
        aep__out_plain(out, faults->data + at, len);
        aep__buf_byte(out, '\n');
        at += len + 1;
    }
}

static void add_text(struct aep__hook_report *report, const struct aep__buf *faults,
                     struct aep__buf *out)
{
    aep__buf_format(out, "%-*s ", NAME_WIDTH, aep__hook_agents[report->id].name);
    if (report->problem.code == AEP_OK)
        add_where(report, out);
    else
        aep__buf_text(out, "not known\n");
    add_faults(faults, out);
    add_seen(report, out);
}

/* ---- for programs ----------------------------------------------------------------------------- */

static void add_member(struct aep__buf *out, const char *name, const char *text)
{
    aep__buf_format(out, ",\"%s\":", name);
    if (*text)
        aep__json_add_string(out, text, strlen(text));
    else
        aep__buf_text(out, "null");
}

static void add_time(struct aep__buf *out, const char *name, int64_t time_us)
{
    char text[AEP__TIME_SIZE] = "";
    if (time_us > 0)
        aep__clock_format(time_us, text);
    add_member(out, name, text);
}

static void add_lines(struct aep__buf *out, const struct aep__buf *lines)
{
    aep__buf_text(out, ",\"faults\":[");
    for (size_t at = 0; at < lines->len;) {
        size_t len =
            (size_t)((char *)memchr(lines->data + at, '\n', lines->len - at) - lines->data) - at;
        aep__buf_text(out, at ? "," : "");
        aep__json_add_string(out, lines->data + at, len);
        at += len + 1;
    }
    aep__buf_byte(out, ']');
}

static void add_json(struct aep__hook_report *report, const struct aep__buf *faults,
                     struct aep__buf *out)
{
    aep__buf_format(out, "{\"agent\":\"%s\",\"installed\":%s", aep__hook_agents[report->id].name,
                    report->problem.code != AEP_OK    ? "null"
                    : report->hooks || report->plugin ? "true"
                                                      : "false");
    add_member(out, "path", report->path);
    aep__buf_format(out, ",\"hooks\":%zu", report->hooks);
    aep__buf_format(out, ",\"plugin\":%s", report->plugin ? "true" : "false");
    add_member(out, "program", aep__buf_string(&report->program));
    add_member(out, "version", aep__buf_string(&report->version));
    aep__buf_format(out, ",\"events\":%llu,\"errors\":%llu", (unsigned long long)report->seen.count,
                    (unsigned long long)report->seen.errors);
    add_time(out, "last_event_at", report->seen.seen_us);
    add_member(out, "last_event", report->seen.event);
    add_time(out, "last_error_at", report->seen.error_us);
    add_member(out, "last_error", report->seen.error);
    add_lines(out, faults);
    aep__buf_text(out, "}\n");
}

/* ---- the verb --------------------------------------------------------------------------------- */

static int run_status(struct aep__args *args)
{
    struct aep__hook_choice choice;
    struct aep__buf out = {0};
    aep_error err;
    bool faulty = false;
    if (aep__hook_choose(args, &choice, &err) != AEP_OK)
        return aep__out_error(&err);
    for (size_t i = 0; i < choice.count; i++) {
        struct aep__hook_report report;
        struct aep__buf faults = {0};
        aep__hook_report_make(&report, choice.ids[i], &choice, args);
        aep__hook_report_faults(&report, &faults);
        (aep__args_given(args, "json") ? add_json : add_text)(&report, &faults, &out);
        faulty = faulty || faults.len > 0;
        aep__buf_done(&faults);
        aep__hook_report_done(&report);
    }
    int status = aep__out_finish(&out);
    return status == AEP__EXIT_DONE && faulty ? AEP__EXIT_FAILED : status;
}

static const struct aep__flag options[] = {
    {"json", 0, AEP__ARGUMENT_NONE, NULL, "Prints one JSON object per line.", NULL, NULL, NULL},
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_hook_status = {
    .name = "status",
    .summary = "shows whether the hooks of coding agents are installed, can run, and have run",
    .usage = "[--json] [AGENT]...",
    .description =
        "Where they are, what they call, which event was the last, errors (their texts are in hooks.log in "
        "the spool's folder), and what keeps an agent from running them: a switch in its settings, an "
        "administrator's policy, trust that was not given, a program that was moved.\n\n"
        "Exit status: 0 nothing keeps them from running; 1 something does; 2 wrong usage.",
    .options = options,
    .operands = AEP__HOOK_OPERANDS,
    .operands_max = AEP__OPERANDS_ANY,
    .run = run_status,
};

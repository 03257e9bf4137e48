/* SPDX-License-Identifier: Apache-2.0 */
#include "hook_report.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hook/setup/setup.h"
#include "hook/setup/switches.h"
#include "hook/setup/version.h"
#include "spools.h"

/* ---- the program that they call --------------------------------------------------------------- */

static bool is_same(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static void judge_program(struct aep__hook_report *report, const char *own)
{
    const char *program = aep__buf_string(&report->program);
    if (*program == '/' && access(program, X_OK) < 0)
        report->program_gone = true;
    else if (is_same(program, own))
        aep__buf_text(&report->version, aep_version());
    else
        aep__version_ask(program, &report->version);
}

/* ---- what came -------------------------------------------------------------------------------- */

static void add_seen(struct aep__hook_report *report, int dir_fd)
{
    struct aep__hook_seen seen, *sum = &report->seen;
    aep__hook_log_read(dir_fd, report->id, &seen);
    sum->count += seen.count;
    sum->errors += seen.errors;
    if (seen.seen_us > sum->seen_us) {
        sum->seen_us = seen.seen_us;
        memcpy(sum->event, seen.event, sizeof sum->event);
    }
    if (seen.error_us > sum->error_us) {
        sum->error_us = seen.error_us;
        memcpy(sum->error, seen.error, sizeof sum->error);
    }
}

static int visit(void *user, struct aep__spool *spool)
{
    add_seen(user, spool->dir_fd);
    return AEP_OK;
}

/* In all spools, since which one a hook takes is for its own environment to say, and in the place for hooks
 * that can use none. */
static void sum_seen(struct aep__hook_report *report, const struct aep__args *args)
{
    aep_error ignored;
    aep__spools_each(args, visit, report, &ignored);
    int fd = aep__hook_log_fallback();
    if (fd >= 0) {
        add_seen(report, fd);
        close(fd);
    }
}

/* ---- all of it -------------------------------------------------------------------------------- */

/* What stands there, compared with what would be installed to call `program`. */
static void look(struct aep__hook_report *report, const char *program)
{
    struct aep__hook_found found;
    bool exists;
    aep__buf_clear(&report->program);
    int code =
        aep__setup_look(report->id, program, report->path, &exists, &found, &report->problem);
    report->problem.code = code;
    report->hooks = found.found;
    report->current = found.current;
    aep__buf_add(&report->program, found.program.data, found.program.len);
    aep__buf_done(&found.program);
}

void aep__hook_report_make(struct aep__hook_report *report, enum aep__hook_agent_id id,
                           const struct aep__hook_choice *choice, const struct aep__args *args)
{
    *report = (struct aep__hook_report){.id = id};
    report->plugin = aep__switches_plugin(id);
    look(report, choice->program);
    if (report->hooks > 0) {
        /* Another aep may do as well: what matters is that it is called as it should be. */
        struct aep__buf program = report->program;
        report->program = (struct aep__buf){0};
        look(report, aep__buf_string(&program));
        aep__buf_done(&program);
        judge_program(report, choice->program);
    }
    if (report->hooks > 0 || report->plugin)
        aep__switches_add(id, report->path, &report->off);
    sum_seen(report, args);
}

void aep__hook_report_done(struct aep__hook_report *report)
{
    aep__buf_done(&report->program);
    aep__buf_done(&report->version);
    aep__buf_done(&report->off);
}

void aep__hook_report_faults(const struct aep__hook_report *report, struct aep__buf *out)
{
    const char *name = aep__hook_agents[report->id].name;
    if (report->problem.code != AEP_OK)
        aep__buf_format(out, "%s\n", report->problem.text);
    if (report->program_gone)
        aep__buf_format(out, "what they call is gone: `aep hook install %s` names this aep\n",
                        name);
    else if (report->hooks > 0 && !report->current)
        aep__buf_format(out,
                        "they are not what this version installs: `aep hook install %s` renews "
                        "them\n",
                        name);
    aep__buf_add(out, report->off.data, report->off.len);
}

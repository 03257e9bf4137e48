/* SPDX-License-Identifier: Apache-2.0 */
/* aep hook install, aep hook uninstall: our hooks in the settings of coding agents. */
#include "hook_setup.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "config/nearest.h"
#include "hook/setup/setup.h"
#include "hook/setup/version.h"
#include "out.h"
#include "verbs.h"

/* ---- which agents ---------------------------------------------------------------------------- */

static int refuse_agent(const char *typed, aep_error *err)
{
    struct aep__nearest nearest = {.wanted = typed};
    for (int id = 0; id < AEP__HOOK_AGENTS; id++)
        aep__nearest_show(&nearest, aep__hook_agents[id].name);
    const char *near = aep__nearest_get(&nearest);
    return near ? aep__error(err, AEP_EINVAL, NULL, "unknown agent \"%s\"; did you mean %s?", typed,
                             near)
                : aep__error(err, AEP_EINVAL, NULL, "unknown agent \"%s\": " AEP__HOOK_OPERANDS,
                             typed);
}

int aep__hook_choose(const struct aep__args *args, struct aep__hook_choice *ret, aep_error *err)
{
    bool chosen[AEP__HOOK_AGENTS] = {false};
    *ret = (struct aep__hook_choice){.count = 0};
    for (size_t i = 0; i < args->operand_count; i++) {
        enum aep__hook_agent_id id = aep__hook_agent_find(args->operands[i]);
        if (id == AEP__HOOK_AGENTS)
            return refuse_agent(args->operands[i], err);
        chosen[id] = true;
    }
    for (int id = 0; id < AEP__HOOK_AGENTS; id++) {
        if (chosen[id] || args->operand_count == 0)
            ret->ids[ret->count++] = (enum aep__hook_agent_id)id;
    }
    return aep__hook_program(ret->program, err);
}

/* ---- install --------------------------------------------------------------------------------- */

/* Refuses an agent that would do harm with what we install. */
static int check_version(enum aep__hook_agent_id id, aep_error *err)
{
    const struct aep__hook_place *place = &aep__hook_places[id];
    struct aep__buf version = {0};
    int code = AEP_OK;
    if (place->oldest && aep__version_ask(place->command, &version) &&
        aep__version_older(aep__buf_string(&version), place->oldest))
        code = aep__error(err, AEP_ESTATE, NULL,
                          "%s %s cannot have these hooks, %s and later can: update it first",
                          aep__hook_agents[id].title, aep__buf_string(&version), place->oldest);
    aep__buf_done(&version);
    return code;
}

/* The file cannot be edited, or not by us: its owner can do it. */
static bool helps_to_paste(int code)
{
    return code == AEP_EINVAL || code == AEP_ESTATE || code == AEP_EIO;
}

static int refuse_install(const struct aep__hook_choice *choice, enum aep__hook_agent_id id,
                          const aep_error *err, bool paste)
{
    struct aep__buf lines = {0};
    aep__out_say("%s: %s", aep__hook_agents[id].name, err->text);
    if (!paste || !helps_to_paste(err->code))
        return AEP__EXIT_FAILED;
    aep__out_say("%s: nothing was changed; to do it yourself, put this there:",
                 aep__hook_agents[id].name);
    aep__setup_lines(id, choice->program, &lines);
    aep__out_finish(&lines);
    return AEP__EXIT_FAILED;
}

static void report_install(const struct aep__hook_choice *choice, enum aep__hook_agent_id id,
                           const struct aep__setup *setup, struct aep__buf *out)
{
    const char *name = aep__hook_agents[id].name, *advice = aep__hook_places[id].advice;
    if (setup->outcome == AEP__SETUP_UNCHANGED) {
        aep__buf_format(out, "%s: installed already, in %s\n", name, setup->path);
    } else {
        aep__buf_format(out, "%s: installed in %s, calls %s\n", name, setup->path, choice->program);
        if (setup->kept)
            aep__buf_format(out, "  as it was before: %s.aep-backup\n", setup->path);
    }
    if (advice)
        aep__buf_format(out, "  %s\n", advice);
}

static int install(const struct aep__hook_choice *choice, enum aep__hook_agent_id id, bool dry)
{
    struct aep__setup setup = {0};
    struct aep__buf out = {0};
    aep_error err;
    int status;
    if (check_version(id, &err) != AEP_OK)
        return refuse_install(choice, id, &err, false);
    if (aep__setup_install(id, choice->program, dry, &setup, &err) != AEP_OK) {
        status = refuse_install(choice, id, &err, true);
    } else if (dry) {
        aep__buf_add(&out, setup.diff.data, setup.diff.len);
        status = aep__out_finish(&out);
    } else {
        report_install(choice, id, &setup, &out);
        status = aep__out_finish(&out);
    }
    aep__buf_done(&setup.diff);
    return status;
}

/* Whether the agent seems to be in use here: its folder is there. */
static bool is_here(enum aep__hook_agent_id id)
{
    char folder[PATH_MAX];
    struct stat st;
    return aep__hook_place_folder(id, folder, NULL) == AEP_OK && stat(folder, &st) == 0;
}

static int run_install(struct aep__args *args)
{
    struct aep__hook_choice choice;
    aep_error err;
    int worst = AEP__EXIT_DONE;
    size_t tried = 0;
    if (aep__hook_choose(args, &choice, &err) != AEP_OK)
        return aep__out_error(&err);
    for (size_t i = 0; i < choice.count; i++) {
        if (args->operand_count == 0 && !is_here(choice.ids[i]))
            continue;
        tried++;
        int status = install(&choice, choice.ids[i], aep__args_given(args, "dry_run"));
        worst = status > worst ? status : worst;
    }
    if (tried == 0) {
        aep__out_say("hook install: found no coding agent here; name one: " AEP__HOOK_OPERANDS);
        return AEP__EXIT_FAILED;
    }
    if (worst == AEP__EXIT_DONE && !aep__args_given(args, "dry_run"))
        aep__out_hint("sessions that begin now are published: `aep watch` shows them");
    return worst;
}

/* ---- uninstall ------------------------------------------------------------------------------- */

static void report_uninstall(const char *name, const struct aep__setup *setup, struct aep__buf *out)
{
    if (setup->outcome == AEP__SETUP_UNCHANGED)
        aep__buf_format(out, "%s: not installed\n", name);
    else
        aep__buf_format(out, setup->removed ? "%s: removed with %s\n" : "%s: removed from %s\n",
                        name, setup->path);
}

static int uninstall(const struct aep__hook_choice *choice, enum aep__hook_agent_id id, bool dry)
{
    const char *name = aep__hook_agents[id].name;
    struct aep__setup setup = {0};
    struct aep__buf out = {0};
    aep_error err;
    int status = AEP__EXIT_FAILED;
    if (aep__setup_uninstall(id, choice->program, dry, &setup, &err) != AEP_OK) {
        aep__out_say("%s: %s", name, err.text);
        aep__out_say("%s: nothing was changed; to do it yourself, remove what calls `aep hook %s`",
                     name, name);
    } else if (dry) {
        aep__buf_add(&out, setup.diff.data, setup.diff.len);
        status = aep__out_finish(&out);
    } else {
        report_uninstall(name, &setup, &out);
        status = aep__out_finish(&out);
    }
    aep__buf_done(&setup.diff);
    return status;
}

static int run_uninstall(struct aep__args *args)
{
    struct aep__hook_choice choice;
    aep_error err;
    int worst = AEP__EXIT_DONE;
    if (aep__hook_choose(args, &choice, &err) != AEP_OK)
        return aep__out_error(&err);
    for (size_t i = 0; i < choice.count; i++) {
        int status = uninstall(&choice, choice.ids[i], aep__args_given(args, "dry_run"));
        worst = status > worst ? status : worst;
    }
    return worst;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static const struct aep__flag options[] = {
    {"dry_run", 'n', AEP__ARGUMENT_NONE, NULL, "Changes nothing, shows what would be changed.",
     NULL, NULL, NULL},
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_hook_install = {
    .name = "install",
    .summary = "puts hooks into the settings of coding agents, which publish what they do",
    .usage = "[--dry-run] [AGENT]...",
    .description =
        "Without AGENT, of every agent that has a folder here. Everything else in the settings stays as "
        "it is, to the byte, and the file as it was is kept beside it (.aep-backup) until `aep hook "
        "uninstall`. A file that cannot be edited safely (comments, wrong types, read-only, hard links) "
        "is not touched: the lines to paste are printed. To install again brings older hooks up to "
        "date.\n\n"
        "Exit status: 0 installed, now or before; 1 an agent's settings were not changed, and why; 2 "
        "wrong usage.",
    .examples = "  aep hook install claude-code && aep watch",
    .options = options,
    .operands = AEP__HOOK_OPERANDS,
    .operands_max = AEP__OPERANDS_ANY,
    .run = run_install,
};

const struct aep__verb aep__verb_hook_uninstall = {
    .name = "uninstall",
    .summary = "takes our hooks out of the settings of coding agents",
    .usage = "[--dry-run] [AGENT]...",
    .description =
        "Without AGENT, of all. The settings are again what they were before, to the byte, "
        "but for what others have changed since.",
    .options = options,
    .operands = AEP__HOOK_OPERANDS,
    .operands_max = AEP__OPERANDS_ANY,
    .run = run_uninstall,
};

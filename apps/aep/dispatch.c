/* SPDX-License-Identifier: Apache-2.0 */
/* From words to a verb's run function: finds the action below a verb, reads the options, shows help
 * if that is asked for. Shared with the programs that run verbs of their own. */
#include <stdio.h>
#include <string.h>

#include "config/nearest.h"
#include "help.h"
#include "options.h"
#include "out.h"
#include "verbs.h"

static int show_help(const struct aep__verb *verb, const char *name)
{
    struct aep__buf text = {0};
    aep__help_verb(&text, verb, name);
    return aep__out_finish(&text);
}

static int call(const struct aep__verb *verb, struct aep__args *args,
                const struct aep__runner *runners)
{
    for (; runners && runners->verb; runners++) {
        if (runners->verb == verb)
            return runners->run(args);
    }
    return verb->run(args);
}

static int run_verb(const struct aep__verb *verb, const char *name, char **argv,
                    const struct aep__runner *runners)
{
    struct aep__args args;
    aep_error err;
    int status;
    if (aep__args_parse(&args, verb, name, argv, &err) != AEP_OK)
        status = aep__out_error(&err);
    else if (aep__args_given(&args, "help"))
        status = show_help(verb, name);
    else
        status = call(verb, &args, runners);
    aep__args_done(&args);
    return status;
}

/* Reports that a verb or action is unknown, or that none was typed, and names the nearest one, else
 * says `known`.
 * @where  begins the message: "dead: " for an action, "" for a verb */
static int refuse(const struct aep__verb *const *verbs, const char *where, const char *noun,
                  const char *typed, const char *known)
{
    struct aep__nearest nearest = {.wanted = typed};
    for (; *verbs; verbs++)
        aep__nearest_show(&nearest, (*verbs)->name);
    const char *near = aep__nearest_get(&nearest);
    if (!*typed)
        aep__out_say("%sno %s given%s", where, noun, known);
    else if (near)
        aep__out_say("%sunknown %s \"%s\"; did you mean %s?", where, noun, typed, near);
    else
        aep__out_say("%sunknown %s \"%s\"%s", where, noun, typed, known);
    return AEP__EXIT_USAGE;
}

static int refuse_action(const struct aep__verb *verb, const char *name, const char *typed)
{
    char where[96], known[256] = ":";
    snprintf(where, sizeof where, "%s: ", name);
    for (const struct aep__verb *const *action = verb->actions; *action; action++) {
        size_t len = strlen(known);
        snprintf(known + len, sizeof known - len, "%s%s", len > 1 ? ", " : " ", (*action)->name);
    }
    return refuse(verb->actions, where, "action", typed, known);
}

int aep__verb_refuse(const char *typed)
{
    return refuse(aep__verbs, "", "verb", typed, "; `aep --help` lists them");
}

int aep__verb_main(const struct aep__verb *verb, const char *name, char **argv,
                   const struct aep__runner *runners)
{
    if (!verb->actions)
        return run_verb(verb, name, argv, runners);
    const char *first = argv[0] ? argv[0] : "";
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        return show_help(verb, name);
    const struct aep__verb *action = aep__verb_find(verb->actions, first);
    if (!action && argv[0] && verb->otherwise)
        return verb->otherwise(argv);
    if (!action)
        return refuse_action(verb, name, first);
    char full[64];
    snprintf(full, sizeof full, "%s %s", name, action->name);
    return aep__verb_main(action, full, argv + 1, runners);
}

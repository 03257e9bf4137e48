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

static int refuse_action(const struct aep__verb *verb, const char *name, const char *typed)
{
    struct aep__nearest nearest = {.wanted = typed};
    char list[256] = "";
    for (const struct aep__verb *const *action = verb->actions; *action; action++) {
        size_t len = strlen(list);
        snprintf(list + len, sizeof list - len, "%s%s", len ? ", " : "", (*action)->name);
        aep__nearest_show(&nearest, (*action)->name);
    }
    if (*typed && aep__nearest_get(&nearest))
        aep__out_say("%s: no action \"%s\"; did you mean %s?", name, typed,
                     aep__nearest_get(&nearest));
    else
        aep__out_say("%s: an action is wanted: %s", name, list);
    return AEP__EXIT_USAGE;
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
    if (!action)
        return refuse_action(verb, name, first);
    char full[64];
    snprintf(full, sizeof full, "%s %s", name, action->name);
    return aep__verb_main(action, full, argv + 1, runners);
}

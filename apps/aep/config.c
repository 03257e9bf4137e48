/* SPDX-License-Identifier: Apache-2.0 */
/* aep config: what the configuration is and where each value came from. */
#include "options.h"
#include "out.h"
#include "verbs.h"

#include "config/config.h"

/* A configuration that would be refused is shown too, with what is wrong with it. */
static int run_explain(struct aep__args *args)
{
    aep_config *arguments = NULL, *config = NULL;
    struct aep__buf text = {0};
    aep_error err;
    int code = aep__args_config(args, &arguments, &err);
    if (code == AEP_OK)
        code = aep__config_load(arguments, &config, &err);
    aep_config_free(arguments);
    if (code != AEP_OK)
        return aep__out_error(&err);
    aep__config_explain(config, aep__args_given(args, "json"), &text);
    code = aep__config_check(config, &err);
    aep_config_free(config);
    int status = aep__out_finish(&text);
    return code == AEP_OK ? status : aep__out_error(&err);
}

static int run_reference(struct aep__args *args)
{
    (void)args;
    struct aep__buf text = {0};
    aep__config_reference(&text);
    return aep__out_finish(&text);
}

static const struct aep__flag explain_options[] = {
    {"json", 0, AEP__ARGUMENT_NONE, NULL, "Prints JSON.", NULL, NULL, NULL},
    AEP__OPTIONS_END,
};

static const struct aep__verb explain = {
    .name = "explain",
    .summary = "prints every option, its value in force and where it was set",
    .usage = "[--json]",
    .description = "Secrets are masked. Exit status 1: publishing would be refused with this "
                   "configuration; the reason is on stderr.",
    .options = explain_options,
    .run = run_explain,
};

static const struct aep__verb reference = {
    .name = "reference",
    .summary = "prints the reference for all options (Markdown)",
    .run = run_reference,
};

static const struct aep__verb *const actions[] = {&explain, &reference, NULL};

const struct aep__verb aep__verb_config = {
    .name = "config",
    .summary = "shows the configuration and where each value was set",
    .usage = "explain [--json] | reference",
    .description = "--set beats the environment, which beats aep.conf, which beats the default.",
    .actions = actions,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* aep relay: the configured spool's relay by hand. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "options.h"
#include "out.h"
#include "program.h"
#include "session.h"
#include "spools.h"
#include "verbs.h"

#include "base/error.h"
#include "client/spawn.h"
#include "config/layers.h"
#include "spool/status.h"

#define STOP_MS 60000

/* Makes the spool if there is none yet, as a publisher would. */
static int open_spool(const struct aep__args *args, struct aep__spool *spool, aep_error *err)
{
    struct aep__session session = {0};
    int code = aep__session_open(&session, args, err);
    if (code == AEP_OK && !*aep_publisher_spool_dir(session.publisher))
        code = aep__error(err, AEP_ESTATE, "", "events.enabled is false: there is no spool");
    if (code == AEP_OK)
        code = aep__spool_open(spool, aep_publisher_spool_dir(session.publisher), NULL, err);
    aep__session_close(&session);
    return code;
}

static int run_start(struct aep__args *args)
{
    struct aep__spool spool = {.dir_fd = -1};
    struct aep__status status = {0};
    struct aep__buf text = {0};
    aep_error err;
    bool alive = false;
    int code = open_spool(args, &spool, &err);
    if (code == AEP_OK) {
        alive = aep__ask_alive(&spool);
        code = aep__ask_start(args, &spool, &err);
    }
    if (code == AEP_OK && aep__status_read(&spool, &status, NULL) == AEP_OK &&
        aep__status_stopped(&status))
        code = aep__error(&err, AEP_ERELAY, "", "%s", status.reason);
    aep__spool_done(&spool);
    if (code != AEP_OK)
        return aep__out_error(&err);
    aep__buf_format(&text, "relay %s", alive ? "already runs" : "started");
    if (status.pid > 0)
        aep__buf_format(&text, ": process %lld", (long long)status.pid);
    aep__buf_byte(&text, '\n');
    return aep__out_finish(&text);
}

static int run_stop(struct aep__args *args)
{
    struct aep__spool spool = {.dir_fd = -1};
    aep_error err;
    int code = aep__spools_open(args, &spool, &err);
    if (code == AEP_OK && aep__ask_coming(&spool))
        code = aep__ask_stop(&spool, STOP_MS, &err);
    else if (code == AEP_OK)
        aep__out_say("relay stop: no relay runs");
    aep__spool_done(&spool);
    return code == AEP_OK ? AEP__EXIT_DONE : aep__out_error(&err);
}

/* The relay reads its settings as every program does. Those of this command line are put where the
 * relay finds them and no other user sees them: not among its arguments. */
static int hand_settings(const struct aep__args *args, aep_error *err)
{
    for (size_t i = 0; i < args->given_count; i++) {
        char name[128] = "AEP_";
        const char *setting = args->given[i].value;
        if (strcmp(args->given[i].option->name, "set") != 0)
            continue;
        size_t len = strcspn(setting, "="), at = strlen(name);
        if (len >= sizeof name - at)
            return aep__error(err, AEP_EINVAL, "set", "relay run: no option \"%s\"", setting);
        for (size_t c = 0; c < len; c++)
            name[at++] = setting[c] == '.' ? '_' : (char)toupper((unsigned char)setting[c]);
        setenv(name, setting + len + 1, 1);
    }
    return AEP_OK;
}

static int run_run(struct aep__args *args)
{
    static char foreground[] = "--foreground", spool[] = "--spool";
    char *words[] = {foreground, NULL, NULL, NULL};
    aep_config *config = NULL;
    aep_error err;
    int code = aep__args_config(args, &config, &err); /* for its messages about them, too */
    if (code == AEP_OK && aep__args_given(args, "spool")) {
        words[1] = spool;
        words[2] = config->options[AEP__OPT_SPOOL_DIR].text;
    }
    if (code == AEP_OK)
        code = hand_settings(args, &err);
    setenv(AEP__RELAY_MALLOC, AEP__RELAY_MALLOC_VALUE, 0);
    int status =
        code == AEP_OK ? aep__program_exec(AEP__RELAY_PROGRAM, words) : aep__out_error(&err);
    aep_config_free(config);
    return status;
}

static const struct aep__flag stop_options[] = {
    AEP__SPOOL_OPTION,
    AEP__OPTIONS_END,
};

/* A relay needs a configuration, so it does not search for the only spool; and it may start before
 * the first publisher. */
static const struct aep__flag begin_options[] = {
    {"spool", 0, AEP__ARGUMENT_VALUE, "DIR",
     "The spool's folder, instead of the configured one; created if missing.", "FILE", NULL, NULL},
    AEP__OPTIONS_END,
};

static const struct aep__verb start = {
    .name = "start",
    .summary = "starts a relay in the background, unless one runs",
    .usage = "[--spool DIR]",
    .options = begin_options,
    .run = run_start,
};

static const struct aep__verb stop = {
    .name = "stop",
    .summary = "stops the relay, after it has sent what it can in a bounded time",
    .usage = "[--spool DIR]",
    .description = "With relay.mode=auto the next publisher starts a new one.",
    .options = stop_options,
    .run = run_stop,
};

static const struct aep__verb run = {
    .name = "run",
    .summary = "runs the relay in the foreground, for service managers",
    .usage = "[--spool DIR]",
    .options = begin_options,
    .description = "Takes over from a relay that was started automatically; logs to stderr; on "
                   "SIGTERM flushes for a bounded time and ends.",
    .run = run_run,
};

static const struct aep__verb *const actions[] = {&start, &stop, &run, NULL};

const struct aep__verb aep__verb_relay = {
    .name = "relay",
    .summary = "starts, stops or runs the relay, which sends the spool's events to Kafka",
    .usage = "start | stop | run [--spool DIR]",
    .description =
        "With relay.mode=auto a publisher that finds no relay starts one, and a relay ends after "
        "relay.idle_exit with nothing to do. Use these to do it by hand.",
    .actions = actions,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* aep flush: waits until everything in the spool has been delivered; with --all in every spool of
 * this user, for a timer to deliver what killed relays and reboots have left behind. */
#include <string.h>

#include "ask.h"
#include "options.h"
#include "out.h"
#include "session.h"
#include "spools.h"
#include "unused.h"
#include "verbs.h"

#include "base/error.h"
#include "config/config.h"

#define TIMEOUT_MS 30000
#define BROKERS "brokers="

static int deliver(struct aep__session *session, int timeout_ms, aep_error *err)
{
    aep__session_note_dead(session);
    return aep__session_deliver(session, timeout_ms, err);
}

static int flush_configured(const struct aep__args *args, int timeout_ms)
{
    struct aep__session session = {0};
    aep_error err;
    int code = aep__session_open(&session, args, &err);
    bool opened = code == AEP_OK;
    if (opened)
        code = deliver(&session, timeout_ms, &err);
    aep__session_close(&session);
    if (code == AEP_OK)
        return AEP__EXIT_DONE;
    int status = aep__out_error(&err);
    return opened && code == AEP_ERELAY ? AEP__EXIT_DEFERRED : status;
}

/* ---- every spool ---------------------------------------------------------------------------- */

struct sweep {
    const struct aep__args *args;
    int timeout_ms;
    int status;             /* the worst so far */
    int64_t remove_after_s; /* 0: never */
};

/* The configuration for a spool: its folder and its brokers as arguments, all else as always. */
static int configure(const struct sweep *sweep, const struct aep__spool *spool,
                     const char *destination, aep_config **ret, aep_error *err)
{
    aep_config *arguments = NULL;
    int code = aep__args_config(sweep->args, &arguments, err);
    if (code == AEP_OK)
        code = aep_config_set(arguments, "spool.dir", spool->path, err);
    if (code == AEP_OK && strncmp(destination, BROKERS, strlen(BROKERS)) == 0) {
        struct aep__buf brokers = {0};
        const char *begin = destination + strlen(BROKERS);
        aep__buf_add(&brokers, begin, strcspn(begin, " "));
        code = aep_config_set(arguments, "kafka.bootstrap.servers", aep__buf_string(&brokers), err);
        aep__buf_done(&brokers);
    }
    if (code == AEP_OK)
        code = aep__config_resolve(arguments, ret, err);
    aep_config_free(arguments);
    return code;
}

/* Whether the configuration has the cluster and the login that the spool was made for: events only
 * go to the cluster that they were published for. */
static int check_destination(const struct aep__spool *spool, const char *destination,
                             const aep_config *config, aep_error *err)
{
    struct aep__buf ours = {0};
    aep__config_destination(config, &ours);
    bool same = aep__spool_made_for(spool, aep__buf_string(&ours));
    aep__buf_done(&ours);
    return same ? AEP_OK
                : aep__error(err, AEP_ECONFIG, "kafka",
                             "%s is for %s: set its login in aep.conf or the environment",
                             spool->path, destination);
}

/* A spool where nothing waits and that nobody has written to for spool.remove_after. */
static void remove_unused(const struct sweep *sweep, struct aep__spool *spool)
{
    aep_error err;
    if (sweep->remove_after_s > 0 && aep__spool_unused_s(spool) >= sweep->remove_after_s &&
        !aep__ask_alive(spool))
        aep__spool_remove(spool, aep__contents_none, NULL, &err);
}

static bool has_nothing_to_send(const struct aep__contents *contents)
{
    return contents->waiting + contents->waiting_bytes + contents->parked == 0;
}

static int flush_spool(void *user, struct aep__spool *spool)
{
    struct sweep *sweep = user;
    struct aep__buf destination = {0};
    struct aep__session session = {0};
    struct aep__contents contents;
    aep_error err;
    bool known = aep__contents_measure(spool, &contents, &err) == AEP_OK;
    if (known && aep__contents_empty(&contents))
        remove_unused(sweep, spool);
    if (spool->local || (known && has_nothing_to_send(&contents)))
        return AEP_OK;
    aep__spool_destination(spool, &destination);
    const char *text = aep__buf_string(&destination);
    int code = configure(sweep, spool, text, &session.config, &err);
    if (code == AEP_OK)
        code = check_destination(spool, text, session.config, &err);
    if (code == AEP_OK)
        code = aep_publisher_open(&session.publisher, session.config, &err);
    if (code == AEP_OK)
        code = deliver(&session, sweep->timeout_ms, &err);
    if (code != AEP_OK) {
        int status = aep__out_error(&err);
        sweep->status = status > sweep->status ? status : sweep->status;
    }
    aep__session_close(&session);
    aep__buf_done(&destination);
    return AEP_OK;
}

static int load_sweep(struct sweep *sweep, aep_error *err)
{
    aep_config *arguments = NULL, *config = NULL;
    int code = aep__args_config(sweep->args, &arguments, err);
    if (code == AEP_OK)
        code = aep__config_load(arguments, &config, err);
    if (code == AEP_OK)
        sweep->remove_after_s = aep__config_int(config, AEP__OPT_SPOOL_REMOVE_AFTER_S);
    aep_config_free(arguments);
    aep_config_free(config);
    return code;
}

static int run_flush(struct aep__args *args)
{
    aep_error err;
    int timeout_ms = TIMEOUT_MS;
    if (aep__args_ms(args, "timeout", -1, &timeout_ms, &err) != AEP_OK)
        return aep__out_error(&err);
    if (!aep__args_given(args, "all"))
        return flush_configured(args, timeout_ms);
    struct sweep sweep = {args, timeout_ms, AEP__EXIT_DONE, 0};
    if (load_sweep(&sweep, &err) != AEP_OK ||
        aep__spools_each(args, flush_spool, &sweep, &err) != AEP_OK)
        return aep__out_error(&err);
    return sweep.status;
}

static const struct aep__flag options[] = {
    {"timeout", 't', AEP__ARGUMENT_VALUE, "MS",
     "Waits at most this long for each spool: milliseconds, or a time such as 5s; -1: for ever. "
     "Default: 30 s.",
     NULL, NULL, NULL},
    {"all", 'a', AEP__ARGUMENT_NONE, NULL,
     "Flushes every spool of this user that holds events: the configured one and those beside it. "
     "A spool whose login is not configured is reported and skipped. An empty spool that has not "
     "been used for spool.remove_after (30 days) is removed.",
     NULL, NULL, NULL},
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_flush = {
    .name = "flush",
    .summary = "waits until everything in the spool is delivered",
    .usage = "[--all] [--timeout MS]",
    .description = "Flushes the configured spool; starts a relay if none runs. Exit status 3: "
                   "something is still on disk or parked; 1: Kafka refused events for good "
                   "meanwhile. In local mode there is nothing to deliver.",
    .options = options,
    .run = run_flush,
};

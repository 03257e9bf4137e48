/* SPDX-License-Identifier: Apache-2.0 */
/* aep spool: lists the spools of this user; empties or removes one. */
#include <stdio.h>
#include <string.h>

#include "amount.h"
#include "ask.h"
#include "spool/backlog.h"
#include "options.h"
#include "out.h"
#include "spools.h"
#include "verbs.h"

#include "base/error.h"
#include "base/json.h"
#include "unused.h"

#define ANSWER_MS 60000
#define STOP_MS 20000

struct listing {
    bool json, failed; /* failed: what cannot be read has been reported */
    size_t count;
    struct aep__buf out;
};

static int list_spool(void *user, struct aep__spool *spool)
{
    struct listing *listing = user;
    struct aep__fates fates;
    struct aep__backlog backlog = {0};
    aep_error err;
    const char *mode = spool->local ? "local" : "kafka";
    listing->count++;
    if (aep__fates_init(&fates, spool, &err) != AEP_OK ||
        aep__backlog_measure(spool, &fates, &backlog, &err) != AEP_OK) {
        listing->failed = true;
        aep__out_error(&err);
    } else if (listing->json) {
        aep__buf_text(&listing->out, "{\"spool\":");
        aep__json_add_string(&listing->out, spool->path, strlen(spool->path));
        aep__buf_format(&listing->out,
                        ",\"uuid\":\"%s\",\"mode\":\"%s\",\"used_bytes\":%llu,"
                        "\"backlog_bytes\":%llu}\n",
                        spool->uuid_text, mode, (unsigned long long)backlog.used_bytes,
                        (unsigned long long)backlog.bytes);
    } else {
        aep__out_plain(&listing->out, spool->path, strlen(spool->path));
        aep__buf_format(&listing->out, " %s, %s %s\n", mode, aep__amount_bytes(backlog.bytes).text,
                        aep__backlog_word(spool));
    }
    aep__fates_done(&fates);
    return AEP_OK;
}

static int run_list(struct aep__args *args)
{
    struct listing listing = {.json = aep__args_given(args, "json")};
    aep_error err;
    int code = aep__spools_each(args, list_spool, &listing, &err);
    int status = aep__out_finish(&listing.out);
    if (code != AEP_OK)
        return aep__out_error(&err);
    if (!listing.failed && listing.count == 0)
        aep__out_hint("spool list: no spools");
    return listing.failed ? AEP__EXIT_FAILED : status;
}

static int purge(const struct aep__args *args, struct aep__spool *spool, aep_error *err)
{
    char reply[256];
    unsigned long long count = 0;
    int code = aep__ask_start(args, spool, err);
    if (code == AEP_OK)
        code = aep__ask(spool, "purge 1", ANSWER_MS, reply, sizeof reply, err);
    if (code != AEP_OK)
        return code;
    sscanf(reply, "ok %llu", &count);
    struct aep__buf text = {0};
    aep__buf_format(&text, "%s dropped%s\n", aep__amount_of(count, "event").text,
                    spool->local ? "" : " unsent");
    aep__out_finish(&text);
    return AEP_OK;
}

static int run_purge(struct aep__args *args)
{
    struct aep__spool spool = {.dir_fd = -1};
    struct aep__buf folder = {0};
    aep_error err;
    int code = aep__spools_folder(args, &folder, &err);
    if (code == AEP_OK && !aep__args_given(args, "yes")) {
        aep__out_say("spool purge: this drops every undelivered event in %s: confirm with --yes",
                     aep__buf_string(&folder));
        aep__buf_done(&folder);
        return AEP__EXIT_USAGE;
    }
    if (code == AEP_OK)
        code = aep__spool_open(&spool, aep__buf_string(&folder), NULL, &err);
    if (code == AEP_OK)
        code = purge(args, &spool, &err);
    aep__spool_done(&spool);
    aep__buf_done(&folder);
    return code == AEP_OK ? AEP__EXIT_DONE : aep__out_error(&err);
}

/* ---- remove ---------------------------------------------------------------------------------- */

static int refuse_loss(const struct aep__spool *spool, const struct aep__contents *contents,
                       aep_error *err)
{
    struct aep__buf text = {0};
    aep__contents_text(spool, contents, &text);
    int code = aep__error(err, AEP_ESTATE, "force",
                          "%s holds %s: deliver them (`aep flush`), or lose them with --force",
                          spool->path, aep__buf_string(&text));
    aep__buf_done(&text);
    return code;
}

static int remove_spool(struct aep__spool *spool, bool force, aep_error *err)
{
    struct aep__contents contents;
    int code = force ? AEP_OK : aep__contents_measure(spool, &contents, err);
    if (code == AEP_OK && !force && !aep__contents_empty(&contents))
        return refuse_loss(spool, &contents, err);
    if (code == AEP_OK && aep__ask_coming(spool))
        code = aep__ask_stop(spool, STOP_MS, err);
    if (code == AEP_OK)
        code = aep__spool_remove(spool, force ? NULL : aep__contents_none, NULL, err);
    return code;
}

static int run_remove(struct aep__args *args)
{
    struct aep__spool spool = {.dir_fd = -1};
    struct aep__buf text = {0};
    aep_error err;
    int code = aep__spools_open(args, &spool, &err);
    if (code == AEP_OK)
        code = remove_spool(&spool, aep__args_given(args, "force"), &err);
    if (code == AEP_OK)
        aep__buf_format(&text, "%s removed\n", spool.path);
    aep__spool_done(&spool);
    int status = aep__out_finish(&text);
    return code == AEP_OK ? status : aep__out_error(&err);
}

static const struct aep__flag remove_options[] = {
    {"force", 'f', AEP__ARGUMENT_NONE, NULL,
     "Also removes undelivered events, parked events, dead letters and open executions.", NULL,
     NULL, NULL},
    AEP__SPOOL_OPTION,
    AEP__OPTIONS_END,
};

static const struct aep__flag list_options[] = {
    {"json", 0, AEP__ARGUMENT_NONE, NULL, "Prints one JSON object per line.", NULL, NULL, NULL},
    AEP__SPOOL_ONLY_OPTION,
    AEP__OPTIONS_END,
};

static const struct aep__flag purge_options[] = {
    {"yes", 'y', AEP__ARGUMENT_NONE, NULL, "Confirms that they are to be dropped.", NULL, NULL,
     NULL},
    AEP__SPOOL_OPTION,
    AEP__OPTIONS_END,
};

static const struct aep__verb list = {
    .name = "list",
    .summary = "lists the spools: folder, mode, and how much waits or is kept",
    .usage = "[--json] [--spool DIR]",
    .description = "Lists the configured spool and those beside it; if none is configured, all in "
                   "$XDG_STATE_HOME/aep.",
    .options = list_options,
    .run = run_list,
};

static const struct aep__verb purge_verb = {
    .name = "purge",
    .summary = "drops every undelivered event of a spool",
    .usage = "--yes [--spool DIR]",
    .description = "Drops parked events too, but not dead letters (`aep dead drop`); in local "
                   "mode every event. What is dropped leaves the disk and is counted (purged in "
                   "`aep status`). The relay does it; if none runs, one is started.",
    .options = purge_options,
    .run = run_purge,
};

static const struct aep__verb remove_verb = {
    .name = "remove",
    .summary = "removes a spool",
    .usage = "[--force] [--spool DIR]",
    .description =
        "Stops its relay and removes the folder, for example one that a mistyped server left "
        "behind. If it still holds events (waiting, parked or dead; in local mode any), it "
        "reports how many and removes nothing, unless --force is given. A program that still "
        "publishes there creates a new spool and loses no event.",
    .options = remove_options,
    .run = run_remove,
};

static const struct aep__verb *const actions[] = {&list, &purge_verb, &remove_verb, NULL};

const struct aep__verb aep__verb_spool = {
    .name = "spool",
    .summary = "lists the spools, empties or removes one",
    .usage = "list | purge --yes | remove",
    .actions = actions,
};

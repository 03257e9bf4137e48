/* SPDX-License-Identifier: Apache-2.0 */
/* aep topics create: creates the missing topics and reports those that exist. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aep/amount.h"
#include "aep/out.h"
#include "asking.h"
#include "retention.h"
#include "topics.h"

#include "base/error.h"

/* A wish with the texts that it points to. */
struct plan {
    struct aep__admin_wish wish;
    char *settings[AEP__ADMIN_CONFIGS]; /* of the heap: name, NUL, value */
    bool retention_given;
    int64_t retention_ms;
};

static void plan_done(struct plan *plan)
{
    for (size_t i = 0; i < plan->wish.config_count; i++)
        free(plan->settings[i]);
}

/* @setting  NAME=VALUE */
static int add_setting(struct plan *plan, const char *setting, aep_error *err)
{
    struct aep__admin_wish *wish = &plan->wish;
    size_t len = strcspn(setting, "=");
    if (len == 0 || !setting[len])
        return aep__error(err, AEP_EINVAL, "config",
                          "topics create: --config takes NAME=VALUE, not \"%s\"", setting);
    if (wish->config_count == AEP__ADMIN_CONFIGS)
        return aep__error(err, AEP_EINVAL, "config", "topics create: too many settings");
    char *copy = strdup(setting);
    if (!copy)
        return aep__error_memory(err);
    copy[len] = '\0';
    wish->names[wish->config_count] = copy;
    wish->values[wish->config_count] = copy + len + 1;
    plan->settings[wish->config_count++] = copy;
    return AEP_OK;
}

static int add_retention(struct plan *plan, const char *given, aep_error *err)
{
    char setting[64];
    int code = aep__retention_read(given, &plan->retention_ms, err);
    if (code != AEP_OK)
        return code;
    plan->retention_given = true;
    snprintf(setting, sizeof setting, "retention.ms=%" PRId64, plan->retention_ms);
    return add_setting(plan, setting, err);
}

static int read_plan(struct plan *plan, const struct aep__args *args, aep_error *err)
{
    int64_t partitions = -1, replication = -1;
    const char *retention = aep__args_text(args, "retention");
    int code = aep__args_int(args, "partitions", 1, 100000, &partitions, err);
    if (code == AEP_OK)
        code = aep__args_int(args, "replication", 1, 1000, &replication, err);
    if (code == AEP_OK && retention)
        code = add_retention(plan, retention, err);
    for (size_t i = 0; code == AEP_OK && i < args->given_count; i++) {
        if (strcmp(args->given[i].option->name, "config") == 0)
            code = add_setting(plan, args->given[i].value, err);
    }
    plan->wish.partitions = (int)partitions;
    plan->wish.replication = (int)replication;
    return code;
}

/* Appends how an existing topic differs from what was asked for. */
static void add_differences(struct aep__buf *out, const struct aep__admin_topic *topic,
                            const struct plan *plan)
{
    const struct aep__admin_wish *wish = &plan->wish;
    char shown[AEP__RETENTION_SIZE];
    if (wish->partitions > 0 && topic->partitions > 0 && topic->partitions != wish->partitions)
        aep__buf_format(out, ", with %s, not %d",
                        aep__amount_of((uint64_t)topic->partitions, "partition").text,
                        wish->partitions);
    if (wish->replication > 0 && topic->replication > 0 && topic->replication != wish->replication)
        aep__buf_format(out, ", with %s, not %d",
                        aep__amount_of((uint64_t)topic->replication, "replica").text,
                        wish->replication);
    if (plan->retention_given && topic->retention_known &&
        topic->retention_ms != plan->retention_ms)
        aep__buf_format(out, ", kept %s", aep__retention_show(topic->retention_ms, shown));
}

static void add_existing(struct aep__asking *asking, struct aep__buf *out, const char *name,
                         const struct plan *plan)
{
    struct aep__admin_topic topic = {.name = name};
    aep_error ignored;
    aep__buf_format(out, "%s already exists", name);
    size_t begin = out->len;
    if (aep__admin_describe(asking->admin, &topic, 1, AEP__ASKING_TIMEOUT_MS, &ignored) == AEP_OK)
        add_differences(out, &topic, plan);
    aep__buf_text(out, out->len > begin ? ": left unchanged\n" : "\n");
}

/* Reports the result for each topic; returns the exit status. */
static int show_made(struct aep__asking *asking, const struct aep__admin_new *topics,
                     const struct plan *plan)
{
    struct aep__buf out = {0};
    int failed = AEP__EXIT_DONE;
    for (size_t i = 0; i < asking->count; i++) {
        const struct aep__admin_new *topic = &topics[i];
        if (topic->made == AEP__ADMIN_MADE) {
            aep__buf_format(&out, "%s created\n", topic->name);
        } else if (topic->made == AEP__ADMIN_WAS_THERE) {
            add_existing(asking, &out, topic->name, plan);
        } else {
            failed = AEP__EXIT_FAILED;
            aep__out_say("%s was not created: %s", topic->name, topic->error);
            if (topic->made == AEP__ADMIN_NOT_ALLOWED)
                aep__out_say("remedy: grant the user CREATE on it, or have an administrator "
                             "create it");
        }
    }
    int status = aep__out_finish(&out);
    return failed ? failed : status;
}

static int create_topics(struct aep__asking *asking, const struct plan *plan, aep_error *err)
{
    struct aep__admin_new *topics = calloc(asking->count, sizeof *topics);
    if (!topics)
        return aep__out_exit(aep__error_memory(err));
    for (size_t i = 0; i < asking->count; i++)
        topics[i].name = asking->names[i];
    int code = aep__admin_create(asking->admin, &plan->wish, topics, asking->count,
                                 AEP__ASKING_TIMEOUT_MS, err);
    int status = code == AEP_OK ? show_made(asking, topics, plan) : aep__out_error(err);
    free(topics);
    return status;
}

int aep__topics_create(struct aep__args *args)
{
    struct aep__asking asking = {0};
    struct plan plan = {0};
    aep_error err;
    int code = read_plan(&plan, args, &err);
    if (code == AEP_OK)
        code = aep__asking_open(&asking, args, &err);
    int status = code == AEP_OK ? create_topics(&asking, &plan, &err) : aep__out_error(&err);
    aep__asking_close(&asking);
    plan_done(&plan);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* aep topics list: a line or an object for each topic. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aep/out.h"
#include "asking.h"
#include "retention.h"
#include "topics.h"

#include "base/error.h"
#include "base/json.h"

/* "3", or "-" for a number that is not known. */
static const char *show_number(int number, char text[AEP__RETENTION_SIZE])
{
    snprintf(text, AEP__RETENTION_SIZE, number > 0 ? "%d" : "-", number);
    return text;
}

static const char *show_retention(const struct aep__admin_topic *topic,
                                  char text[AEP__RETENTION_SIZE])
{
    return topic->retention_known ? aep__retention_show(topic->retention_ms, text) : "-";
}

static void add_text(struct aep__buf *out, const struct aep__admin_topic *topics, size_t count)
{
    char partitions[AEP__RETENTION_SIZE], replication[AEP__RETENTION_SIZE],
        retention[AEP__RETENTION_SIZE];
    size_t width = strlen("TOPIC");
    for (size_t i = 0; i < count; i++)
        width = strlen(topics[i].name) > width ? strlen(topics[i].name) : width;
    aep__buf_format(out, "%-*s  %-9s  %10s  %8s  %s\n", (int)width, "TOPIC", "STATE", "PARTITIONS",
                    "REPLICAS", "RETENTION");
    for (size_t i = 0; i < count; i++) {
        aep__buf_format(out, "%-*s  %-9s  %10s  %8s  %s%s", (int)width, topics[i].name,
                        aep__admin_state_name(topics[i].state),
                        show_number(topics[i].partitions, partitions),
                        show_number(topics[i].replication, replication),
                        show_retention(&topics[i], retention), topics[i].error[0] ? "  " : "");
        aep__out_plain(out, topics[i].error, strlen(topics[i].error));
        aep__buf_byte(out, '\n');
    }
}

static void add_known_number(struct aep__buf *out, const char *name, bool known, int64_t number)
{
    if (known)
        aep__buf_format(out, ",\"%s\":%lld", name, (long long)number);
}

static void add_json(struct aep__buf *out, const struct aep__admin_topic *topics, size_t count)
{
    aep__buf_text(out, "{\"topics\":[");
    for (size_t i = 0; i < count; i++) {
        const struct aep__admin_topic *topic = &topics[i];
        aep__buf_format(out, "%s{\"topic\":\"%s\",\"state\":\"%s\"", i ? ",\n" : "", topic->name,
                        aep__admin_state_name(topic->state));
        add_known_number(out, "partitions", topic->partitions > 0, topic->partitions);
        add_known_number(out, "replication", topic->replication > 0, topic->replication);
        add_known_number(out, "retention_ms", topic->retention_known, topic->retention_ms);
        if (topic->writable != AEP__KNOWN_NOT)
            aep__buf_format(out, ",\"writable\":%s",
                            topic->writable == AEP__KNOWN_YES ? "true" : "false");
        if (topic->error[0]) {
            aep__buf_text(out, ",\"error\":");
            aep__json_add_string(out, topic->error, strlen(topic->error));
        }
        aep__buf_byte(out, '}');
    }
    aep__buf_text(out, "]}\n");
}

static int list_topics(struct aep__asking *asking, struct aep__buf *out, aep_error *err)
{
    struct aep__admin_topic *topics = calloc(asking->count, sizeof *topics);
    if (!topics)
        return aep__error_memory(err);
    for (size_t i = 0; i < asking->count; i++)
        topics[i].name = asking->names[i];
    int code =
        aep__admin_describe(asking->admin, topics, asking->count, AEP__ASKING_TIMEOUT_MS, err);
    if (code == AEP_OK)
        (aep__args_given(asking->args, "json") ? add_json : add_text)(out, topics, asking->count);
    free(topics);
    return code;
}

int aep__topics_list(struct aep__args *args)
{
    struct aep__asking asking;
    struct aep__buf out = {0};
    aep_error err;
    int code = aep__asking_open(&asking, args, &err);
    if (code == AEP_OK)
        code = list_topics(&asking, &out, &err);
    aep__asking_close(&asking);
    int status = code == AEP_OK ? aep__out_write(&out) : aep__out_error(&err);
    aep__buf_done(&out);
    return status;
}

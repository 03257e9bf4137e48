/* SPDX-License-Identifier: Apache-2.0 */
#include "track/source_kafka_group.h"

#include "base/error.h"
#include "base/hash.h"
#include "kafka/client.h"
#include "track/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SESSION_MS "6000" /* the least that brokers allow by default */

struct aep__source_group {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    rd_kafka_topic_partition_list_t *ours;  /* NULL: it has not told */
    rd_kafka_topic_partition_list_t *noted; /* offsets to commit */
    char id[80], problem[256];
};

static const struct aep__property defaults[] = {{"client.id", "aep-tracker"}, {NULL, NULL}};
static const struct aep__property ours[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"session.timeout.ms", SESSION_MS},
    {"heartbeat.interval.ms", "1500"},
    {"topic.metadata.refresh.interval.ms", "2000"}, /* new topics and partitions */
    {"partition.assignment.strategy", "roundrobin"},
    {"allow.auto.create.topics", "false"},
    {NULL, NULL},
};

/* ---- joining ---- */

static void name_instance(const char *place, char *name, size_t size)
{
    char host[65] = "";
    uint8_t digest[16];
    gethostname(host, sizeof host - 1);
    aep__digest128(place, strlen(place), digest);
    snprintf(name, size, "%s-%02x%02x%02x%02x%02x%02x", host, digest[0], digest[1], digest[2],
             digest[3], digest[4], digest[5]);
}

static int make_client(struct aep__source_group *group, const aep_config *config,
                       const char *instance, aep_error *err)
{
    rd_kafka_conf_t *conf = NULL;
    int code = aep__client_conf(&conf, config, defaults, ours, err);
    if (code != AEP_OK)
        return code;
    code = aep__client_set(conf, "group.id", group->id, err);
    if (code == AEP_OK)
        code = aep__client_set(conf, "group.instance.id", instance, err);
    if (code != AEP_OK) {
        rd_kafka_conf_destroy(conf);
        return code;
    }
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR |
                                       RD_KAFKA_EVENT_OFFSET_COMMIT);
    rd_kafka_conf_set_log_cb(conf, NULL);
    return aep__client_new(&group->rk, RD_KAFKA_CONSUMER, conf, NULL, NULL, err);
}

static int subscribe(struct aep__source_group *group, const struct aep__source_topics *topics,
                     aep_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)topics->count);
    for (unsigned i = 0; i < topics->count; i++)
        rd_kafka_topic_partition_list_add(list, aep__source_topics_name(topics, i),
                                          RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t error = rd_kafka_subscribe(group->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return error ? aep__error(err, AEP_EIO, "track.topics", "cannot subscribe: %s",
                              rd_kafka_err2str(error))
                 : AEP_OK;
}

int aep__group_join(struct aep__source_group **ret, const aep_config *config, const char *identity,
                    const char *place, const struct aep__source_topics *topics, int event_fd,
                    aep_error *err)
{
    static const uint64_t one = 1;
    char instance[96];
    struct aep__source_group *group = calloc(1, sizeof *group);
    if (!group)
        return aep__error_memory(err);
    snprintf(group->id, sizeof group->id, AEP__READING_GROUP "%s", identity);
    name_instance(place, instance, sizeof instance);
    int code = make_client(group, config, instance, err);
    if (code == AEP_OK) {
        rd_kafka_poll_set_consumer(group->rk);
        group->queue = rd_kafka_queue_get_consumer(group->rk);
        rd_kafka_queue_io_event_enable(group->queue, event_fd, &one, sizeof one);
        group->noted = rd_kafka_topic_partition_list_new(16);
        code = subscribe(group, topics, err);
    }
    if (code == AEP_OK)
        *ret = group;
    else
        aep__group_leave(group);
    return code;
}

static void forget(rd_kafka_topic_partition_list_t **list)
{
    if (*list)
        rd_kafka_topic_partition_list_destroy(*list);
    *list = NULL;
}

void aep__group_leave(struct aep__source_group *group)
{
    if (!group)
        return;
    if (group->queue) {
        rd_kafka_queue_io_event_enable(group->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(group->queue);
    }
    forget(&group->ours);
    forget(&group->noted);
    if (group->rk)
        rd_kafka_destroy(group->rk);
    free(group);
}

/* ---- news ---- */

/* What is assigned is read by another client: this one is to fetch nothing. */
static bool take_rebalance(struct aep__source_group *group, rd_kafka_event_t *event)
{
    bool assigned = rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    forget(&group->ours);
    rd_kafka_topic_partition_list_t *nothing = rd_kafka_topic_partition_list_new(0);
    if (assigned)
        group->ours = rd_kafka_topic_partition_list_copy(list);
    rd_kafka_assign(group->rk, assigned ? nothing : NULL);
    rd_kafka_topic_partition_list_destroy(nothing);
    group->problem[0] = '\0';
    return true;
}

static void take_error(struct aep__source_group *group, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    if (error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
        rd_kafka_event_error_is_fatal(event))
        snprintf(group->problem, sizeof group->problem, "group %s: %s", group->id,
                 rd_kafka_event_error_string(event));
}

bool aep__group_look(struct aep__source_group *group)
{
    bool changed = false;
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(group->queue, 0))) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
            changed |= take_rebalance(group, event);
        else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            take_error(group, event);
        rd_kafka_event_destroy(event);
    }
    return changed;
}

bool aep__group_owns(const struct aep__source_group *group, const char *topic, int32_t id)
{
    return group->ours && rd_kafka_topic_partition_list_find(group->ours, topic, id);
}

const char *aep__group_problem(const struct aep__source_group *group)
{
    return group->problem;
}

const char *aep__group_id(const struct aep__source_group *group)
{
    return group->id;
}

/* ---- offsets ---- */

void aep__group_note(struct aep__source_group *group, const char *topic, int32_t id, int64_t offset)
{
    rd_kafka_topic_partition_t *noted = rd_kafka_topic_partition_list_find(group->noted, topic, id);
    if (!noted)
        noted = rd_kafka_topic_partition_list_add(group->noted, topic, id);
    noted->offset = offset;
}

void aep__group_commit(struct aep__source_group *group)
{
    if (group->noted->cnt == 0)
        return;
    rd_kafka_commit(group->rk, group->noted, 1);
    forget(&group->noted);
    group->noted = rd_kafka_topic_partition_list_new(16);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Topics as tools see them: whether they exist, their settings, our permissions; creating them. */
#include "kafka/admin.h"

#include "base/clock.h"
#include "base/error.h"
#include "kafka/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- topics: are they there ----------------------------------------------------------------- */

const char *aep__admin_state_name(enum aep__admin_state state)
{
    static const char *const names[] = {
        [AEP__ADMIN_PRESENT] = "present",
        [AEP__ADMIN_MISSING] = "missing",
        [AEP__ADMIN_FORBIDDEN] = "forbidden",
        [AEP__ADMIN_UNCLEAR] = "unclear",
    };
    return names[state];
}

static void set_state(struct aep__admin_topic *topic, rd_kafka_resp_err_t error)
{
    static const struct {
        rd_kafka_resp_err_t error;
        enum aep__admin_state state;
    } states[] = {
        {RD_KAFKA_RESP_ERR_NO_ERROR, AEP__ADMIN_PRESENT},
        {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, AEP__ADMIN_PRESENT}, /* just made */
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, AEP__ADMIN_MISSING},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, AEP__ADMIN_FORBIDDEN},
    };
    topic->state = AEP__ADMIN_UNCLEAR;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (states[i].error == error)
            topic->state = states[i].state;
    }
    if (topic->state == AEP__ADMIN_UNCLEAR)
        snprintf(topic->error, sizeof topic->error, "%s", rd_kafka_err2str(error));
    if (topic->state == AEP__ADMIN_FORBIDDEN)
        topic->writable = AEP__KNOWN_NO;
}

static int ask_metadata(struct aep__admin *admin, struct aep__admin_topic *topic, int timeout_ms,
                        aep_error *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(admin->rk, topic->name, NULL);
    if (!handle)
        return aep__error(err, AEP_EINVAL, "topic", "\"%s\" is not a topic name", topic->name);
    rd_kafka_resp_err_t error = rd_kafka_metadata(admin->rk, 0, handle, &metadata, timeout_ms);
    rd_kafka_topic_destroy(handle);
    if (error || metadata->topic_cnt != 1) {
        set_state(topic, error ? error : RD_KAFKA_RESP_ERR_UNKNOWN);
    } else {
        set_state(topic, metadata->topics[0].err);
        topic->partitions = metadata->topics[0].partition_cnt;
        topic->replication =
            topic->partitions > 0 ? metadata->topics[0].partitions[0].replica_cnt : 0;
    }
    if (!error)
        rd_kafka_metadata_destroy(metadata);
    return AEP_OK;
}

/* ---- settings ------------------------------------------------------------------------------- */

static const char *find_entry(const rd_kafka_ConfigResource_t *resource, const char *name)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
            return rd_kafka_ConfigEntry_value(entries[i]);
    }
    return NULL;
}

/* Asks for the settings of topics or of a broker, and calls fn with the value of the setting of
 * that name; those without an answer are left out. */
static void ask_settings(struct aep__admin *admin, rd_kafka_ConfigResource_t **resources,
                         size_t count, const char *setting, int timeout_ms,
                         void (*fn)(void *user, const char *resource, const char *value),
                         void *user)
{
    rd_kafka_AdminOptions_t *options =
        aep__request_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    rd_kafka_DescribeConfigs(admin->rk, resources, count, options, queue);
    rd_kafka_event_t *event = aep__request_await(queue, timeout_ms);
    const rd_kafka_DescribeConfigs_result_t *result =
        event ? rd_kafka_event_DescribeConfigs_result(event) : NULL;
    const rd_kafka_ConfigResource_t **answers =
        result ? rd_kafka_DescribeConfigs_result_resources(result, &count) : NULL;
    for (size_t i = 0; answers && i < count; i++) {
        const char *value = find_entry(answers[i], setting);
        if (value && !rd_kafka_ConfigResource_error(answers[i]))
            fn(user, rd_kafka_ConfigResource_name(answers[i]), value);
    }
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
}

struct topic_list {
    struct aep__admin_topic *topics;
    size_t count;
};

static struct aep__admin_topic *find_topic(const struct topic_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->topics[i].name, name) == 0)
            return &list->topics[i];
    }
    return NULL;
}

static void take_retention(void *user, const char *resource, const char *value)
{
    struct aep__admin_topic *topic = find_topic(user, resource);
    if (!topic)
        return;
    topic->retention_known = true;
    topic->retention_ms = strtoll(value, NULL, 10);
}

static int ask_retention(struct aep__admin *admin, const struct topic_list *list, int timeout_ms,
                         aep_error *err)
{
    size_t count = 0;
    rd_kafka_ConfigResource_t **resources = calloc(list->count + 1, sizeof *resources);
    if (!resources)
        return aep__error_memory(err);
    for (size_t i = 0; i < list->count; i++) {
        if (list->topics[i].state == AEP__ADMIN_PRESENT)
            resources[count++] =
                rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, list->topics[i].name);
    }
    if (count > 0)
        ask_settings(admin, resources, count, "retention.ms", timeout_ms, take_retention,
                     (void *)list);
    rd_kafka_ConfigResource_destroy_array(resources, count);
    free(resources);
    return AEP_OK;
}

struct setting_user {
    char *text;
    size_t size;
};

static void take_setting(void *user, const char *resource, const char *value)
{
    const struct setting_user *to = user;
    (void)resource;
    snprintf(to->text, to->size, "%s", value);
}

bool aep__admin_setting(struct aep__admin *admin, const char *topic, const char *setting,
                        int timeout_ms, char *text, size_t size)
{
    struct setting_user user = {text, size};
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    text[0] = '\0';
    ask_settings(admin, &resource, 1, setting, timeout_ms, take_setting, &user);
    rd_kafka_ConfigResource_destroy(resource);
    return text[0] != '\0';
}

static void take_auto_create(void *user, const char *resource, const char *value)
{
    (void)resource;
    *(enum aep__known *)user = strcmp(value, "true") == 0 ? AEP__KNOWN_YES : AEP__KNOWN_NO;
}

enum aep__known aep__admin_auto_create(struct aep__admin *admin, int timeout_ms)
{
    char id[16];
    enum aep__known known = AEP__KNOWN_NOT;
    int controller = rd_kafka_controllerid(admin->rk, timeout_ms);
    if (controller < 0)
        return known;
    snprintf(id, sizeof id, "%d", controller);
    rd_kafka_ConfigResource_t *broker = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, id);
    ask_settings(admin, &broker, 1, "auto.create.topics.enable", timeout_ms, take_auto_create,
                 &known);
    rd_kafka_ConfigResource_destroy(broker);
    return known;
}

/* ---- may they be written -------------------------------------------------------------------- */

#if RD_KAFKA_VERSION >= 0x020300ff
static enum aep__known may_write(const rd_kafka_TopicDescription_t *topic)
{
    size_t count;
    const rd_kafka_AclOperation_t *operations =
        rd_kafka_TopicDescription_authorized_operations(topic, &count);
    for (size_t i = 0; operations && i < count; i++) {
        if (operations[i] == RD_KAFKA_ACL_OPERATION_WRITE)
            return AEP__KNOWN_YES;
    }
    return operations ? AEP__KNOWN_NO : AEP__KNOWN_NOT;
}

static void take_rights(const struct topic_list *list, const rd_kafka_event_t *event)
{
    size_t count = 0;
    const rd_kafka_DescribeTopics_result_t *result =
        event ? rd_kafka_event_DescribeTopics_result((rd_kafka_event_t *)event) : NULL;
    const rd_kafka_TopicDescription_t **topics =
        result ? rd_kafka_DescribeTopics_result_topics(result, &count) : NULL;
    for (size_t i = 0; i < count; i++) {
        struct aep__admin_topic *topic =
            find_topic(list, rd_kafka_TopicDescription_name(topics[i]));
        if (topic && !rd_kafka_error_code(rd_kafka_TopicDescription_error(topics[i])))
            topic->writable = may_write(topics[i]);
    }
}

static int ask_rights(struct aep__admin *admin, const struct topic_list *list, int timeout_ms,
                      aep_error *err)
{
    const char **names = calloc(list->count + 1, sizeof *names);
    if (!names)
        return aep__error_memory(err);
    for (size_t i = 0; i < list->count; i++)
        names[i] = list->topics[i].name;
    rd_kafka_AdminOptions_t *options =
        aep__request_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout_ms);
    rd_kafka_error_destroy(rd_kafka_AdminOptions_set_include_authorized_operations(options, 1));
    rd_kafka_TopicCollection_t *topics =
        rd_kafka_TopicCollection_of_topic_names(names, list->count);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    rd_kafka_DescribeTopics(admin->rk, topics, options, queue);
    rd_kafka_event_t *event = aep__request_await(queue, timeout_ms);
    take_rights(list, event);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_TopicCollection_destroy(topics);
    rd_kafka_AdminOptions_destroy(options);
    free(names);
    return AEP_OK;
}
#else
static int ask_rights(struct aep__admin *admin, const struct topic_list *list, int timeout_ms,
                      aep_error *err)
{
    (void)admin, (void)list, (void)timeout_ms, (void)err;
    return AEP_OK;
}
#endif

static int left_ms(int64_t deadline_us)
{
    int64_t left_us = deadline_us - aep__clock_mono_us();
    return left_us > 1000 ? (int)(left_us / 1000) : 1;
}

int aep__admin_describe(struct aep__admin *admin, struct aep__admin_topic *topics, size_t count,
                        int timeout_ms, aep_error *err)
{
    struct topic_list list = {topics, count};
    int64_t deadline_us = aep__clock_mono_us() + timeout_ms * INT64_C(1000);
    int code = AEP_OK;
    for (size_t i = 0; code == AEP_OK && i < count; i++) {
        topics[i] = (struct aep__admin_topic){.name = topics[i].name};
        code = ask_metadata(admin, &topics[i], left_ms(deadline_us), err);
    }
    if (code == AEP_OK)
        code = ask_retention(admin, &list, left_ms(deadline_us), err);
    return code == AEP_OK ? ask_rights(admin, &list, left_ms(deadline_us), err) : code;
}

/* ---- making them ---------------------------------------------------------------------------- */

static rd_kafka_NewTopic_t *make_topic(const struct aep__admin_wish *wish, const char *name,
                                       aep_error *err)
{
    char text[200];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(name, wish->partitions, wish->replication, text, sizeof text);
    if (!topic)
        aep__error(err, AEP_EINVAL, "topic", "%s: %s", name, text);
    for (size_t i = 0; topic && i < wish->config_count; i++)
        rd_kafka_NewTopic_set_config(topic, wish->names[i], wish->values[i]);
    return topic;
}

static void set_made(struct aep__admin_new *topic, const rd_kafka_topic_result_t *result)
{
    static const struct {
        rd_kafka_resp_err_t error;
        enum aep__admin_made made;
    } fates[] = {
        {RD_KAFKA_RESP_ERR_NO_ERROR, AEP__ADMIN_MADE},
        {RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, AEP__ADMIN_WAS_THERE},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, AEP__ADMIN_NOT_ALLOWED},
        {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, AEP__ADMIN_NOT_ALLOWED},
    };
    rd_kafka_resp_err_t error = rd_kafka_topic_result_error(result);
    const char *text = rd_kafka_topic_result_error_string(result);
    topic->made = AEP__ADMIN_NOT_MADE;
    for (size_t i = 0; i < sizeof fates / sizeof *fates; i++) {
        if (fates[i].error == error)
            topic->made = fates[i].made;
    }
    snprintf(topic->error, sizeof topic->error, "%s",
             !error ? ""
             : text ? text
                    : rd_kafka_err2str(error));
}

static void take_results(struct aep__admin_new *topics, size_t count,
                         const rd_kafka_CreateTopics_result_t *result)
{
    size_t result_count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(result, &result_count);
    for (size_t i = 0; i < result_count; i++) {
        for (size_t j = 0; j < count; j++) {
            if (strcmp(topics[j].name, rd_kafka_topic_result_name(results[i])) == 0)
                set_made(&topics[j], results[i]);
        }
    }
}

static int ask_create(struct aep__admin *admin, bool only_try, rd_kafka_NewTopic_t **wanted,
                      struct aep__admin_new *topics, size_t count, int timeout_ms, aep_error *err)
{
    char text[128];
    rd_kafka_AdminOptions_t *options =
        aep__request_options(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, text, sizeof text);
    rd_kafka_AdminOptions_set_validate_only(options, only_try, text, sizeof text);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    rd_kafka_CreateTopics(admin->rk, wanted, count, options, queue);
    rd_kafka_event_t *event = aep__request_await(queue, timeout_ms * 2);
    rd_kafka_AdminOptions_destroy(options);
    int code = AEP_OK;
    if (event && !rd_kafka_event_error(event))
        take_results(topics, count, rd_kafka_event_CreateTopics_result(event));
    else
        code = aep__request_refuse(event ? rd_kafka_event_error_string(event) : "no answer", err);
    if (event)
        rd_kafka_event_destroy(event);
    return code;
}

int aep__admin_create(struct aep__admin *admin, const struct aep__admin_wish *wish,
                      struct aep__admin_new *topics, size_t count, int timeout_ms, aep_error *err)
{
    size_t made = 0;
    rd_kafka_NewTopic_t **wanted = calloc(count + 1, sizeof *wanted);
    if (!wanted)
        return aep__error_memory(err);
    for (; made < count && (wanted[made] = make_topic(wish, topics[made].name, err)); made++) {
        topics[made].made = AEP__ADMIN_NOT_MADE;
        snprintf(topics[made].error, sizeof topics[made].error, "no answer about it");
    }
    int code = AEP_EINVAL;
    if (made == count)
        code = ask_create(admin, wish->only_try, wanted, topics, count, timeout_ms, err);
    rd_kafka_NewTopic_destroy_array(wanted, made);
    free(wanted);
    return code;
}

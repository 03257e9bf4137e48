/* SPDX-License-Identifier: Apache-2.0 */
/* Each call makes a queue of its own that its answer comes to; what librdkafka says besides goes to
 * its main queue and is only listened to while contact is made. */
#include "relay/admin.h"

#include "base/clock.h"
#include "base/error.h"

#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_SLACK_MS 500 /* librdkafka ends a request itself, a little late */
#define GRACE_US 300000     /* after one server's refusal: another one may let us in */
#define CONTACT_TOPIC "omninode.agent.execution.started.v1"

struct aep__admin {
    rd_kafka_t *rk;
    char mechanism[32];
    bool debug; /* kafka.debug is set: its lines are wanted */
};

/* ---- life ----------------------------------------------------------------------------------- */

struct property_user {
    struct aep__admin *admin;
    rd_kafka_conf_t *conf;
    aep_error *err;
};

static int set_property(rd_kafka_conf_t *conf, const char *name, const char *value, aep_error *err)
{
    char field[sizeof err->field], text[300];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return AEP_OK;
    snprintf(field, sizeof field, "kafka.%s", name);
    return aep__error(err, AEP_ECONFIG, field, "%s: %s", field, text);
}

static int set_user_property(void *user, const char *name, const char *value)
{
    struct property_user *to = user;
    if (strcmp(name, "sasl.mechanism") == 0 || strcmp(name, "sasl.mechanisms") == 0)
        snprintf(to->admin->mechanism, sizeof to->admin->mechanism, "%s", value);
    to->admin->debug |= strcmp(name, "debug") == 0 && *value;
    return set_property(to->conf, name, value, to->err);
}

static void drop_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk, (void)level, (void)facility, (void)text;
}

static int fill_conf(struct aep__admin *admin, rd_kafka_conf_t *conf, const aep_config *config,
                     aep_error *err)
{
    struct property_user user = {admin, conf, err};
    int code = set_property(conf, "client.id", "aep", err);
    if (code == AEP_OK)
        code = aep__config_each_kafka(config, set_user_property, &user, err);
    if (code == AEP_OK)
        code = set_property(conf, "allow.auto.create.topics", "false", err);
    rd_kafka_conf_set_log_cb(conf, admin->debug ? rd_kafka_log_print : drop_log);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR);
    return code;
}

int aep__admin_open(struct aep__admin **ret, const aep_config *config, aep_error *err)
{
    char text[300];
    struct aep__admin *admin = calloc(1, sizeof *admin);
    if (!admin)
        return aep__error_memory(err);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int code = fill_conf(admin, conf, config, err);
    if (code == AEP_OK) {
        admin->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
        if (!admin->rk)
            code = aep__error(err, AEP_ECONFIG, "kafka", "kafka.*: %s", text);
    }
    if (code != AEP_OK) {
        rd_kafka_conf_destroy(conf);
        aep__admin_close(admin);
        return code;
    }
    *ret = admin;
    return AEP_OK;
}

void aep__admin_close(struct aep__admin *admin)
{
    if (admin && admin->rk)
        rd_kafka_destroy_flags(admin->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(admin);
}

/* ---- one request ---------------------------------------------------------------------------- */

static rd_kafka_AdminOptions_t *make_options(struct aep__admin *admin, rd_kafka_admin_op_t op,
                                             int timeout_ms)
{
    char text[128];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->rk, op);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof text);
    return options;
}

/* Waits for the answer; NULL: none came. Frees the queue. */
static rd_kafka_event_t *await(rd_kafka_queue_t *queue, int timeout_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + ANSWER_SLACK_MS);
    rd_kafka_queue_destroy(queue);
    return event;
}

static int refuse(const char *why, aep_error *err)
{
    return aep__error(err, AEP_ESTATE, "kafka", "Kafka was asked in vain: %s", why);
}

/* ---- contact -------------------------------------------------------------------------------- */

const char *aep__contact_name(enum aep__contact_state state)
{
    static const char *const names[] = {
        [AEP__CONTACT_MADE] = "connected",
        [AEP__CONTACT_UNREACHABLE] = "unreachable",
        [AEP__CONTACT_TLS] = "TLS failed",
        [AEP__CONTACT_LOGIN] = "login refused",
    };
    return names[state];
}

/* What librdkafka's errors say of contact. A server that is down only hints: another may be up. */
static const struct {
    rd_kafka_resp_err_t error;
    enum aep__contact_state state;
} signs[] = {
    {RD_KAFKA_RESP_ERR__TRANSPORT, AEP__CONTACT_UNREACHABLE},
    {RD_KAFKA_RESP_ERR__RESOLVE, AEP__CONTACT_UNREACHABLE},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, AEP__CONTACT_UNREACHABLE},
    {RD_KAFKA_RESP_ERR__SSL, AEP__CONTACT_TLS},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, AEP__CONTACT_LOGIN},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, AEP__CONTACT_LOGIN},
};

#define NO_TLS                                                                                     \
    "the server seems to speak no TLS there: use its TLS port, or set "                            \
    "kafka.security.protocol=PLAINTEXT or SASL_PLAINTEXT"

/* A remedy for a state and words of the reason (NULL: any); the first that fits counts. */
static const struct {
    enum aep__contact_state state;
    const char *words, *remedy;
} remedies[] = {
    {AEP__CONTACT_UNREACHABLE, "Connection refused",
     "start Kafka, or correct KAFKA_BOOTSTRAP_SERVERS: nothing listens there"},
    {AEP__CONTACT_UNREACHABLE, "resolve",
     "correct the name in KAFKA_BOOTSTRAP_SERVERS, or have it resolved on this machine"},
    {AEP__CONTACT_UNREACHABLE, "SASL authentication",
     "the server may want a login: set kafka.security.protocol=SASL_SSL (or SASL_PLAINTEXT), "
     "kafka.sasl.mechanism, kafka.sasl.username and its password"},
    {AEP__CONTACT_UNREACHABLE, "security.protocol",
     "the server may want TLS there: set kafka.security.protocol=SSL or SASL_SSL, or use its "
     "plain port"},
    {AEP__CONTACT_UNREACHABLE, NULL, "check that the servers run and that no firewall is between"},
    {AEP__CONTACT_TLS, "verif",
     "set kafka.ssl.ca.location to the PEM file of the CA that signed the server's certificate; "
     "the name in KAFKA_BOOTSTRAP_SERVERS must be one that the certificate is for"},
    {AEP__CONTACT_TLS, "certificate required",
     "set kafka.ssl.certificate.location and kafka.ssl.key.location: the server wants a client's "
     "certificate"},
    {AEP__CONTACT_TLS, "PLAINTEXT", NO_TLS},
    {AEP__CONTACT_TLS, "wrong version", NO_TLS},
    {AEP__CONTACT_TLS, "unexpected eof", NO_TLS},
    {AEP__CONTACT_TLS, NULL, "check kafka.ssl.* and what the server wants of a client"},
    {AEP__CONTACT_LOGIN, "Unsupported SASL mechanism",
     "set kafka.sasl.mechanism to one that the server offers"},
    {AEP__CONTACT_LOGIN, "current SASL state",
     "the server wants no login there: set kafka.security.protocol=SSL or PLAINTEXT, or use the "
     "port where it does"},
    {AEP__CONTACT_LOGIN, NULL, "check kafka.sasl.username and its password"},
};

/* SCRAM with a nonce of the client's said twice, which Kafka 4 takes for a wrong password. */
static bool scram_unsound(const struct aep__admin *admin)
{
    return strncmp(admin->mechanism, "SCRAM", 5) == 0 && rd_kafka_version() >> 8 < 0x020601;
}

static void add_remedy(const struct aep__admin *admin, struct aep__contact *contact)
{
    size_t i = 0;
    while (i < sizeof remedies / sizeof *remedies &&
           (remedies[i].state != contact->state ||
            (remedies[i].words && !strstr(contact->reason, remedies[i].words))))
        i++;
    if (i == sizeof remedies / sizeof *remedies)
        return;
    size_t len =
        (size_t)snprintf(contact->remedy, sizeof contact->remedy, "%s", remedies[i].remedy);
    if (contact->state == AEP__CONTACT_LOGIN && !remedies[i].words && scram_unsound(admin))
        snprintf(contact->remedy + len, sizeof contact->remedy - len,
                 "; if they are right: librdkafka %s cannot do SCRAM with Kafka 4 and later, so "
                 "set kafka.sasl.mechanism=PLAIN (over TLS), or install librdkafka 2.6.1 or later",
                 rd_kafka_version_str());
}

/* What is heard while contact is being made. */
struct listening {
    struct aep__contact *contact;
    int64_t until_us;
    bool over;
};

static void hear_error(struct listening *listening, rd_kafka_event_t *event)
{
    struct aep__contact *contact = listening->contact;
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        listening->over = contact->reason[0] != '\0';
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (signs[i].error != error || signs[i].state < contact->state)
            continue;
        contact->state = signs[i].state;
        snprintf(contact->reason, sizeof contact->reason, "%s", rd_kafka_event_error_string(event));
    }
    int64_t soon_us = aep__clock_mono_us() + GRACE_US;
    if (contact->state > AEP__CONTACT_UNREACHABLE && soon_us < listening->until_us)
        listening->until_us = soon_us;
}

/* Any answer of a broker's, a refusal too, shows that it is there and lets us in. */
static void hear_answer(struct listening *listening, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    listening->over = true;
    if (error >= RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
        *listening->contact = (struct aep__contact){.state = AEP__CONTACT_MADE};
}

static void listen_to(struct listening *listening, rd_kafka_queue_t *queue)
{
    int64_t left_us;
    while (!listening->over && (left_us = listening->until_us - aep__clock_mono_us()) > 0) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, (int)(left_us / 1000) + 1);
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            hear_error(listening, event);
        else if (event)
            hear_answer(listening, event);
        if (event)
            rd_kafka_event_destroy(event);
    }
}

void aep__admin_contact(struct aep__admin *admin, int timeout_ms, struct aep__contact *ret)
{
    *ret = (struct aep__contact){.state = AEP__CONTACT_UNREACHABLE};
    struct listening listening = {ret, aep__clock_mono_us() + timeout_ms * INT64_C(1000), false};
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    rd_kafka_queue_t *events = rd_kafka_queue_get_main(admin->rk);
    rd_kafka_AdminOptions_t *options =
        make_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, CONTACT_TOPIC);
    rd_kafka_queue_forward(events, queue);
    rd_kafka_DescribeConfigs(admin->rk, &resource, 1, options, queue);
    listen_to(&listening, queue);
    rd_kafka_queue_forward(events, NULL);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(events);
    rd_kafka_queue_destroy(queue);
    if (ret->state != AEP__CONTACT_MADE && !ret->reason[0])
        snprintf(ret->reason, sizeof ret->reason, "no answer within %d ms", timeout_ms);
    add_remedy(admin, ret);
}

int aep__admin_brokers(struct aep__admin *admin, int timeout_ms,
                       void (*fn)(void *user, const struct aep__admin_broker *broker), void *user,
                       aep_error *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t error = rd_kafka_metadata(admin->rk, 0, NULL, &metadata, timeout_ms);
    if (error)
        return refuse(rd_kafka_err2str(error), err);
    for (int i = 0; i < metadata->broker_cnt; i++) {
        const struct rd_kafka_metadata_broker *broker = &metadata->brokers[i];
        fn(user, &(struct aep__admin_broker){broker->id, broker->host, broker->port});
    }
    rd_kafka_metadata_destroy(metadata);
    return AEP_OK;
}

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
        return aep__error(err, AEP_EINVAL, "topic", "\"%s\" is no name for a topic", topic->name);
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

/* Asks for the settings of topics or of a broker, and calls fn with each setting's value of that
 * name; what is not answered is left out. */
static void ask_settings(struct aep__admin *admin, rd_kafka_ConfigResource_t **resources,
                         size_t count, const char *setting, int timeout_ms,
                         void (*fn)(void *user, const char *resource, const char *value),
                         void *user)
{
    rd_kafka_AdminOptions_t *options =
        make_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    rd_kafka_DescribeConfigs(admin->rk, resources, count, options, queue);
    rd_kafka_event_t *event = await(queue, timeout_ms);
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
        make_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout_ms);
    rd_kafka_error_destroy(rd_kafka_AdminOptions_set_include_authorized_operations(options, 1));
    rd_kafka_TopicCollection_t *topics =
        rd_kafka_TopicCollection_of_topic_names(names, list->count);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    rd_kafka_DescribeTopics(admin->rk, topics, options, queue);
    rd_kafka_event_t *event = await(queue, timeout_ms);
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

int aep__admin_describe(struct aep__admin *admin, struct aep__admin_topic *topics, size_t count,
                        int timeout_ms, aep_error *err)
{
    struct topic_list list = {topics, count};
    int code = AEP_OK;
    for (size_t i = 0; code == AEP_OK && i < count; i++) {
        topics[i] = (struct aep__admin_topic){.name = topics[i].name};
        code = ask_metadata(admin, &topics[i], timeout_ms, err);
    }
    if (code == AEP_OK)
        code = ask_retention(admin, &list, timeout_ms, err);
    return code == AEP_OK ? ask_rights(admin, &list, timeout_ms, err) : code;
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
        make_options(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, text, sizeof text);
    rd_kafka_AdminOptions_set_validate_only(options, only_try, text, sizeof text);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    rd_kafka_CreateTopics(admin->rk, wanted, count, options, queue);
    rd_kafka_event_t *event = await(queue, timeout_ms * 2);
    rd_kafka_AdminOptions_destroy(options);
    int code = AEP_OK;
    if (event && !rd_kafka_event_error(event))
        take_results(topics, count, rd_kafka_event_CreateTopics_result(event));
    else
        code = refuse(event ? rd_kafka_event_error_string(event) : "no answer", err);
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

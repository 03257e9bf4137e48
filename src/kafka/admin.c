/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/admin.h"

#include "base/error.h"
#include "kafka/client.h"
#include "kafka/request.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWER_SLACK_MS 500 /* librdkafka ends a request itself, a little late */

/* ---- life ----------------------------------------------------------------------------------- */

static void drop_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk, (void)level, (void)facility, (void)text;
}

static int make_client(struct aep__admin *admin, const aep_config *config, aep_error *err)
{
    static const struct aep__property defaults[] = {{"client.id", "aep"}, {NULL, NULL}};
    static const struct aep__property ours[] = {
        {"allow.auto.create.topics", "false"}, {"enable.partition.eof", "true"}, {NULL, NULL}};
    char debug[256];
    rd_kafka_conf_t *conf;
    int code = aep__client_conf(&conf, config, defaults, ours, err);
    if (code != AEP_OK)
        return code;
    aep__client_property(conf, "sasl.mechanism", admin->mechanism, sizeof admin->mechanism);
    aep__client_property(conf, "debug", debug, sizeof debug);
    rd_kafka_conf_set_log_cb(conf, debug[0] ? rd_kafka_log_print : drop_log);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR);
    return aep__client_new(&admin->rk, RD_KAFKA_CONSUMER, conf, NULL, NULL, err);
}

int aep__admin_open(struct aep__admin **ret, const aep_config *config, aep_error *err)
{
    struct aep__admin *admin = calloc(1, sizeof *admin);
    if (!admin)
        return aep__error_memory(err);
    int code = make_client(admin, config, err);
    if (code != AEP_OK) {
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

rd_kafka_AdminOptions_t *aep__request_options(struct aep__admin *admin, rd_kafka_admin_op_t op,
                                              int timeout_ms)
{
    char text[128];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->rk, op);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof text);
    return options;
}

rd_kafka_event_t *aep__request_await(rd_kafka_queue_t *queue, int timeout_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + ANSWER_SLACK_MS);
    rd_kafka_queue_destroy(queue);
    return event;
}

int aep__request_refuse(const char *why, aep_error *err)
{
    return aep__error(err, AEP_ESTATE, "kafka", "cannot ask Kafka: %s", why);
}

/* ---- brokers --------------------------------------------------------------------------------- */

int aep__admin_brokers(struct aep__admin *admin, int timeout_ms,
                       void (*fn)(void *user, const struct aep__admin_broker *broker), void *user,
                       aep_error *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t error = rd_kafka_metadata(admin->rk, 0, NULL, &metadata, timeout_ms);
    if (error)
        return aep__request_refuse(rd_kafka_err2str(error), err);
    for (int i = 0; i < metadata->broker_cnt; i++) {
        const struct rd_kafka_metadata_broker *broker = &metadata->brokers[i];
        fn(user, &(struct aep__admin_broker){broker->id, broker->host, broker->port});
    }
    rd_kafka_metadata_destroy(metadata);
    return AEP_OK;
}

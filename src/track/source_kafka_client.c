/* SPDX-License-Identifier: Apache-2.0 */
#include "track/source_kafka_client.h"

#define QUEUE_BACKOFF_SINCE 0x02020000 /* the librdkafka that has fetch.queue.backoff.ms */

/* Memory: what is fetched ahead of us, and a fetch under way. */
static const struct aep__property defaults[] = {
    {"client.id", "aep-tracker"},
    {"queued.max.messages.kbytes", "2048"},
    {"fetch.max.bytes", "1048576"},
    {"fetch.message.max.bytes", "65536"},
    {"reconnect.backoff.max.ms", "1000"},
    {"socket.nagle.disable", "true"},
    {NULL, NULL},
};
static const struct aep__property ours[] = {
    {"enable.auto.commit", "false"},       {"enable.auto.offset.store", "false"},
    {"enable.partition.eof", "true"},      {"auto.offset.reset", "error"},
    {"allow.auto.create.topics", "false"}, {NULL, NULL},
};

int aep__source_client(rd_kafka_t **ret, const aep_config *config, int events, aep_error *err)
{
    rd_kafka_conf_t *conf = NULL;
    int code = aep__client_conf(&conf, config, defaults, ours, err);
    if (code != AEP_OK)
        return code;
    if (rd_kafka_version() >= QUEUE_BACKOFF_SINCE) /* 1 s: a small queue would run dry */
        code = aep__client_set(conf, "fetch.queue.backoff.ms", "20", err);
    if (code != AEP_OK) {
        rd_kafka_conf_destroy(conf);
        return code;
    }
    rd_kafka_conf_set_events(conf, events);
    rd_kafka_conf_set_log_cb(conf, NULL); /* errors come as events */
    return aep__client_new(ret, RD_KAFKA_CONSUMER, conf, NULL, NULL, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "track/source_kafka_topics.h"

#include "base/error.h"

#include <string.h>

const char *aep__source_topics_name(const struct aep__source_topics *topics, unsigned topic)
{
    return rd_kafka_topic_name(topics->list[topic]);
}

unsigned aep__source_topics_find(const struct aep__source_topics *topics, const char *name)
{
    unsigned i = 0;
    while (i < topics->count && strcmp(aep__source_topics_name(topics, i), name) != 0)
        i++;
    return i;
}

bool aep__source_topics_spares(const struct aep__source_topics *topics, unsigned topic,
                               rd_kafka_resp_err_t error)
{
    return topics->spare[topic] && error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

static int add_handle(struct aep__source_topics *topics, rd_kafka_t *rk, const char *name,
                      bool spare, aep_error *err)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    if (!topic)
        return aep__error_memory(err);
    topics->spare[topics->count] = spare;
    topics->list[topics->count++] = topic;
    return AEP_OK;
}

int aep__source_topics_add(struct aep__source_topics *topics, rd_kafka_t *rk,
                           const aep_config *config, aep_error *err)
{
    struct aep__reading_topics names;
    int code = aep__reading_topics(&names, config, err);
    for (size_t i = 0; code == AEP_OK && i < names.count; i++)
        code = add_handle(topics, rk, names.list[i], names.spare[i], err);
    aep__reading_topics_done(&names);
    return code;
}

int aep__source_topics_copy(struct aep__source_topics *topics, rd_kafka_t *rk,
                            const struct aep__source_topics *like, aep_error *err)
{
    int code = AEP_OK;
    for (unsigned i = 0; code == AEP_OK && i < like->count; i++)
        code = add_handle(topics, rk, aep__source_topics_name(like, i), like->spare[i], err);
    return code;
}

void aep__source_topics_done(struct aep__source_topics *topics)
{
    while (topics->count > 0)
        rd_kafka_topic_destroy(topics->list[--topics->count]);
}

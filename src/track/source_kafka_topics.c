/* SPDX-License-Identifier: Apache-2.0 */
#include "track/source_kafka_topics.h"

#include "base/error.h"
#include "base/topic_name.h"
#include "event/kinds.h"

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

static int add_handle(struct aep__source_topics *topics, rd_kafka_t *rk, const char *name,
                      aep_error *err)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    if (!topic)
        return aep__error_memory(err);
    topics->list[topics->count++] = topic;
    return AEP_OK;
}

static int add_topic(struct aep__source_topics *topics, rd_kafka_t *rk, struct aep__slice name,
                     aep_error *err)
{
    char text[AEP__TOPIC_NAME_MAX + 1];
    if (!aep__topic_name_valid(name))
        return aep__error(err, AEP_ECONFIG, "track.topics", "track.topics: \"%.*s\" is no topic",
                          (int)(name.len < 100 ? name.len : 100), name.data);
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    if (aep__source_topics_find(topics, text) < topics->count)
        return AEP_OK;
    if (topics->count == AEP__SOURCE_TOPICS_MAX)
        return aep__error(err, AEP_ECONFIG, "track.topics", "track.topics: more than %d topics",
                          AEP__SOURCE_TOPICS_MAX);
    return add_handle(topics, rk, text, err);
}

int aep__source_topics_add(struct aep__source_topics *topics, rd_kafka_t *rk, const char *more,
                           aep_error *err)
{
    int code = add_topic(topics, rk, aep__slice_text(AEP__TOPIC_SINGLE), err);
    for (int kind = 0; code == AEP_OK && kind < AEP_KIND_COUNT; kind++)
        code = add_topic(topics, rk, aep__slice_text(aep__kinds[kind].event_type), err);
    while (code == AEP_OK && *more) {
        size_t len = strcspn(more, ", ");
        if (len > 0)
            code = add_topic(topics, rk, (struct aep__slice){more, len}, err);
        more += len + (more[len] != '\0');
    }
    return code;
}

int aep__source_topics_copy(struct aep__source_topics *topics, rd_kafka_t *rk,
                            const struct aep__source_topics *like, aep_error *err)
{
    int code = AEP_OK;
    for (unsigned i = 0; code == AEP_OK && i < like->count; i++)
        code = add_handle(topics, rk, aep__source_topics_name(like, i), err);
    return code;
}

void aep__source_topics_done(struct aep__source_topics *topics)
{
    while (topics->count > 0)
        rd_kafka_topic_destroy(topics->list[--topics->count]);
}

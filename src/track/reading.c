/* SPDX-License-Identifier: Apache-2.0 */
#include "track/reading.h"

#include "base/error.h"
#include "base/topic_name.h"
#include "event/kinds.h"

#include <stdlib.h>
#include <string.h>

bool aep__reading_wants(const aep_config *config, const char *source)
{
    const char *words = aep__config_text(config, AEP__OPT_TRACK_SOURCES);
    return *words ? strstr(words, source) != NULL
                  : strcmp(source, "spool") == 0 ||
                        (!aep__config_is(config, AEP__OPT_MODE, "local") &&
                         *aep__config_text(config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS));
}

static bool has_topic(const struct aep__reading_topics *topics, const char *name)
{
    for (size_t i = 0; i < topics->count; i++)
        if (strcmp(topics->list[i], name) == 0)
            return true;
    return false;
}

static int add_topic(struct aep__reading_topics *topics, struct aep__slice name, aep_error *err)
{
    char text[AEP__TOPIC_NAME_MAX + 1];
    if (!aep__topic_name_valid(name))
        return aep__error(err, AEP_ECONFIG, "track.topics", "track.topics: \"%.*s\" is no topic",
                          (int)(name.len < 100 ? name.len : 100), name.data);
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    if (has_topic(topics, text))
        return AEP_OK;
    if (topics->count == AEP__READING_TOPICS_MAX)
        return aep__error(err, AEP_ECONFIG, "track.topics", "track.topics: more than %d topics",
                          AEP__READING_TOPICS_MAX);
    topics->list[topics->count] = strdup(text);
    if (!topics->list[topics->count])
        return aep__error_memory(err);
    topics->count++;
    return AEP_OK;
}

int aep__reading_topics(struct aep__reading_topics *ret, const aep_config *config, aep_error *err)
{
    const char *more = aep__config_text(config, AEP__OPT_TRACK_TOPICS);
    *ret = (struct aep__reading_topics){0};
    int code = add_topic(ret, aep__slice_text(AEP__TOPIC_SINGLE), err);
    for (int kind = 0; code == AEP_OK && kind < AEP_KIND_COUNT; kind++)
        code = add_topic(ret, aep__slice_text(aep__kinds[kind].event_type), err);
    ret->own = ret->count;
    while (code == AEP_OK && *more) {
        size_t len = strcspn(more, ", ");
        if (len > 0)
            code = add_topic(ret, (struct aep__slice){more, len}, err);
        more += len + (more[len] != '\0');
    }
    return code;
}

void aep__reading_topics_done(struct aep__reading_topics *topics)
{
    while (topics->count > 0)
        free(topics->list[--topics->count]);
}

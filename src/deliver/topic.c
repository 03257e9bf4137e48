/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/topic.h"

#include "base/crc32c.h"
#include "deliver/core.h"

#include <stdlib.h>
#include <string.h>

#define TOPICS_KEPT 256 /* above this, idle topics are freed */

static bool named(const struct aep__topic *topic, struct aep__slice name)
{
    return topic->name_len == name.len && memcmp(topic->name, name.data, name.len) == 0;
}

static unsigned bucket_of(struct aep__slice name)
{
    return aep__crc32c(0, name.data, name.len) % AEP__TOPIC_BUCKETS;
}

static void close_handle(struct aep__core *core, struct aep__topic *topic)
{
    if (topic->handle)
        core->sink->ops->topic_close(core->sink, topic->handle);
    topic->handle = NULL;
}

/* Frees the topics for which fn, unused() or any(), returns true. */
static void free_topics(struct aep__core *core, bool (*fn)(const struct aep__topic *))
{
    for (size_t i = 0; i < AEP__TOPIC_BUCKETS; i++)
        for (struct aep__topic **at = &core->topics.buckets[i]; *at;) {
            struct aep__topic *topic = *at;
            if (!fn(topic)) {
                at = &topic->next;
                continue;
            }
            *at = topic->next;
            close_handle(core, topic);
            free(topic);
            core->topics.count--;
        }
    core->topics.newest = NULL;
}

static bool unused(const struct aep__topic *topic)
{
    return topic->sent == 0 && topic->held == 0 && !topic->parked;
}

static bool any(const struct aep__topic *topic)
{
    (void)topic;
    return true;
}

static struct aep__topic *make_topic(struct aep__core *core, struct aep__slice name)
{
    if (core->topics.count >= TOPICS_KEPT)
        free_topics(core, unused);
    struct aep__topic *topic = calloc(1, sizeof *topic + name.len + 1);
    if (!topic)
        return NULL;
    memcpy(topic->name, name.data, name.len);
    topic->name_len = name.len;
    topic->bucket = bucket_of(name);
    topic->next = core->topics.buckets[topic->bucket];
    core->topics.buckets[topic->bucket] = topic;
    core->topics.count++;
    return topic;
}

struct aep__topic *aep__topic_find(const struct aep__topics *topics, struct aep__slice name)
{
    struct aep__topic *topic = topics->newest;
    if (topic && named(topic, name))
        return topic;
    topic = topics->buckets[bucket_of(name)];
    while (topic && !named(topic, name))
        topic = topic->next;
    return topic;
}

struct aep__topic *aep__topic_get(struct aep__core *core, struct aep__slice name)
{
    struct aep__topic *topic = aep__topic_find(&core->topics, name);
    if (!topic)
        topic = make_topic(core, name);
    if (topic && !topic->handle)
        topic->handle = core->sink->ops->topic_open(core->sink, topic->name);
    core->topics.newest = topic;
    return topic && topic->handle ? topic : NULL;
}

struct aep__topic *aep__topics_next(const struct aep__topics *topics,
                                    const struct aep__topic *topic)
{
    if (topic && topic->next)
        return topic->next;
    for (unsigned i = topic ? topic->bucket + 1 : 0; i < AEP__TOPIC_BUCKETS; i++)
        if (topics->buckets[i])
            return topics->buckets[i];
    return NULL;
}

void aep__topics_close(struct aep__core *core)
{
    for (struct aep__topic *topic = NULL; (topic = aep__topics_next(&core->topics, topic));)
        close_handle(core, topic);
}

void aep__topics_done(struct aep__core *core)
{
    free_topics(core, any);
}

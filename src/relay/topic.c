/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/topic.h"

#include "base/crc32c.h"
#include "relay/relay.h"

#include <stdlib.h>
#include <string.h>

#define TOPICS_KEPT 256 /* beyond that those with nothing to do are let go */

bool aep__topic_name_valid(struct aep__slice name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (name.len == 0 || name.len > AEP__TOPIC_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] == '\0' || !strchr(letters, name.data[i]))
            return false;
    return !(name.data[0] == '.' && (name.len == 1 || (name.len == 2 && name.data[1] == '.')));
}

static bool named(const struct aep__topic *topic, struct aep__slice name)
{
    return topic->name_len == name.len && memcmp(topic->name, name.data, name.len) == 0;
}

static struct aep__topic **bucket_of(struct aep__topics *topics, struct aep__slice name)
{
    return &topics->buckets[aep__crc32c(0, name.data, name.len) % AEP__TOPIC_BUCKETS];
}

static void close_handle(struct aep__relay *relay, struct aep__topic *topic)
{
    if (topic->handle)
        relay->sink->ops->topic_close(relay->sink, topic->handle);
    topic->handle = NULL;
}

/* Frees those that fn says; which fn is: unused() or any(). */
static void free_topics(struct aep__relay *relay, bool (*fn)(const struct aep__topic *))
{
    for (size_t i = 0; i < AEP__TOPIC_BUCKETS; i++)
        for (struct aep__topic **at = &relay->topics.buckets[i]; *at;) {
            struct aep__topic *topic = *at;
            if (!fn(topic)) {
                at = &topic->next;
                continue;
            }
            *at = topic->next;
            close_handle(relay, topic);
            free(topic);
            relay->topics.count--;
        }
    relay->topics.newest = NULL;
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

static struct aep__topic *make_topic(struct aep__relay *relay, struct aep__slice name)
{
    if (relay->topics.count >= TOPICS_KEPT)
        free_topics(relay, unused);
    struct aep__topic *topic = calloc(1, sizeof *topic + name.len + 1);
    if (!topic)
        return NULL;
    memcpy(topic->name, name.data, name.len);
    topic->name_len = name.len;
    struct aep__topic **bucket = bucket_of(&relay->topics, name);
    topic->next = *bucket;
    *bucket = topic;
    relay->topics.count++;
    return topic;
}

struct aep__topic *aep__topic_get(struct aep__relay *relay, struct aep__slice name)
{
    struct aep__topic *topic = relay->topics.newest;
    if (!topic || !named(topic, name)) {
        topic = *bucket_of(&relay->topics, name);
        while (topic && !named(topic, name))
            topic = topic->next;
    }
    if (!topic)
        topic = make_topic(relay, name);
    if (topic && !topic->handle)
        topic->handle = relay->sink->ops->topic_open(relay->sink, topic->name);
    relay->topics.newest = topic;
    return topic && topic->handle ? topic : NULL;
}

void aep__topics_each(struct aep__relay *relay,
                      void (*fn)(struct aep__relay *, struct aep__topic *))
{
    for (size_t i = 0; i < AEP__TOPIC_BUCKETS; i++)
        for (struct aep__topic *topic = relay->topics.buckets[i]; topic; topic = topic->next)
            fn(relay, topic);
}

void aep__topics_close(struct aep__relay *relay)
{
    aep__topics_each(relay, close_handle);
}

void aep__topics_done(struct aep__relay *relay)
{
    free_topics(relay, any);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "track/reading.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/topic_name.h"
#include "event/kinds.h"

#include <inttypes.h>
#include <stdio.h>
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

static size_t find_topic(const struct aep__reading_topics *topics, const char *name)
{
    size_t i = 0;
    while (i < topics->count && strcmp(topics->list[i], name) != 0)
        i++;
    return i;
}

static int add_topic(struct aep__reading_topics *topics, struct aep__slice name, bool spare,
                     aep_error *err)
{
    char text[AEP__TOPIC_NAME_MAX + 1];
    if (!aep__topic_name_valid(name))
        return aep__error(err, AEP_ECONFIG, "track.topics", "track.topics: \"%.*s\" is no topic",
                          (int)(name.len < 100 ? name.len : 100), name.data);
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    size_t at = find_topic(topics, text);
    if (at < topics->count) {
        topics->spare[at] &= spare;
        return AEP_OK;
    }
    if (topics->count == AEP__READING_TOPICS_MAX)
        return aep__error(err, AEP_ECONFIG, "track.topics", "track.topics: more than %d topics",
                          AEP__READING_TOPICS_MAX);
    topics->list[topics->count] = strdup(text);
    if (!topics->list[topics->count])
        return aep__error_memory(err);
    topics->spare[topics->count++] = spare;
    return AEP_OK;
}

int aep__reading_topics(struct aep__reading_topics *ret, const aep_config *config, aep_error *err)
{
    const char *more = aep__config_text(config, AEP__OPT_TRACK_TOPICS);
    bool single = aep__config_is(config, AEP__OPT_TOPIC_LAYOUT, "single");
    *ret = (struct aep__reading_topics){0};
    int code = add_topic(ret, aep__slice_text(AEP__TOPIC_SINGLE), !single, err);
    for (int kind = 0; code == AEP_OK && kind < AEP_KIND_COUNT; kind++)
        code = add_topic(ret, aep__slice_text(aep__kinds[kind].event_type), single, err);
    ret->own = ret->count;
    while (code == AEP_OK && *more) {
        size_t len = strcspn(more, ", ");
        if (len > 0)
            code = add_topic(ret, (struct aep__slice){more, len}, false, err);
        more += len + (more[len] != '\0');
    }
    return code;
}

void aep__reading_topics_done(struct aep__reading_topics *topics)
{
    while (topics->count > 0)
        free(topics->list[--topics->count]);
}

/* ---- comparing ---- */

static uint64_t digest(const char *text)
{
    uint8_t whole[16];
    uint64_t begin;
    aep__digest128(text, strlen(text), whole);
    memcpy(&begin, whole, sizeof begin);
    return begin;
}

static void write_sources(const aep_config *config, bool asks, struct aep__buf *out)
{
    bool spool = aep__reading_wants(config, "spool"), kafka = aep__reading_wants(config, "kafka");
    bool open = asks && !kafka && !*aep__config_text(config, AEP__OPT_TRACK_SOURCES);
    aep__buf_text(out, open ? "-" : spool && kafka ? "spool,kafka" : kafka ? "kafka" : "spool");
}

static void write_servers(const aep_config *config, struct aep__buf *out)
{
    struct aep__buf destination = {0};
    aep__config_destination(config, &destination);
    aep__buf_format(out, "%016" PRIx64, digest(aep__buf_string(&destination)));
    aep__buf_done(&destination);
}

/* Their order means nothing. */
static void write_topics(const aep_config *config, struct aep__buf *out)
{
    struct aep__reading_topics topics;
    aep_error err;
    uint64_t all = 0;
    if (aep__reading_topics(&topics, config, &err) == AEP_OK)
        for (size_t i = 0; i < topics.count; i++)
            all ^= digest(topics.list[i]);
    aep__buf_format(out, "%016" PRIx64, all);
    aep__reading_topics_done(&topics);
}

static void write_backfill(const aep_config *config, struct aep__buf *out)
{
    aep__buf_format(out, "%" PRId64, aep__config_int(config, AEP__OPT_TRACK_BACKFILL_S));
}

/* What matters only where Kafka is read. */
static const struct {
    const char *name;
    void (*write)(const aep_config *config, struct aep__buf *out);
} of_kafka[] = {
    {"Kafka's servers or login", write_servers},
    {"track.topics", write_topics},
    {"track.backfill", write_backfill},
};
#define OF_KAFKA (sizeof of_kafka / sizeof *of_kafka)

void aep__reading_settings(const aep_config *config, bool asks, struct aep__buf *out)
{
    bool kafka = aep__reading_wants(config, "kafka");
    write_sources(config, asks, out);
    for (size_t i = 0; i < OF_KAFKA; i++) {
        aep__buf_text(out, " ");
        if (kafka)
            of_kafka[i].write(config, out);
        else
            aep__buf_text(out, "-");
    }
}

/* The word at *line; moves it to the next one. */
static struct aep__slice next_word(const char **line)
{
    struct aep__slice word = {*line, strcspn(*line, " ")};
    *line += word.len + ((*line)[word.len] == ' ');
    return word;
}

static bool differ(struct aep__slice one, struct aep__slice other)
{
    bool open = one.len == 0 || other.len == 0 || one.data[0] == '-' || other.data[0] == '-';
    return !open && (one.len != other.len || memcmp(one.data, other.data, one.len) != 0);
}

bool aep__reading_differs(const char *settings, const char *asked, char *names, size_t size)
{
    size_t len = 0;
    names[0] = '\0';
    for (size_t i = 0; i < 1 + OF_KAFKA; i++) {
        struct aep__slice one = next_word(&settings), other = next_word(&asked);
        if (!differ(one, other) || len >= size)
            continue;
        int more = snprintf(names + len, size - len, "%s%s", len > 0 ? ", " : "",
                            i == 0 ? "track.sources" : of_kafka[i - 1].name);
        len += more > 0 ? (size_t)more : 0;
    }
    return len > 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One thread, besides librdkafka's and the scout's. A partition:
 *
 *     found by the scout ─▶ started ─▶ read ──▶ out of range, or no longer there
 *              ▲                                        │
 *              └── a round that began after that ◀──────┘ */
#include "track/source_kafka.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/topic_name.h"
#include "event/kinds.h"
#include "kafka/client.h"
#include "kafka/fault.h"
#include "track/source_kafka_scout.h"
#include "track/source_spool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TOPICS_MAX 128
#define EVENT_MAX                                                                                  \
    ((size_t)1 << 20) /* what brokers take by default; limits.message_bytes may be more */
#define QUEUE_BACKOFF_SINCE 0x02020000 /* the librdkafka that has fetch.queue.backoff.ms */
#define BOOKMARK "kafka"               /* up to when everything has been read */

struct partition {
    unsigned topic;
    int32_t id;
    bool started;
    bool checks; /* the event before `next` is to come first: it shows that the topic is the same */
    bool dirty;  /* `next` has to be put */
    bool anew;   /* the topic has been made again */
    uint64_t after;  /* it starts with a report of that round or later */
    int64_t next;    /* offset of the next event; what is stored, or will be with the transaction */
    int64_t stamp;   /* milliseconds, of the event before; 0: not known */
    int64_t end;     /* as the scout said */
    int64_t mark;    /* `next`, */
    int64_t mark_us; /* at that time (monotonic) */
};

struct aep__source_kafka {
    struct aep__log *log; /* borrowed */
    char *servers;
    size_t event_max; /* bytes of an event */
    rd_kafka_t *rk;
    rd_kafka_queue_t *main, *events; /* errors; what is consumed */
    rd_kafka_topic_t *topics[TOPICS_MAX];
    size_t topic_count;
    struct aep__scout *scout;
    int event_fd;
    struct partition *list;
    size_t count;
    struct aep__scouting scouting; /* the newest report */
    bool fresh;                    /* it has not been looked at */
    uint64_t wanted;               /* the round that is waited for */
    bool loaded;                   /* as_of_us is the store's, or newer */
    int64_t as_of_us, noted_us;
    int64_t problem_us;
    char problem[256], trouble[256], hint[256];
    uint64_t missed, untold;
};

static const char *topic_name(const struct aep__source_kafka *source, unsigned topic)
{
    return rd_kafka_topic_name(source->topics[topic]);
}

/* ---- the client ---- */

/* Memory: what is fetched ahead of us, and a fetch under way. */
static const struct aep__property defaults[] = {
    {"client.id", "aep-tracker"},
    {"queued.max.messages.kbytes", "8192"},
    {"fetch.max.bytes", "2097152"},
    {"fetch.message.max.bytes", "524288"},
    {"reconnect.backoff.max.ms", "1000"},
    {"socket.nagle.disable", "true"},
    {NULL, NULL},
};
static const struct aep__property ours[] = {
    {"enable.auto.commit", "false"},       {"enable.auto.offset.store", "false"},
    {"enable.partition.eof", "true"},      {"auto.offset.reset", "error"},
    {"allow.auto.create.topics", "false"}, {NULL, NULL},
};

static int make_client(rd_kafka_t **ret, const aep_config *config, int events, aep_error *err)
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

static int make_consumer(struct aep__source_kafka *source, const aep_config *config, aep_error *err)
{
    static const uint64_t one = 1;
    int code = make_client(&source->rk, config, RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_ERROR, err);
    if (code != AEP_OK)
        return code;
    source->main = rd_kafka_queue_get_main(source->rk);
    source->events = rd_kafka_queue_new(source->rk);
    rd_kafka_queue_io_event_enable(source->main, source->event_fd, &one, sizeof one);
    rd_kafka_queue_io_event_enable(source->events, source->event_fd, &one, sizeof one);
    return AEP_OK;
}

static int start_scout(struct aep__source_kafka *source, const aep_config *config, aep_error *err)
{
    int64_t backfill_us = aep__config_int(config, AEP__OPT_TRACK_BACKFILL_S) * 1000000;
    rd_kafka_t *rk;
    int code = make_client(&rk, config, RD_KAFKA_EVENT_FETCH, err);
    if (code != AEP_OK)
        return code;
    return aep__scout_start(&source->scout, rk, source->topics, source->topic_count,
                            aep__clock_wall_us() - backfill_us, source->event_fd, err);
}

static int add_topic(struct aep__source_kafka *source, struct aep__slice name, aep_error *err)
{
    char text[AEP__TOPIC_NAME_MAX + 1];
    if (!aep__topic_name_valid(name))
        return aep__error(err, AEP_ECONFIG, "track.topics", "track.topics: \"%.*s\" is no topic",
                          (int)(name.len < 100 ? name.len : 100), name.data);
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    for (unsigned i = 0; i < source->topic_count; i++)
        if (strcmp(topic_name(source, i), text) == 0)
            return AEP_OK;
    if (source->topic_count == TOPICS_MAX)
        return aep__error(err, AEP_ECONFIG, "track.topics", "track.topics: more than %d topics",
                          TOPICS_MAX);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(source->rk, text, NULL);
    if (!topic)
        return aep__error_memory(err);
    source->topics[source->topic_count++] = topic;
    return AEP_OK;
}

static int add_topics(struct aep__source_kafka *source, const char *more, aep_error *err)
{
    int code = add_topic(source, aep__slice_text(AEP__TOPIC_SINGLE), err);
    for (int kind = 0; code == AEP_OK && kind < AEP_KIND_COUNT; kind++)
        code = add_topic(source, aep__slice_text(aep__kinds[kind].event_type), err);
    while (code == AEP_OK && *more) {
        size_t len = strcspn(more, ", ");
        if (len > 0)
            code = add_topic(source, (struct aep__slice){more, len}, err);
        more += len + (more[len] != '\0');
    }
    return code;
}

int aep__source_kafka_open(struct aep__source_kafka **ret, const aep_config *config,
                           struct aep__log *log, aep_error *err)
{
    const char *servers = aep__config_text(config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS);
    if (!*servers)
        return aep__error(err, AEP_ECONFIG, "kafka.bootstrap.servers",
                          "KAFKA_BOOTSTRAP_SERVERS is not set");
    struct aep__source_kafka *source = calloc(1, sizeof *source);
    if (!source)
        return aep__error_memory(err);
    source->log = log;
    source->event_max = (size_t)aep__config_int(config, AEP__OPT_LIMITS_MESSAGE_BYTES);
    if (source->event_max < EVENT_MAX)
        source->event_max = EVENT_MAX;
    source->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    source->servers = strdup(servers);
    int code = source->servers ? AEP_OK : aep__error_memory(err);
    if (code == AEP_OK && source->event_fd < 0)
        code = aep__error_errno(err, AEP_EIO, NULL, "cannot make an eventfd");
    if (code == AEP_OK)
        code = make_consumer(source, config, err);
    if (code == AEP_OK)
        code = add_topics(source, aep__config_text(config, AEP__OPT_TRACK_TOPICS), err);
    if (code == AEP_OK)
        code = start_scout(source, config, err);
    if (code != AEP_OK) {
        aep__source_kafka_close(source);
        return code;
    }
    source->wanted = 1;
    *ret = source;
    return AEP_OK;
}

static void stop(struct aep__source_kafka *source, struct partition *partition)
{
    if (partition->started)
        rd_kafka_consume_stop(source->topics[partition->topic], partition->id);
    partition->started = partition->checks = false;
}

void aep__source_kafka_rewind(struct aep__source_kafka *source)
{
    for (size_t i = 0; i < source->count; i++)
        stop(source, &source->list[i]);
    source->count = 0;
    source->untold = 0;
    source->loaded = false;
    source->as_of_us = source->noted_us = 0;
    source->wanted = aep__scout_ask(source->scout);
}

static void destroy_queue(rd_kafka_queue_t *queue)
{
    if (!queue)
        return;
    rd_kafka_queue_io_event_enable(queue, -1, NULL, 0);
    rd_kafka_queue_destroy(queue);
}

void aep__source_kafka_close(struct aep__source_kafka *source)
{
    if (!source)
        return;
    for (size_t i = 0; i < source->count; i++)
        stop(source, &source->list[i]);
    aep__scout_stop(source->scout);
    aep__scouting_done(&source->scouting);
    destroy_queue(source->main);
    destroy_queue(source->events);
    for (size_t i = 0; i < source->topic_count; i++)
        rd_kafka_topic_destroy(source->topics[i]);
    if (source->rk)
        rd_kafka_destroy(source->rk);
    if (source->event_fd >= 0)
        close(source->event_fd);
    free(source->list);
    free(source->servers);
    free(source);
}

/* ---- what is the matter with it ---- */

static void set_problem(struct aep__source_kafka *source, const char *text)
{
    if (!source->problem[0]) {
        source->problem_us = aep__clock_wall_us();
        aep__log_write(source->log, AEP_LOG_WARNING, "Kafka cannot be read: %s", text);
    }
    snprintf(source->problem, sizeof source->problem, "%s", text);
}

static void clear_problem(struct aep__source_kafka *source)
{
    if (source->problem[0])
        aep__log_write(source->log, AEP_LOG_INFO, "Kafka can be read again");
    source->problem[0] = source->hint[0] = '\0';
    source->problem_us = 0;
}

/* A server that is down is only a hint: another one may be up. */
static void take_error(struct aep__source_kafka *source, rd_kafka_event_t *event)
{
    const char *text = rd_kafka_event_error_string(event);
    switch (aep__fault_of(rd_kafka_event_error(event))) {
    case AEP__FAULT_TLS:
    case AEP__FAULT_LOGIN:
        set_problem(source, text);
        break;
    case AEP__FAULT_AWAY:
        snprintf(source->hint, sizeof source->hint, "%s", text);
        break;
    case AEP__FAULT_ALL_AWAY:
        set_problem(source, source->hint[0] ? source->hint : text);
        break;
    default:
        aep__log_write(source->log, AEP_LOG_WARNING, "Kafka: %s", text);
    }
}

static void take_errors(struct aep__source_kafka *source)
{
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(source->main, 0))) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            take_error(source, event);
        rd_kafka_event_destroy(event);
    }
}

/* ---- where partitions are read ---- */

static void name_bookmark(const struct aep__source_kafka *source, const struct partition *partition,
                          struct aep__bookmark *ret)
{
    *ret = (struct aep__bookmark){.segment = (uint64_t)partition->stamp,
                                  .offset = (uint64_t)partition->next};
    snprintf(ret->source, sizeof ret->source, "kafka:%.40s:%.249s:%" PRId32,
             source->scouting.cluster, topic_name(source, partition->topic), partition->id);
}

static int put_position(struct aep__source_kafka *source, struct aep__store *store,
                        struct partition *partition, aep_error *err)
{
    struct aep__bookmark bookmark;
    if (!partition->dirty)
        return AEP_OK;
    name_bookmark(source, partition, &bookmark);
    partition->dirty = false;
    return store->ops->put_position(store, &bookmark, err);
}

static int put_positions(struct aep__source_kafka *source, struct aep__store *store, aep_error *err)
{
    int code = AEP_OK;
    for (size_t i = 0; code == AEP_OK && i < source->count; i++)
        code = put_position(source, store, &source->list[i], err);
    if (code == AEP_OK && source->untold > 0)
        code = store->ops->add_count(store, AEP__COUNT_MISSED, (int64_t)source->untold, err);
    source->untold = 0;
    return code;
}

static void move_to(struct partition *partition, int64_t next, int64_t stamp)
{
    partition->next = next;
    partition->stamp = stamp;
    partition->dirty = true;
}

/* Another topic has its name. */
static void begin_anew(struct aep__source_kafka *source, struct partition *partition, int64_t begin)
{
    aep__log_write(source->log, AEP_LOG_WARNING,
                   "topic %s has been made again: partition %" PRId32
                   " is read from its beginning, offset %" PRId64 " on",
                   topic_name(source, partition->topic), partition->id, begin);
    move_to(partition, begin, 0);
    partition->anew = false;
}

/* Retention has removed what was to be read. */
static void pass_to(struct aep__source_kafka *source, struct partition *partition, int64_t begin)
{
    uint64_t missed = (uint64_t)(begin - partition->next);
    aep__log_write(source->log, AEP_LOG_WARNING,
                   "%s, partition %" PRId32 ": %" PRIu64
                   " events were removed before they were read; reading from offset %" PRId64 " on",
                   topic_name(source, partition->topic), partition->id, missed, begin);
    source->missed += missed;
    source->untold += missed;
    move_to(partition, begin, 0);
}

/* To be started by a round that begins after now. */
static void restart(struct aep__source_kafka *source, struct partition *partition)
{
    stop(source, partition);
    partition->after = aep__scout_ask(source->scout);
    source->wanted = partition->after;
}

/* ---- starting ---- */

static void start(struct aep__source_kafka *source, struct partition *partition,
                  const struct aep__bounds *bounds)
{
    if (partition->anew || partition->next > bounds->end)
        begin_anew(source, partition, bounds->begin);
    else if (partition->next < bounds->begin)
        pass_to(source, partition, bounds->begin);
    partition->checks = partition->stamp != 0 && partition->next > bounds->begin;
    int64_t offset = partition->next - partition->checks;
    if (rd_kafka_consume_start_queue(source->topics[partition->topic], partition->id, offset,
                                     source->events) != 0) {
        snprintf(source->trouble, sizeof source->trouble, "%s: %s",
                 topic_name(source, partition->topic), rd_kafka_err2str(rd_kafka_last_error()));
        return;
    }
    partition->started = true;
    aep__log_write(source->log, AEP_LOG_INFO,
                   "reading %s, partition %" PRId32 ", from offset %" PRId64,
                   topic_name(source, partition->topic), partition->id, partition->next);
}

static int add_partition(struct aep__source_kafka *source, struct aep__store *store,
                         const struct aep__bounds *bounds, aep_error *err)
{
    struct partition partition = {.topic = bounds->topic, .id = bounds->id};
    struct aep__bookmark bookmark;
    struct partition *list = realloc(source->list, (source->count + 1) * sizeof *list);
    if (!list)
        return aep__error_memory(err);
    source->list = list;
    name_bookmark(source, &partition, &bookmark);
    int found = store->ops->get_position(store, &bookmark, err);
    if (found < 0)
        return err->code;
    if (found > 0) {
        partition.next = (int64_t)bookmark.offset;
        partition.stamp = (int64_t)bookmark.segment;
    } else {
        move_to(&partition, bounds->since > bounds->begin ? bounds->since : bounds->begin, 0);
    }
    source->list[source->count++] = partition;
    return AEP_OK;
}

static struct partition *find_partition(struct aep__source_kafka *source, unsigned topic,
                                        int32_t id)
{
    for (size_t i = 0; i < source->count; i++)
        if (source->list[i].topic == topic && source->list[i].id == id)
            return &source->list[i];
    return NULL;
}

/* ---- reports ---- */

/* The end is before what had been read when the round began. */
static bool is_beyond(const struct aep__scouting *report, const struct partition *partition,
                      const struct aep__bounds *bounds)
{
    return partition->mark > bounds->end && partition->mark_us > 0 &&
           partition->mark_us < report->began_mono_us;
}

static int take_bounds(struct aep__source_kafka *source, struct aep__store *store,
                       const struct aep__bounds *bounds, aep_error *err)
{
    struct partition *partition = find_partition(source, bounds->topic, bounds->id);
    if (!partition) {
        int code = add_partition(source, store, bounds, err);
        if (code != AEP_OK)
            return code;
        partition = &source->list[source->count - 1];
    }
    partition->end = bounds->end;
    if (partition->started && is_beyond(&source->scouting, partition, bounds))
        restart(source, partition);
    else if (!partition->started && source->scouting.round >= partition->after)
        start(source, partition, bounds);
    partition->mark = partition->next;
    partition->mark_us = aep__clock_mono_us();
    return AEP_OK;
}

/* A topic that is gone comes back, if it does, as another one. */
static int drop_missing(struct aep__source_kafka *source, struct aep__store *store, aep_error *err)
{
    int code = AEP_OK;
    size_t kept = 0;
    for (size_t i = 0; i < source->count; i++) {
        struct partition *partition = &source->list[i];
        if (code != AEP_OK || source->scouting.topics[partition->topic] != AEP__TOPIC_MISSING) {
            source->list[kept++] = *partition;
            continue;
        }
        aep__log_write(source->log, AEP_LOG_WARNING, "topic %s has been deleted",
                       topic_name(source, partition->topic));
        stop(source, partition);
        move_to(partition, 0, 0);
        code = put_position(source, store, partition, err);
    }
    source->count = kept;
    return code;
}

static int take_report(struct aep__source_kafka *source, struct aep__store *store, aep_error *err)
{
    struct aep__scouting report;
    int code = AEP_OK;
    if (!aep__scout_take(source->scout, &report))
        return AEP_OK;
    aep__scouting_done(&source->scouting);
    source->scouting = report;
    if (report.problem[0]) {
        set_problem(source, source->hint[0] ? source->hint : report.problem);
        return AEP_OK;
    }
    clear_problem(source);
    snprintf(source->trouble, sizeof source->trouble, "%s", report.trouble);
    if (report.topics)
        code = drop_missing(source, store, err);
    for (size_t i = 0; code == AEP_OK && report.list && i < report.count; i++)
        code = take_bounds(source, store, &report.list[i], err);
    return code;
}

/* ---- events ---- */

/* "UUID:ORDINAL" */
static void read_sequence(const rd_kafka_message_t *message, struct aep__sequence *ret)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    char digits[24], *end;
    const size_t before = AEP_ID_SIZE - 1;
    if (rd_kafka_message_headers(message, &headers) ||
        rd_kafka_header_get_last(headers, "x-aep-seq", &value, &size))
        return;
    const char *text = value;
    if (!text || size < before + 2 || size - before - 1 >= sizeof digits || text[before] != ':' ||
        !aep__id_parse(text, before, ret->spool))
        return;
    memcpy(digits, text + before + 1, size - before - 1);
    digits[size - before - 1] = '\0';
    errno = 0;
    ret->ordinal = strtoull(digits, &end, 10);
    ret->known = digits[0] >= '0' && digits[0] <= '9' && *end == '\0' && errno == 0 &&
                 ret->ordinal <= INT64_MAX;
}

static int take_event(struct aep__source_kafka *source, struct aep__ingest *ingest,
                      const rd_kafka_message_t *message, aep_error *err)
{
    struct aep__arrival arrival = {.body = {message->payload, message->len},
                                   .fate = AEP__FATE_ACKED,
                                   .now_us = aep__clock_wall_us()};
    if (!message->payload || message->len == 0)
        return aep__ingest_reject(ingest, AEP__REJECTED_EMPTY);
    if (message->len > source->event_max)
        return aep__ingest_reject(ingest, AEP__REJECTED_SIZE);
    read_sequence(message, &arrival.sequence);
    return aep__ingest_take(ingest, &arrival, err);
}

/* The event before the position, if that is what comes first, shows whether it is still the topic that
 * was read. True: nothing more is to be done with it. */
static bool check(struct aep__source_kafka *source, struct partition *partition, int64_t offset,
                  int64_t stamp)
{
    bool checks = partition->checks;
    partition->checks = false;
    if (offset >= partition->next)
        return false;
    if (checks && offset == partition->next - 1 && stamp != partition->stamp) {
        partition->anew = true;
        restart(source, partition);
    }
    return true;
}

static int take_message(struct aep__source_kafka *source, struct aep__ingest *ingest,
                        const rd_kafka_message_t *message, unsigned *count, aep_error *err)
{
    unsigned topic = 0;
    const char *name = rd_kafka_topic_name(message->rkt);
    while (topic < source->topic_count && strcmp(topic_name(source, topic), name) != 0)
        topic++;
    struct partition *partition = find_partition(source, topic, message->partition);
    int64_t stamp = rd_kafka_message_timestamp(message, NULL);
    if (!partition || !partition->started || check(source, partition, message->offset, stamp))
        return AEP_OK;
    move_to(partition, message->offset + 1, stamp > 0 ? stamp : 0);
    ++*count;
    return take_event(source, ingest, message, err);
}

/* Of a partition, or the client. */
static void take_refusal(struct aep__source_kafka *source, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    rd_kafka_topic_partition_t *about = rd_kafka_event_topic_partition(event);
    struct partition *partition = NULL;
    for (unsigned i = 0; about && i < source->topic_count; i++)
        if (strcmp(topic_name(source, i), about->topic) == 0)
            partition = find_partition(source, i, about->partition);
    if (!partition) {
        take_error(source, event);
    } else if (error == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        partition->checks = false;
        if (about->offset > partition->next) /* what the end of a transaction left */
            move_to(partition, about->offset, 0);
    } else if (partition->started) {
        aep__log_write(source->log, AEP_LOG_WARNING, "%s, partition %" PRId32 ": %s", about->topic,
                       partition->id, rd_kafka_event_error_string(event));
        snprintf(source->trouble, sizeof source->trouble, "%s: %s", about->topic,
                 rd_kafka_event_error_string(event));
        restart(source, partition);
    }
    if (about)
        rd_kafka_topic_partition_destroy(about);
}

static int take_events(struct aep__source_kafka *source, struct aep__ingest *ingest, unsigned most,
                       unsigned *count, bool *ret_end, aep_error *err)
{
    int code = AEP_OK;
    while (code == AEP_OK && *count < most && !*ret_end) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(source->events, 0);
        const rd_kafka_message_t *message;
        *ret_end = !event;
        if (!event)
            break;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            take_refusal(source, event);
        else
            while (code == AEP_OK && (message = rd_kafka_event_message_next(event)))
                code = take_message(source, ingest, message, count, err);
        rd_kafka_event_destroy(event);
    }
    return code;
}

/* ---- how far it is ---- */

/* Where all partitions ended when the scout's round began has been read: then, so has what came before. */
static void look_how_far(struct aep__source_kafka *source)
{
    const struct aep__scouting *report = &source->scouting;
    if (report->round == 0 || report->problem[0] || report->trouble[0] || source->trouble[0])
        return;
    for (size_t i = 0; i < source->count; i++)
        if (!source->list[i].started || source->list[i].checks ||
            source->list[i].next < source->list[i].end)
            return;
    source->as_of_us = report->began_us;
}

static int load_as_of(struct aep__source_kafka *source, struct aep__store *store, aep_error *err)
{
    struct aep__bookmark bookmark = {.source = BOOKMARK};
    if (source->loaded)
        return AEP_OK;
    int found = store->ops->get_position(store, &bookmark, err);
    if (found < 0)
        return err->code;
    source->loaded = true;
    source->as_of_us = source->noted_us = found ? (int64_t)bookmark.offset : 0;
    return AEP_OK;
}

int aep__source_kafka_read(struct aep__source_kafka *source, struct aep__ingest *ingest,
                           unsigned most, unsigned *ret_count, bool *ret_end, aep_error *err)
{
    *ret_count = 0;
    *ret_end = false;
    take_errors(source);
    int code = load_as_of(source, ingest->store, err);
    if (code == AEP_OK)
        code = take_report(source, ingest->store, err);
    if (code == AEP_OK)
        code = take_events(source, ingest, most, ret_count, ret_end, err);
    if (code == AEP_OK)
        code = put_positions(source, ingest->store, err);
    if (code == AEP_OK)
        look_how_far(source);
    return code;
}

int aep__source_kafka_note(struct aep__source_kafka *source, struct aep__store *store,
                           aep_error *err)
{
    struct aep__bookmark bookmark = {.source = BOOKMARK, .offset = (uint64_t)source->as_of_us};
    if (!source->loaded || source->as_of_us <= source->noted_us)
        return AEP_OK;
    source->noted_us = source->as_of_us;
    return store->ops->put_position(store, &bookmark, err);
}

/* ---- waiting ---- */

void aep__source_kafka_ask(struct aep__source_kafka *source)
{
    source->wanted = aep__scout_ask(source->scout);
}

bool aep__source_kafka_awaited(const struct aep__source_kafka *source)
{
    const struct aep__scouting *report = &source->scouting;
    if (source->problem[0])
        return false;
    if (report->round < source->wanted)
        return true;
    return !source->trouble[0] && source->as_of_us < report->began_us;
}

int aep__source_kafka_fd(const struct aep__source_kafka *source)
{
    return source->event_fd;
}

void aep__source_kafka_drain(struct aep__source_kafka *source)
{
    uint64_t rung;
    ssize_t got = read(source->event_fd, &rung, sizeof rung);
    (void)got; /* nothing: it has been read before */
}

void aep__source_kafka_status(const struct aep__source_kafka *source, struct aep__kafka_status *ret)
{
    *ret = (struct aep__kafka_status){.servers = source->servers,
                                      .as_of_us = source->as_of_us,
                                      .problem_us = source->problem_us,
                                      .problem = source->problem,
                                      .trouble = source->trouble,
                                      .missed = source->missed};
}

bool aep__source_kafka_partition(const struct aep__source_kafka *source, size_t number,
                                 struct aep__kafka_partition *ret)
{
    if (number >= source->count)
        return false;
    const struct partition *partition = &source->list[number];
    *ret = (struct aep__kafka_partition){.topic = topic_name(source, partition->topic),
                                         .id = partition->id,
                                         .next = partition->next,
                                         .end = partition->end};
    return true;
}

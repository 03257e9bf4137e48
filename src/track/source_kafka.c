/* SPDX-License-Identifier: Apache-2.0 */
/* One thread, besides librdkafka's and the scout's. */
#include "track/source_kafka.h"

#include "base/clock.h"
#include "base/error.h"
#include "track/source_kafka_client.h"
#include "track/source_kafka_fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENT_MAX                                                                                  \
    ((size_t)1 << 20) /* what brokers take by default; limits.message_bytes may be more */
#define HELD_MAX ((size_t)8 << 20) /* bytes of events that have been fetched and not been read */
#define BOOKMARK "kafka"           /* up to when everything has been read */

struct aep__source_kafka {
    struct aep__log *log;     /* borrowed, */
    const aep_config *config; /* as is this, */
    const char *place;        /* and this */
    struct aep__source_group *group;
    bool knows_group; /* whether the store has one */
    char *servers;
    size_t event_max; /* bytes of an event */
    rd_kafka_t *rk;
    rd_kafka_queue_t *main, *events; /* errors; what is consumed */
    struct aep__source_topics topics;
    struct aep__scout *scout;
    int event_fd;
    struct aep__partitions partitions;
    struct aep__scouting scouting; /* the newest report */
    struct aep__source_trouble trouble;
    bool loaded; /* as_of_us is the store's, or newer */
    int64_t as_of_us, noted_us;
};

/* ---- the client ---- */

static int make_consumer(struct aep__source_kafka *source, const aep_config *config, aep_error *err)
{
    static const uint64_t one = 1;
    int code =
        aep__source_client(&source->rk, config, RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_ERROR, err);
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
    int code = aep__source_client(&rk, config, RD_KAFKA_EVENT_FETCH, err);
    if (code != AEP_OK)
        return code;
    return aep__scout_start(&source->scout, rk, &source->topics, aep__clock_wall_us() - backfill_us,
                            source->event_fd, err);
}

int aep__source_kafka_open(struct aep__source_kafka **ret, const aep_config *config,
                           const char *place, struct aep__log *log, aep_error *err)
{
    const char *servers = aep__config_text(config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS);
    if (!*servers)
        return aep__error(err, AEP_ECONFIG, "kafka.bootstrap.servers",
                          "KAFKA_BOOTSTRAP_SERVERS is not set");
    struct aep__source_kafka *source = calloc(1, sizeof *source);
    if (!source)
        return aep__error_memory(err);
    source->log = source->trouble.log = log;
    source->config = config;
    source->place = place;
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
        code = aep__source_topics_add(&source->topics, source->rk, config, err);
    if (code == AEP_OK)
        code = start_scout(source, config, err);
    if (code != AEP_OK) {
        aep__source_kafka_close(source);
        return code;
    }
    source->partitions = (struct aep__partitions){.log = log,
                                                  .topics = &source->topics,
                                                  .events = source->events,
                                                  .scout = source->scout,
                                                  .trouble = &source->trouble,
                                                  .merge = {.held_max = HELD_MAX},
                                                  .wanted = 1};
    *ret = source;
    return AEP_OK;
}

void aep__source_kafka_rewind(struct aep__source_kafka *source)
{
    aep__partitions_forget(&source->partitions);
    source->loaded = source->knows_group = false;
    source->as_of_us = source->noted_us = 0;
    source->partitions.wanted = aep__scout_ask(source->scout);
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
    aep__partitions_done(&source->partitions);
    aep__group_leave(source->group);
    aep__scout_stop(source->scout);
    aep__scouting_done(&source->scouting);
    destroy_queue(source->main);
    destroy_queue(source->events);
    aep__source_topics_done(&source->topics);
    if (source->rk)
        rd_kafka_destroy(source->rk);
    if (source->event_fd >= 0)
        close(source->event_fd);
    free(source->servers);
    free(source);
}

/* ---- the group, where the store is shared ---- */

static int join_group(struct aep__source_kafka *source, const char *identity, aep_error *err)
{
    if (source->group && strstr(aep__group_id(source->group), identity))
        return AEP_OK;
    aep__group_leave(source->group);
    source->partitions.group = source->group = NULL;
    int code = aep__group_join(&source->group, source->config, identity, source->place,
                               &source->topics, source->event_fd, err);
    source->partitions.group = source->group;
    if (code == AEP_OK)
        aep__log_write(source->log, AEP_LOG_INFO, "in the consumer group %s",
                       aep__group_id(source->group));
    return code;
}

static int find_group(struct aep__source_kafka *source, struct aep__store *store, aep_error *err)
{
    struct aep__buf identity = {0};
    if (source->knows_group)
        return AEP_OK;
    int shared = store->ops->identity(store, &identity, err);
    int code = shared < 0 ? err->code : AEP_OK;
    if (shared > 0)
        code = join_group(source, identity.data, err);
    source->knows_group = code == AEP_OK;
    aep__buf_done(&identity);
    return code;
}

static int look_at_group(struct aep__source_kafka *source, struct aep__store *store, aep_error *err)
{
    if (!source->group)
        return AEP_OK;
    int code = AEP_OK;
    if (aep__group_look(source->group))
        code = aep__partitions_share(&source->partitions, store, err);
    const char *problem = aep__group_problem(source->group);
    if (*problem)
        snprintf(source->trouble.topic, sizeof source->trouble.topic, "%s", problem);
    if (code == AEP_OK && aep__source_kafka_awaited(source))
        code = aep__partitions_refresh(&source->partitions, store, err);
    return code;
}

/* ---- what librdkafka and the scout tell ---- */

static void take_errors(struct aep__source_kafka *source)
{
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(source->main, 0))) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            aep__source_trouble_take(&source->trouble, event);
        rd_kafka_event_destroy(event);
    }
}

static int take_report(struct aep__source_kafka *source, struct aep__store *store, aep_error *err)
{
    struct aep__scouting report;
    if (!aep__scout_take(source->scout, &report))
        return AEP_OK;
    aep__scouting_done(&source->scouting);
    source->scouting = report;
    if (report.problem[0]) {
        aep__source_trouble_silent(&source->trouble, report.problem);
        return AEP_OK;
    }
    aep__source_trouble_clear(&source->trouble);
    snprintf(source->trouble.topic, sizeof source->trouble.topic, "%s", report.trouble);
    return aep__partitions_take(&source->partitions, &report, store, err);
}

/* ---- events ---- */

static int take_event(struct aep__ingest *ingest, const struct aep__merge_item *item,
                      aep_error *err)
{
    struct aep__arrival arrival = {.body = {item->value, item->kept},
                                   .sequence = item->sequence,
                                   .fate = AEP__FATE_ACKED,
                                   .now_us = aep__clock_wall_us()};
    if (item->size == 0)
        return aep__ingest_reject(ingest, AEP__REJECTED_EMPTY);
    if (item->kept < item->size)
        return aep__ingest_reject(ingest, AEP__REJECTED_SIZE);
    return aep__ingest_take(ingest, &arrival, err);
}

static int take_item(struct aep__source_kafka *source, struct aep__ingest *ingest,
                     struct aep__partition *partition, const struct aep__merge_item *item,
                     unsigned *count, aep_error *err)
{
    int agreed = aep__partition_confirm(&source->partitions, partition, ingest->store, err);
    if (agreed <= 0)
        return agreed < 0 ? err->code : AEP_OK;
    aep__partition_move(partition, item->offset + !item->end, item->stamp);
    if (item->end)
        return AEP_OK;
    ++*count;
    return take_event(ingest, item, err);
}

/* What librdkafka has fetched meanwhile may be what is waited for. */
static struct aep__merge_item *next_item(struct aep__source_kafka *source, struct aep__lane **ret)
{
    struct aep__merge *merge = &source->partitions.merge;
    struct aep__merge_item *item = aep__merge_take(merge, aep__clock_mono_us(), ret);
    if (item)
        return item;
    aep__fetch_turn(&source->partitions, source->event_max);
    return aep__merge_take(merge, aep__clock_mono_us(), ret);
}

static int take_events(struct aep__source_kafka *source, struct aep__ingest *ingest, unsigned most,
                       unsigned *count, bool *ret_end, aep_error *err)
{
    int code = AEP_OK;
    aep__fetch_turn(&source->partitions, source->event_max);
    while (code == AEP_OK && *count < most && !*ret_end) {
        struct aep__lane *lane;
        struct aep__merge_item *item = next_item(source, &lane);
        *ret_end = !item;
        if (item)
            code = take_item(source, ingest, aep__partitions_of(&source->partitions, lane), item,
                             count, err);
        free(item);
    }
    return code;
}

/* ---- how far it is ---- */

/* Where all partitions ended when the scout's round began has been read: then, so has what came before. */
static void look_how_far(struct aep__source_kafka *source)
{
    const struct aep__scouting *report = &source->scouting;
    if (report->round > 0 && !report->problem[0] && !report->trouble[0] &&
        !source->trouble.topic[0] && aep__partitions_ended(&source->partitions))
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
        code = find_group(source, ingest->store, err);
    if (code == AEP_OK)
        code = look_at_group(source, ingest->store, err);
    if (code == AEP_OK)
        code = take_report(source, ingest->store, err);
    if (code == AEP_OK)
        code = take_events(source, ingest, most, ret_count, ret_end, err);
    if (code == AEP_OK)
        code = aep__partitions_put(&source->partitions, ingest->store, err);
    if (code == AEP_OK)
        look_how_far(source);
    return code;
}

void aep__source_kafka_turn(struct aep__source_kafka *source)
{
    aep__partitions_turn(&source->partitions);
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
    source->partitions.wanted = aep__scout_ask(source->scout);
}

bool aep__source_kafka_awaited(const struct aep__source_kafka *source)
{
    const struct aep__scouting *report = &source->scouting;
    if (source->trouble.problem[0])
        return false;
    if (report->round < source->partitions.wanted)
        return true;
    return !source->trouble.topic[0] && source->as_of_us < report->began_us;
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
                                      .problem_us = source->trouble.problem_us,
                                      .problem = source->trouble.problem,
                                      .trouble = source->trouble.topic,
                                      .missed = source->partitions.missed};
}

bool aep__source_kafka_partition(const struct aep__source_kafka *source, size_t number,
                                 struct aep__kafka_partition *ret)
{
    if (number >= source->partitions.count)
        return false;
    const struct aep__partition *partition = &source->partitions.list[number];
    *ret = (struct aep__kafka_partition){
        .topic = aep__source_topics_name(&source->topics, partition->topic),
        .id = partition->id,
        .next = partition->next,
        .end = partition->end};
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: round(), its report and what it calls belong to the scout's thread; `lock` guards what
 * both sides use. */
#include "track/source_kafka_scout.h"

#include "base/clock.h"
#include "base/error.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVERY_S 1
#define ANSWER_MS 2000

struct aep__scout {
    rd_kafka_t *rk;
    struct aep__source_topics topics;
    int64_t since_ms;
    int event_fd;
    char cluster[AEP__SCOUT_CLUSTER]; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    uint64_t asked; /* the number of the next round */
    bool hurry, ending, ready;
    struct aep__scouting report; /* if ready */
};

void aep__scouting_done(struct aep__scouting *scouting)
{
    free(scouting->topics);
    free(scouting->list);
    *scouting = (struct aep__scouting){0};
}

/* ---- a round ---- */

static void note(char *text, size_t size, const char *topic, rd_kafka_resp_err_t error)
{
    if (!*text)
        snprintf(text, size, "%s%s%s", topic, *topic ? ": " : "", rd_kafka_err2str(error));
}

static bool find_cluster(struct aep__scout *scout, struct aep__scouting *report)
{
    if (!scout->cluster[0]) {
        char *id = rd_kafka_clusterid(scout->rk, ANSWER_MS);
        snprintf(scout->cluster, sizeof scout->cluster, "%s", id ? id : "");
        if (id)
            rd_kafka_mem_free(scout->rk, id);
    }
    snprintf(report->cluster, sizeof report->cluster, "%s", scout->cluster);
    if (!scout->cluster[0])
        note(report->problem, sizeof report->problem, "", RD_KAFKA_RESP_ERR__TIMED_OUT);
    return scout->cluster[0] != '\0';
}

static void take_topic(const struct aep__scout *scout, struct aep__scouting *report,
                       const rd_kafka_metadata_topic_t *topic,
                       rd_kafka_topic_partition_list_t *found)
{
    unsigned i = aep__source_topics_find(&scout->topics, topic->topic);
    if (i == scout->topics.count)
        return;
    bool missing = topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    report->topics[i] = !topic->err ? AEP__TOPIC_PRESENT
                        : missing   ? AEP__TOPIC_MISSING
                                    : AEP__TOPIC_UNCLEAR;
    if (topic->err && !missing && !aep__source_topics_spares(&scout->topics, i, topic->err))
        note(report->trouble, sizeof report->trouble, topic->topic, topic->err);
    for (int p = 0; !topic->err && p < topic->partition_cnt; p++) {
        const rd_kafka_metadata_partition_t *partition = &topic->partitions[p];
        if (partition->leader >= 0)
            rd_kafka_topic_partition_list_add(found, topic->topic, partition->id);
        else
            note(report->trouble, sizeof report->trouble, topic->topic,
                 RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    }
}

/* The partitions of all topics; NULL: no answer. */
static rd_kafka_topic_partition_list_t *find_partitions(const struct aep__scout *scout,
                                                        struct aep__scouting *report)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t error = rd_kafka_metadata(scout->rk, 0, NULL, &metadata, ANSWER_MS);
    if (error) {
        note(report->problem, sizeof report->problem, "", error);
        return NULL;
    }
    rd_kafka_topic_partition_list_t *found = rd_kafka_topic_partition_list_new(8);
    for (int i = 0; i < metadata->topic_cnt; i++)
        take_topic(scout, report, &metadata->topics[i], found);
    rd_kafka_metadata_destroy(metadata);
    return found;
}

/* The offsets for a time, or for one of librdkafka's words for begin and end. */
static rd_kafka_topic_partition_list_t *find_offsets(const struct aep__scout *scout,
                                                     struct aep__scouting *report,
                                                     const rd_kafka_topic_partition_list_t *list,
                                                     int64_t time)
{
    rd_kafka_topic_partition_list_t *found = rd_kafka_topic_partition_list_copy(list);
    for (int i = 0; i < found->cnt; i++)
        found->elems[i].offset = time;
    rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(scout->rk, found, ANSWER_MS);
    if (!error)
        return found;
    note(report->problem, sizeof report->problem, "", error);
    rd_kafka_topic_partition_list_destroy(found);
    return NULL;
}

static void take_bounds(const struct aep__scout *scout, struct aep__scouting *report,
                        const rd_kafka_topic_partition_t *begin,
                        const rd_kafka_topic_partition_t *end,
                        const rd_kafka_topic_partition_t *since)
{
    rd_kafka_resp_err_t error = begin->err ? begin->err : end->err ? end->err : since->err;
    if (error) {
        note(report->trouble, sizeof report->trouble, begin->topic, error);
        return;
    }
    report->list[report->count++] = (struct aep__bounds){
        .topic = aep__source_topics_find(&scout->topics, begin->topic),
        .id = begin->partition,
        .begin = begin->offset,
        .end = end->offset,
        .since = since->offset >= 0 ? since->offset : end->offset,
    };
}

/* The end comes first: what comes meanwhile is beyond it. */
static void find_bounds(const struct aep__scout *scout, struct aep__scouting *report,
                        const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *begin = NULL, *since = NULL,
                                    *end = find_offsets(scout, report, list, RD_KAFKA_OFFSET_END);
    if (end)
        begin = find_offsets(scout, report, list, RD_KAFKA_OFFSET_BEGINNING);
    if (begin)
        since = find_offsets(scout, report, list, scout->since_ms);
    report->list = calloc((size_t)list->cnt + 1, sizeof *report->list);
    for (int i = 0; report->list && since && i < list->cnt; i++)
        take_bounds(scout, report, &begin->elems[i], &end->elems[i], &since->elems[i]);
    if (end)
        rd_kafka_topic_partition_list_destroy(end);
    if (begin)
        rd_kafka_topic_partition_list_destroy(begin);
    if (since)
        rd_kafka_topic_partition_list_destroy(since);
}

static void make_round(struct aep__scout *scout, struct aep__scouting *report)
{
    report->topics = malloc(scout->topics.count * sizeof *report->topics);
    for (size_t i = 0; report->topics && i < scout->topics.count; i++)
        report->topics[i] = AEP__TOPIC_UNCLEAR;
    rd_kafka_topic_partition_list_t *list = NULL;
    if (report->topics && find_cluster(scout, report))
        list = find_partitions(scout, report);
    if (list && list->cnt > 0)
        find_bounds(scout, report, list);
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
}

/* ---- the thread ---- */

static void await_turn(struct aep__scout *scout)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += EVERY_S;
    while (!scout->ending && !scout->hurry &&
           pthread_cond_timedwait(&scout->wake, &scout->lock, &until) == 0)
        ;
    scout->hurry = false;
}

static void *work(void *user)
{
    struct aep__scout *scout = user;
    pthread_mutex_lock(&scout->lock);
    while (!scout->ending) {
        struct aep__scouting report = {.round = scout->asked++,
                                       .began_us = aep__clock_wall_us(),
                                       .began_mono_us = aep__clock_mono_us()};
        pthread_mutex_unlock(&scout->lock);
        make_round(scout, &report);
        pthread_mutex_lock(&scout->lock);
        aep__scouting_done(&scout->report);
        scout->report = report;
        scout->ready = true;
        uint64_t one = 1;
        ssize_t rung = write(scout->event_fd, &one, sizeof one);
        (void)rung; /* it has been rung before */
        await_turn(scout);
    }
    pthread_mutex_unlock(&scout->lock);
    return NULL;
}

static void free_scout(struct aep__scout *scout)
{
    aep__source_topics_done(&scout->topics);
    rd_kafka_destroy(scout->rk);
    pthread_cond_destroy(&scout->wake);
    pthread_mutex_destroy(&scout->lock);
    free(scout);
}

static void init_lock(struct aep__scout *scout)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&scout->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&scout->wake, &attributes);
    pthread_condattr_destroy(&attributes);
}

int aep__scout_start(struct aep__scout **ret, rd_kafka_t *rk, const struct aep__source_topics *like,
                     int64_t since_us, int event_fd, aep_error *err)
{
    struct aep__scout *scout = malloc(sizeof *scout);
    if (!scout) {
        rd_kafka_destroy(rk);
        return aep__error_memory(err);
    }
    *scout = (struct aep__scout){
        .rk = rk, .since_ms = since_us / 1000, .event_fd = event_fd, .asked = 1};
    init_lock(scout);
    int code = aep__source_topics_copy(&scout->topics, rk, like, err);
    if (code == AEP_OK && pthread_create(&scout->thread, NULL, work, scout) != 0)
        code = aep__error_memory(err);
    if (code != AEP_OK) {
        free_scout(scout);
        return code;
    }
    *ret = scout;
    return AEP_OK;
}

void aep__scout_stop(struct aep__scout *scout)
{
    if (!scout)
        return;
    pthread_mutex_lock(&scout->lock);
    scout->ending = true;
    pthread_cond_signal(&scout->wake);
    pthread_mutex_unlock(&scout->lock);
    pthread_join(scout->thread, NULL);
    aep__scouting_done(&scout->report);
    free_scout(scout);
}

uint64_t aep__scout_ask(struct aep__scout *scout)
{
    pthread_mutex_lock(&scout->lock);
    uint64_t round = scout->asked;
    scout->hurry = true;
    pthread_cond_signal(&scout->wake);
    pthread_mutex_unlock(&scout->lock);
    return round;
}

bool aep__scout_take(struct aep__scout *scout, struct aep__scouting *ret)
{
    pthread_mutex_lock(&scout->lock);
    bool ready = scout->ready;
    if (ready) {
        *ret = scout->report;
        scout->report = (struct aep__scouting){0};
        scout->ready = false;
    }
    pthread_mutex_unlock(&scout->lock);
    return ready;
}

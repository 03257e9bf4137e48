/* SPDX-License-Identifier: Apache-2.0 */
#include "track/source_kafka_partition.h"

#include "base/clock.h"
#include "base/error.h"
#include "track/source_spool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BARRED_ROUNDS 10 /* of the scout, until what may not be read is tried again */

static const char *topic_name(const struct aep__partitions *partitions,
                              const struct aep__partition *partition)
{
    return aep__source_topics_name(partitions->topics, partition->topic);
}

static struct aep__partition *find(struct aep__partitions *partitions, unsigned topic, int32_t id)
{
    for (size_t i = 0; i < partitions->count; i++)
        if (partitions->list[i].topic == topic && partitions->list[i].id == id)
            return &partitions->list[i];
    return NULL;
}

struct aep__partition *aep__partitions_find(struct aep__partitions *partitions, const char *topic,
                                            int32_t id)
{
    return find(partitions, aep__source_topics_find(partitions->topics, topic), id);
}

struct aep__partition *aep__partitions_of(struct aep__partitions *partitions,
                                          const struct aep__lane *lane)
{
    size_t i = 0;
    while (partitions->list[i].lane != lane)
        i++;
    return &partitions->list[i];
}

/* ---- positions ---- */

static void name_bookmark(const struct aep__partitions *partitions,
                          const struct aep__partition *partition, struct aep__bookmark *ret)
{
    *ret = (struct aep__bookmark){.segment = (uint64_t)partition->stamp,
                                  .offset = (uint64_t)partition->next};
    snprintf(ret->source, sizeof ret->source, "kafka:%.40s:%.249s:%" PRId32, partitions->cluster,
             topic_name(partitions, partition), partition->id);
}

static int put_position(struct aep__partitions *partitions, struct aep__store *store,
                        struct aep__partition *partition, aep_error *err)
{
    struct aep__bookmark bookmark;
    if (!partition->dirty)
        return AEP_OK;
    name_bookmark(partitions, partition, &bookmark);
    partition->dirty = false;
    return store->ops->put_position(store, &bookmark, err);
}

int aep__partitions_put(struct aep__partitions *partitions, struct aep__store *store,
                        aep_error *err)
{
    int code = AEP_OK;
    for (size_t i = 0; code == AEP_OK && i < partitions->count; i++)
        code = put_position(partitions, store, &partitions->list[i], err);
    if (code == AEP_OK && partitions->untold > 0)
        code = store->ops->add_count(store, AEP__COUNT_MISSED, (int64_t)partitions->untold, err);
    partitions->untold = 0;
    return code;
}

void aep__partition_move(struct aep__partition *partition, int64_t next, int64_t stamp)
{
    partition->next = next;
    partition->stamp = stamp;
    partition->dirty = true;
}

/* Another topic has its name. */
static void begin_anew(struct aep__partitions *partitions, struct aep__partition *partition,
                       int64_t begin)
{
    aep__log_write(partitions->log, AEP_LOG_WARNING,
                   "topic %s has been made again: partition %" PRId32
                   " is read from its beginning, offset %" PRId64 " on",
                   topic_name(partitions, partition), partition->id, begin);
    aep__partition_move(partition, begin, 0);
    partition->anew = false;
}

/* Retention has removed what was to be read. */
static void pass_to(struct aep__partitions *partitions, struct aep__partition *partition,
                    int64_t begin)
{
    uint64_t missed = (uint64_t)(begin - partition->next);
    aep__log_write(partitions->log, AEP_LOG_WARNING,
                   "%s, partition %" PRId32 ": %" PRIu64
                   " events were removed before they were read; reading from offset %" PRId64 " on",
                   topic_name(partitions, partition), partition->id, missed, begin);
    partitions->missed += missed;
    partitions->untold += missed;
    aep__partition_move(partition, begin, 0);
}

/* ---- starting and stopping ---- */

/* Stopping drops what librdkafka has of it and has not been taken. */
void aep__partition_fetch(struct aep__partitions *partitions, struct aep__partition *partition,
                          bool fetches)
{
    rd_kafka_topic_t *topic = partitions->topics->list[partition->topic];
    if (fetches == partition->fetches)
        return;
    partition->fetches = fetches;
    if (!fetches)
        rd_kafka_consume_stop(topic, partition->id);
    else if (rd_kafka_consume_start_queue(topic, partition->id,
                                          partition->lane->next - partition->checks,
                                          partitions->events) != 0) {
        partition->fetches = false;
        aep__source_trouble_of_topic(partitions->trouble, topic_name(partitions, partition),
                                     rd_kafka_err2str(rd_kafka_last_error()));
    }
}

/* What it had fetched is fetched again, from `next` on. */
static void stop(struct aep__partitions *partitions, struct aep__partition *partition)
{
    aep__partition_fetch(partitions, partition, false);
    aep__merge_close(&partitions->merge, partition->lane);
    partition->lane = NULL;
    partition->checks = false;
}

void aep__partition_restart(struct aep__partitions *partitions, struct aep__partition *partition)
{
    stop(partitions, partition);
    partition->after = aep__scout_ask(partitions->scout);
    partitions->wanted = partition->after;
}

void aep__partition_bar(struct aep__partitions *partitions, struct aep__partition *partition)
{
    stop(partitions, partition);
    partition->barred = true;
    partition->after = partitions->round + BARRED_ROUNDS;
}

void aep__partitions_forget(struct aep__partitions *partitions)
{
    for (size_t i = 0; i < partitions->count; i++)
        stop(partitions, &partitions->list[i]);
    partitions->count = 0;
    partitions->untold = 0;
}

void aep__partitions_done(struct aep__partitions *partitions)
{
    aep__partitions_forget(partitions);
    aep__merge_done(&partitions->merge);
    free(partitions->list);
    partitions->list = NULL;
}

static void start(struct aep__partitions *partitions, struct aep__partition *partition,
                  const struct aep__bounds *bounds)
{
    if (partition->anew || partition->next > bounds->end)
        begin_anew(partitions, partition, bounds->begin);
    else if (partition->next < bounds->begin)
        pass_to(partitions, partition, bounds->begin);
    partition->checks = partition->stamp != 0 && partition->next > bounds->begin;
    partition->lane = aep__merge_open(&partitions->merge, partition->topic, partition->next);
    if (!partition->lane)
        return;
    partition->lane->end = bounds->end;
    partition->barred = false;
    aep__partition_fetch(partitions, partition, true);
    if (!partition->fetches) {
        stop(partitions, partition);
        return;
    }
    aep__log_write(partitions->log, AEP_LOG_INFO,
                   "reading %s, partition %" PRId32 ", from offset %" PRId64,
                   topic_name(partitions, partition), partition->id, partition->next);
}

/* 1: the store has its position, which it takes; 0; -1. */
static int read_position(struct aep__partitions *partitions, struct aep__partition *partition,
                         struct aep__store *store, aep_error *err)
{
    struct aep__bookmark bookmark;
    name_bookmark(partitions, partition, &bookmark);
    int found = store->ops->get_position(store, &bookmark, err);
    if (found > 0) {
        partition->next = (int64_t)bookmark.offset;
        partition->stamp = (int64_t)bookmark.segment;
        partition->dirty = false;
    }
    return found;
}

static bool is_ours(const struct aep__partitions *partitions,
                    const struct aep__partition *partition)
{
    return !partitions->group ||
           aep__group_owns(partitions->group, topic_name(partitions, partition), partition->id);
}

static int add_partition(struct aep__partitions *partitions, struct aep__store *store,
                         const struct aep__bounds *bounds, aep_error *err)
{
    struct aep__partition partition = {.topic = bounds->topic, .id = bounds->id, .told = -1};
    struct aep__partition *list = realloc(partitions->list, (partitions->count + 1) * sizeof *list);
    if (!list)
        return aep__error_memory(err);
    partitions->list = list;
    int found = read_position(partitions, &partition, store, err);
    if (found < 0)
        return err->code;
    if (found == 0)
        aep__partition_move(&partition,
                            bounds->since > bounds->begin ? bounds->since : bounds->begin, 0);
    partition.ours = is_ours(partitions, &partition);
    partition.dirty &= partition.ours;
    partitions->list[partitions->count++] = partition;
    return AEP_OK;
}

/* ---- reports ---- */

/* The end is before what had been read when the round began. */
static bool is_beyond(const struct aep__scouting *report, const struct aep__partition *partition,
                      const struct aep__bounds *bounds)
{
    return partition->mark > bounds->end && partition->mark_us > 0 &&
           partition->mark_us < report->began_mono_us;
}

static int take_bounds(struct aep__partitions *partitions, const struct aep__scouting *report,
                       struct aep__store *store, const struct aep__bounds *bounds, aep_error *err)
{
    struct aep__partition *partition = find(partitions, bounds->topic, bounds->id);
    if (!partition) {
        int code = add_partition(partitions, store, bounds, err);
        if (code != AEP_OK)
            return code;
        partition = &partitions->list[partitions->count - 1];
    }
    partition->end = bounds->end;
    if (!partition->ours)
        return AEP_OK;
    if (partition->lane)
        partition->lane->end = bounds->end;
    if (partition->lane && is_beyond(report, partition, bounds))
        aep__partition_restart(partitions, partition);
    else if (!partition->lane && report->round >= partition->after)
        start(partitions, partition, bounds);
    partition->mark = partition->next;
    partition->mark_us = aep__clock_mono_us();
    return AEP_OK;
}

/* A topic that is gone comes back, if it does, as another one. */
static int drop_missing(struct aep__partitions *partitions, const struct aep__scouting *report,
                        struct aep__store *store, aep_error *err)
{
    int code = AEP_OK;
    size_t kept = 0;
    for (size_t i = 0; i < partitions->count; i++) {
        struct aep__partition *partition = &partitions->list[i];
        if (code != AEP_OK || report->topics[partition->topic] != AEP__TOPIC_MISSING) {
            partitions->list[kept++] = *partition;
            continue;
        }
        aep__log_write(partitions->log, AEP_LOG_WARNING, "topic %s has been deleted",
                       topic_name(partitions, partition));
        stop(partitions, partition);
        if (!partition->ours)
            continue;
        aep__partition_move(partition, 0, 0);
        code = put_position(partitions, store, partition, err);
    }
    partitions->count = kept;
    return code;
}

int aep__partitions_take(struct aep__partitions *partitions, const struct aep__scouting *report,
                         struct aep__store *store, aep_error *err)
{
    int code = AEP_OK;
    partitions->round = report->round;
    snprintf(partitions->cluster, sizeof partitions->cluster, "%s", report->cluster);
    if (report->topics)
        code = drop_missing(partitions, report, store, err);
    for (size_t i = 0; code == AEP_OK && report->list && i < report->count; i++)
        code = take_bounds(partitions, report, store, &report->list[i], err);
    return code;
}

/* ---- sharing ---- */

#define TELL_US 1000000

int aep__partitions_share(struct aep__partitions *partitions, struct aep__store *store,
                          aep_error *err)
{
    for (size_t i = 0; i < partitions->count; i++) {
        struct aep__partition *partition = &partitions->list[i];
        bool ours = is_ours(partitions, partition);
        if (ours == partition->ours)
            continue;
        partition->ours = ours;
        stop(partitions, partition);
        if (read_position(partitions, partition, store, err) < 0)
            return err->code;
        if (ours)
            partition->after = partitions->wanted = aep__scout_ask(partitions->scout);
    }
    return AEP_OK;
}

int aep__partitions_refresh(struct aep__partitions *partitions, struct aep__store *store,
                            aep_error *err)
{
    for (size_t i = 0; i < partitions->count; i++)
        if (!partitions->list[i].ours &&
            read_position(partitions, &partitions->list[i], store, err) < 0)
            return err->code;
    return AEP_OK;
}

int aep__partition_confirm(struct aep__partitions *partitions, struct aep__partition *partition,
                           struct aep__store *store, aep_error *err)
{
    const int64_t next = partition->next, stamp = partition->stamp;
    if (!partitions->group || partition->turn == partitions->turn)
        return 1;
    partition->turn = partitions->turn;
    const bool dirty = partition->dirty;
    int found = read_position(partitions, partition, store, err);
    if (found < 0)
        return -1;
    if (found == 0 || partition->next == next || dirty) {
        partition->next = next;
        partition->stamp = stamp;
        partition->dirty = dirty;
        return 1;
    }
    aep__partition_restart(partitions, partition);
    return 0;
}

void aep__partitions_turn(struct aep__partitions *partitions)
{
    partitions->turn++;
    int64_t now_us = aep__clock_mono_us();
    if (!partitions->group || now_us < partitions->told_us + TELL_US)
        return;
    partitions->told_us = now_us;
    for (size_t i = 0; i < partitions->count; i++) {
        struct aep__partition *partition = &partitions->list[i];
        if (!partition->ours || !partition->lane || partition->told == partition->next)
            continue;
        partition->told = partition->next;
        aep__group_note(partitions->group, topic_name(partitions, partition), partition->id,
                        partition->next);
    }
    aep__group_commit(partitions->group);
}

/* ---- reading ---- */

bool aep__partition_check(struct aep__partitions *partitions, struct aep__partition *partition,
                          int64_t offset, int64_t stamp)
{
    bool checks = partition->checks;
    partition->checks = false;
    if (offset >= partition->lane->next)
        return false;
    if (checks && offset == partition->next - 1 && stamp != partition->stamp) {
        partition->anew = true;
        aep__partition_restart(partitions, partition);
    }
    return true;
}

static bool has_ended(const struct aep__partition *partition)
{
    bool known = !partition->ours || (partition->lane && !partition->checks);
    return partition->barred || (known && partition->next >= partition->end);
}

bool aep__partitions_ended(const struct aep__partitions *partitions)
{
    for (size_t i = 0; i < partitions->count; i++)
        if (!has_ended(&partitions->list[i]))
            return false;
    return true;
}

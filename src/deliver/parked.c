/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/parked.h"

#include "base/error.h"
#include "deliver/ballast.h"
#include "deliver/core.h"
#include "deliver/delivery.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LANE_FLIGHTS 256
#define READ_AGAIN_US 1000000
#define TOPICS_OPEN 64 /* more than these keep no log open between uses: each costs a descriptor */

/* ---- life ---- */

static struct aep__parked *make_parked(struct aep__core *core, const char *name)
{
    struct aep__parked *parked = calloc(1, sizeof *parked);
    if (!parked)
        return NULL;
    if (aep__sidelog_open(&parked->log, core->spool, name, true) < 0) {
        free(parked);
        return NULL;
    }
    parked->lane =
        (struct aep__lane){.capacity = LANE_FLIGHTS, .kind = AEP__LANE_PARKED, .parked = parked};
    parked->read_at = parked->log.begin;
    return parked;
}

static void rest_if_many(const struct aep__core *core, struct aep__parked *parked)
{
    if (core->topics.count > TOPICS_OPEN)
        aep__sidelog_rest(&parked->log);
}

static void free_parked(struct aep__topic *topic)
{
    struct aep__parked *parked = topic->parked;
    aep__sidelog_done(&parked->log);
    aep__lane_done(&parked->lane);
    free(parked);
    topic->parked = NULL;
}

static void remove_parked(struct aep__topic *topic)
{
    aep__sidelog_remove(&topic->parked->log);
    free_parked(topic);
}

void aep__parked_begin(struct aep__core *core, struct aep__topic *topic)
{
    char name[AEP__SIDELOG_NAME_SIZE];
    if (!topic->parked) {
        aep__sidelog_parked_name((struct aep__slice){topic->name, topic->name_len}, name);
        topic->parked = make_parked(core, name);
    }
    if (topic->parked)
        topic->parked->drained = false;
    else
        aep__core_log(core, AEP_LOG_ERROR, "cannot park topic %s: %s", topic->name,
                      strerror(errno));
}

/* The topic that a log was made for, from its first entry, sent or not. */
static struct aep__topic *find_topic(struct aep__core *core, struct aep__sidelog *log)
{
    struct aep__sidelog_entry entry;
    struct aep__message message;
    struct aep__topic *topic = NULL;
    struct aep__buf buf = {0};
    char name[AEP__SIDELOG_NAME_SIZE];
    if (aep__sidelog_read(log, AEP__SIDELOG_FIRST, &buf, &entry) > 0 &&
        aep__record_message(&entry.record, &message) && aep__topic_name_valid(message.topic)) {
        aep__sidelog_parked_name(message.topic, name);
        if (strcmp(name, log->name) == 0)
            topic = aep__topic_get(core, message.topic);
    }
    aep__buf_done(&buf);
    return topic;
}

/* What cannot be read for the moment must not be passed over: its topic's later records would overtake
 * what is in it. */
static int load_one(struct aep__core *core, const char *name, aep_error *err)
{
    struct aep__parked *parked = make_parked(core, name);
    if (!parked) {
        if (errno == EIO || aep__fetch_passes(errno))
            return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot read %s of %s", name,
                                    core->spool->path);
        aep__core_log(core, AEP_LOG_ERROR, "cannot read %s: %s", name, strerror(errno));
        return AEP_OK;
    }
    struct aep__topic *topic = find_topic(core, &parked->log);
    if (!topic || topic->parked) {
        aep__core_log(core, AEP_LOG_WARNING,
                      "%s is not a log of parked records: leaving it "
                      "alone",
                      name);
        aep__sidelog_done(&parked->log);
        free(parked);
        return AEP_OK;
    }
    topic->parked = parked;
    topic->gate = AEP__GATE_NARROW;
    aep__core_log(core, AEP_LOG_INFO, "topic %s: %" PRIu64 " parked records", topic->name,
                  parked->log.count);
    rest_if_many(core, parked);
    return AEP_OK;
}

int aep__parked_load(struct aep__core *core, aep_error *err)
{
    int fd = openat(core->spool->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot list %s", core->spool->path);
    }
    const size_t prefix = strlen(AEP__SIDELOG_PARKED_PREFIX);
    int result = AEP_OK;
    for (struct dirent *entry; result == AEP_OK && (entry = readdir(dir));)
        if (strncmp(entry->d_name, AEP__SIDELOG_PARKED_PREFIX, prefix) == 0)
            result = load_one(core, entry->d_name, err);
    closedir(dir);
    return result;
}

/* The next topic that has a log; NULL gives the first; returns NULL after the last. */
static struct aep__topic *next_parked(const struct aep__core *core, const struct aep__topic *topic)
{
    if (topic && topic->parked)
        rest_if_many(core, topic->parked);
    struct aep__topic *next = aep__topics_next(&core->topics, topic);
    while (next && !next->parked)
        next = aep__topics_next(&core->topics, next);
    return next;
}

void aep__parked_done(struct aep__core *core)
{
    for (struct aep__topic *topic = NULL; (topic = next_parked(core, topic));)
        free_parked(topic);
}

/* ---- in ---- */

bool aep__parked_add(struct aep__core *core, struct aep__flight *flight, struct aep__slice raw)
{
    struct aep__topic *topic = flight->topic;
    struct aep__note note = {
        .ordinal = flight->ordinal,
        .segment = flight->segment,
        .offset = flight->offset,
        .end = flight->end,
        .time_us = core->pace->wall_us,
        .error = aep__slice_text(topic->error ? topic->error : ""),
    };
    struct aep__sidelog *log = &topic->parked->log;
    bool added = aep__sidelog_append(log, &note, raw) == 0 ||
                 (aep__ballast_give(core->spool) && aep__sidelog_append(log, &note, raw) == 0);
    rest_if_many(core, topic->parked);
    if (!added) {
        aep__core_log(core, AEP_LOG_ERROR, "cannot park a record of topic %s: %s", topic->name,
                      strerror(errno));
        return false;
    }
    aep__counters_add(core->counters, AEP__COUNT_parked, 1);
    aep__delivery_aside(core, flight, AEP__FATE_PARKED);
    return true;
}

/* ---- out ---- */

static void settle_sent(struct aep__core *core, struct aep__parked *parked)
{
    struct aep__lane *lane = &parked->lane;
    uint64_t begin = parked->log.begin, entries = 0, sent = 0;
    while (!aep__lane_empty(lane) && aep__lane_at(lane, lane->head)->state == AEP__FLIGHT_DONE) {
        begin = aep__lane_at(lane, lane->head)->next;
        sent += aep__lane_at(lane, lane->head)->fate == AEP__FATE_ACKED;
        entries++;
        aep__lane_pop(lane);
    }
    if (!entries)
        return;
    aep__sidelog_advance(&parked->log, begin, entries);
    aep__sidelog_sync(&parked->log, false);
    aep__counters_add(core->counters, AEP__COUNT_unparked, sent);
    aep__pace_touch(core->pace);
}

static bool send_entry(struct aep__core *core, struct aep__flight *flight,
                       const struct aep__record *record)
{
    struct aep__message message;
    if (!aep__record_message(record, &message)) {
        aep__delivery_lose(core, flight);
        return true;
    }
    flight->timestamp_ms = message.timestamp_ms;
    aep__topic_get(core, message.topic); /* its handle, if the sink is new */
    return aep__delivery_send(core, flight, &message) != AEP__VERDICT_FULL;
}

static void read_later(struct aep__core *core, const struct aep__topic *topic)
{
    aep__core_log(core, AEP_LOG_ERROR, "cannot read the parked records of topic %s: %s",
                  topic->name, strerror(errno));
    aep__pace_due(core->pace, core->pace->now_us + READ_AGAIN_US);
}

/* Sends again what came back. False: the sink is full, or the gate lets no more through. */
static bool send_held(struct aep__core *core, struct aep__topic *topic, struct aep__buf *buf)
{
    struct aep__lane *lane = &topic->parked->lane;
    struct aep__record record;
    for (uint64_t at = lane->head; lane->held && at < lane->tail; at++) {
        struct aep__flight *flight = aep__lane_at(lane, at);
        if (flight->state != AEP__FLIGHT_HELD && flight->state != AEP__FLIGHT_SUSPECT)
            continue;
        if (!aep__topic_may_send(topic))
            return false;
        bool fetched = aep__delivery_fetch(core, flight, buf, &record);
        if (!fetched && aep__fetch_passes(errno)) {
            read_later(core, topic);
            return false;
        }
        if (!fetched)
            aep__delivery_lose(core, flight);
        else if (!send_entry(core, flight, &record))
            return false;
    }
    return true;
}

/* Sends the next entry of the log. False: not now. */
static bool send_next(struct aep__core *core, struct aep__topic *topic, struct aep__buf *buf)
{
    struct aep__parked *parked = topic->parked;
    struct aep__sidelog_entry entry;
    if (parked->read_at >= parked->log.end || !aep__topic_may_send(topic))
        return false;
    int found = aep__sidelog_read(&parked->log, parked->read_at, buf, &entry);
    if (found < 0) {
        read_later(core, topic);
        return false;
    }
    if (found == 0) {
        parked->read_at = parked->log.end; /* damaged to its end */
        return false;
    }
    struct aep__flight *flight = aep__lane_push(&parked->lane);
    if (!flight)
        return false;
    flight->topic = topic;
    flight->ordinal = entry.note.ordinal;
    flight->segment = entry.note.segment;
    flight->offset = entry.note.offset;
    flight->end = entry.note.end;
    flight->at = entry.at;
    flight->next = entry.next;
    if (aep__dead_buried(&core->dead, flight->ordinal)) {
        aep__delivery_finish(core, flight, AEP__FATE_DEAD);
    } else if (!send_entry(core, flight, &entry.record)) {
        aep__lane_unpush(&parked->lane);
        return false;
    }
    parked->read_at = entry.next;
    return true;
}

/* The log has been read to its end, and holds fewer records than were put there: it is damaged. */
static void count_unread(struct aep__core *core, struct aep__topic *topic)
{
    struct aep__sidelog *log = &topic->parked->log;
    aep__counters_add(core->counters, AEP__COUNT_lost, log->count);
    aep__core_log(core, AEP_LOG_ERROR,
                  "topic %s: %" PRIu64 " parked records can no longer be read: they are lost",
                  topic->name, log->count);
    aep__sidelog_advance(log, log->end, log->count);
    aep__sidelog_sync(log, false);
}

/* Everything parked has been sent, and nothing stands before the gate. */
static void notice_drained(struct aep__core *core, struct aep__topic *topic)
{
    struct aep__parked *parked = topic->parked;
    bool shut = topic->gate == AEP__GATE_CLOSED || topic->gate == AEP__GATE_DRAINING;
    if (shut || topic->held || !aep__lane_empty(&parked->lane) || parked->read_at < parked->log.end)
        return;
    if (parked->log.count > 0)
        count_unread(core, topic);
    else if (!parked->drained)
        aep__core_log(core, AEP_LOG_INFO, "topic %s: all parked records are sent", topic->name);
    parked->drained = true;
    if (parked->log.next_ordinal <= core->tail.cursor.ordinal)
        remove_parked(topic);
}

void aep__parked_pump(struct aep__core *core, struct aep__topic *topic)
{
    if (!topic->parked)
        return;
    struct aep__buf buf = {0};
    if (!topic->parked->drained && send_held(core, topic, &buf))
        while (send_next(core, topic, &buf))
            ;
    aep__buf_done(&buf);
    settle_sent(core, topic->parked);
    rest_if_many(core, topic->parked);
    notice_drained(core, topic);
}

/* ---- all of them ---- */

int aep__parked_sync(struct aep__core *core)
{
    int result = 0;
    for (struct aep__topic *topic = NULL; (topic = next_parked(core, topic));)
        if (aep__sidelog_sync(&topic->parked->log, true) < 0)
            result = -1;
    return result;
}

struct aep__parked_sum aep__parked_sum(struct aep__core *core)
{
    struct aep__parked_sum sum = {0};
    for (struct aep__topic *topic = NULL; (topic = next_parked(core, topic));) {
        const struct aep__sidelog *log = &topic->parked->log;
        if (topic->parked->drained)
            continue;
        sum.records += log->count;
        sum.bytes += log->end - AEP__SIDELOG_FIRST;
        if (topic->forbidden && log->count)
            sum.forbidden = topic;
        if (topic->early && log->count)
            sum.early = topic;
    }
    return sum;
}

uint64_t aep__parked_first(struct aep__core *core)
{
    struct aep__buf buf = {0};
    struct aep__sidelog_entry entry;
    uint64_t first = UINT64_MAX;
    for (struct aep__topic *topic = NULL; (topic = next_parked(core, topic));) {
        struct aep__sidelog *log = &topic->parked->log;
        if (log->begin < log->end && aep__sidelog_read(log, log->begin, &buf, &entry) > 0 &&
            entry.note.ordinal < first)
            first = entry.note.ordinal;
    }
    aep__buf_done(&buf);
    return first;
}

/* Looks through the entries of one log, whose segments ascend; so do their positions in one, unless
 * somebody removed it and another took its number. */
static bool log_holds(struct aep__sidelog *log, aep_position position)
{
    struct aep__buf buf = {0};
    struct aep__sidelog_entry entry;
    bool found = false;
    for (uint64_t at = log->begin;
         !found && at < log->end && aep__sidelog_read(log, at, &buf, &entry) > 0 &&
         entry.note.segment <= position.segment;
         at = entry.next)
        found = entry.note.segment == position.segment && entry.note.end == position.offset;
    aep__buf_done(&buf);
    return found;
}

bool aep__parked_holds(struct aep__core *core, aep_position position)
{
    for (struct aep__topic *topic = NULL; (topic = next_parked(core, topic));)
        if (log_holds(&topic->parked->log, position))
            return true;
    return false;
}

static bool first_before(struct aep__sidelog *log, aep_position position)
{
    struct aep__buf buf = {0};
    struct aep__sidelog_entry entry;
    bool found = log->begin < log->end && aep__sidelog_read(log, log->begin, &buf, &entry) > 0 &&
                 !aep__before(position, (aep_position){entry.note.segment, entry.note.end});
    aep__buf_done(&buf);
    return found;
}

bool aep__parked_holds_before(struct aep__core *core, aep_position position)
{
    for (struct aep__topic *topic = NULL; (topic = next_parked(core, topic));)
        if (first_before(&topic->parked->log, position))
            return true;
    return false;
}

/* ---- purge ---- */

/* What the lane holds as done has arrived, though something before it keeps it in the log. Returns how
 * many had not. */
static uint64_t note_purged(struct aep__core *core, struct aep__parked *parked)
{
    struct aep__sidelog *log = &parked->log;
    struct aep__lane *lane = &parked->lane;
    struct aep__buf buf = {0};
    struct aep__sidelog_entry entry;
    uint64_t next = lane->head, count = 0;
    for (uint64_t at = log->begin; at < log->end && aep__sidelog_read(log, at, &buf, &entry) > 0;
         at = entry.next) {
        bool in_lane = next < lane->tail && aep__lane_at(lane, next)->at == entry.at;
        if (in_lane && aep__lane_at(lane, next++)->state == AEP__FLIGHT_DONE)
            continue;
        count++;
        aep__missed_add(&core->missed,
                        (struct aep__missed_range){entry.note.segment, entry.note.offset,
                                                   entry.note.end, AEP__FATE_PURGED});
    }
    aep__buf_done(&buf);
    return count;
}

/* Returns how many records were dropped. */
static uint64_t purge_log(struct aep__core *core, struct aep__topic *topic)
{
    struct aep__parked *parked = topic->parked;
    if (topic->sent > 0 || parked->lane.aside > 0)
        return 0; /* the sink still holds some of it */
    uint64_t dropped = note_purged(core, parked);
    aep__core_note_missed(core, core->sync_cursor);
    aep__sidelog_advance(&parked->log, parked->log.end, parked->log.count);
    aep__sidelog_sync(&parked->log, true);
    while (!aep__lane_empty(&parked->lane)) {
        struct aep__flight *flight = aep__lane_at(&parked->lane, parked->lane.head);
        aep__flight_set(flight, AEP__FLIGHT_DONE);
        aep__lane_pop(&parked->lane);
    }
    parked->read_at = parked->log.end;
    parked->drained = true;
    if (topic->gate == AEP__GATE_CLOSED)
        topic->gate = AEP__GATE_NARROW; /* nothing waits: the file goes with the next step */
    return dropped;
}

uint64_t aep__parked_purge(struct aep__core *core)
{
    uint64_t dropped = 0;
    for (struct aep__topic *topic = NULL; (topic = next_parked(core, topic));)
        dropped += purge_log(core, topic);
    return dropped;
}

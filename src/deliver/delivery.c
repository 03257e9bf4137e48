/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/delivery.h"

#include "deliver/core.h"
#include "deliver/dead.h"
#include "deliver/parked.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REFUSED_US 2000000      /* a refused topic is tried again after this, */
#define REFUSED_MAX_US 10000000 /* later more rarely */
#define LATER_US 100000
#define LATER_MAX_US 1000000
#define WINDOW_BYTES 65536
#define WINDOW_MIN_BYTES 4096
#define STRAY_MS (INT64_C(24) * 3600 * 1000) /* of an event's time from this machine's */
#define ASIDE_US 100000                      /* side logs are synced at most this often, */
#define ASIDE_MANY 512                       /* or when this many flights wait for it */

/* ---- fates ---- */

void aep__delivery_finish(struct aep__core *core, struct aep__flight *flight, enum aep__fate fate)
{
    flight->fate = (uint8_t)fate;
    aep__flight_set(flight, AEP__FLIGHT_DONE);
    if (fate == AEP__FATE_PURGED || fate == AEP__FATE_LOST)
        aep__missed_add(&core->missed, (struct aep__missed_range){flight->segment, flight->offset,
                                                                  flight->end, fate});
    core->finished = true;
}

void aep__delivery_aside(struct aep__core *core, struct aep__flight *flight, enum aep__fate fate)
{
    flight->fate = (uint8_t)fate;
    aep__flight_set(flight, AEP__FLIGHT_ASIDE);
    core->aside = true;
    aep__pace_touch(core->pace);
}

void aep__delivery_lose(struct aep__core *core, struct aep__flight *flight)
{
    aep__counters_add(core->counters, AEP__COUNT_lost, 1);
    if (flight->lane->kind == AEP__LANE_PARKED)
        aep__core_log(core, AEP_LOG_ERROR,
                      "topic %s: parked record %" PRIu64 " can no longer be read: it is lost",
                      flight->topic->name, flight->ordinal);
    else
        aep__core_log(core, AEP_LOG_ERROR,
                      "record %" PRIu64 " can no longer be read from segment %" PRIu64
                      ": it is lost",
                      flight->ordinal, flight->segment);
    aep__delivery_finish(core, flight, AEP__FATE_LOST);
}

bool aep__delivery_fetch(struct aep__core *core, struct aep__flight *flight, struct aep__buf *buf,
                         struct aep__record *ret)
{
    if (flight->lane->kind == AEP__LANE_TAIL)
        return aep__tail_fetch(core, flight, buf, ret);
    struct aep__sidelog_entry entry;
    struct aep__sidelog *log =
        flight->lane->kind == AEP__LANE_DEAD ? &core->dead.log : &flight->lane->parked->log;
    int found = aep__sidelog_read(log, flight->at, buf, &entry);
    if (found == 0 || (found > 0 && entry.at != flight->at))
        errno = EBADMSG;
    if (found <= 0 || entry.at != flight->at)
        return false;
    *ret = entry.record;
    return true;
}

/* ---- gates ---- */

/* Lets nothing more of the topic through until what is in flight has come back. If nothing is, no
 * report brings the next turn. */
static void shut(struct aep__core *core, struct aep__topic *topic, enum aep__verdict cause,
                 const char *error, bool forbidden)
{
    if (topic->gate != AEP__GATE_DRAINING || cause < topic->cause) {
        topic->cause = cause;
        topic->error = error;
        topic->forbidden = forbidden;
    }
    topic->gate = AEP__GATE_DRAINING;
    if (topic->sent == 0)
        aep__pace_due(core->pace, core->pace->now_us);
}

static void close_gate(struct aep__core *core, struct aep__topic *topic, int64_t first_us,
                       int64_t max_us)
{
    int64_t wait_us = first_us << (topic->refusals < 8 ? topic->refusals : 8);
    topic->refusals++;
    topic->gate = AEP__GATE_CLOSED;
    topic->wake_us = core->pace->now_us + (wait_us < max_us ? wait_us : max_us);
}

/* Nothing of it is in flight any more. */
static void drained(struct aep__core *core, struct aep__topic *topic)
{
    switch (topic->cause) {
    case AEP__VERDICT_REFUSED:
        aep__core_log(core, AEP_LOG_WARNING, "topic %s is %s (%s): its records are parked",
                      topic->name,
                      topic->forbidden ? "forbidden"
                      : topic->early   ? "not ready for events of that time"
                                       : "missing",
                      topic->error);
        aep__parked_begin(core, topic);
        close_gate(core, topic, REFUSED_US, REFUSED_MAX_US);
        break;
    case AEP__VERDICT_SUSPECT:
    case AEP__VERDICT_EARLY:
        topic->gate = AEP__GATE_NARROW;
        topic->culprit = false;
        break;
    case AEP__VERDICT_BACK:
        topic->gate = AEP__GATE_OPEN;
        break;
    default:
        aep__core_log(core, AEP_LOG_WARNING, "topic %s: %s: sending again", topic->name,
                      topic->error);
        close_gate(core, topic, LATER_US, LATER_MAX_US);
    }
    aep__pace_touch(core->pace);
}

/* Called after a record sent in the NARROW state succeeds. If every record of a refused batch is
 * fine by itself, the batch was too large for the topic: smaller ones from now on. */
static void widen(struct aep__core *core, struct aep__topic *topic)
{
    if (topic->gate != AEP__GATE_NARROW || topic->suspects > 0)
        return;
    topic->gate = AEP__GATE_OPEN;
    if (topic->cause != AEP__VERDICT_SUSPECT || topic->culprit)
        return;
    uint64_t half = topic->window_bytes ? topic->window_bytes / 2 : WINDOW_BYTES;
    uint64_t window = half > WINDOW_MIN_BYTES ? half : WINDOW_MIN_BYTES;
    if (window != topic->window_bytes)
        aep__core_log(core, AEP_LOG_INFO,
                      "topic %s refuses large batches (%s): sending at most %" PRIu64
                      " bytes at a time",
                      topic->name, topic->error, window);
    topic->window_bytes = window;
}

static void step_gate(struct aep__core *core, struct aep__topic *topic)
{
    if (topic->gate == AEP__GATE_DRAINING && topic->sent == 0)
        drained(core, topic);
    if (topic->gate == AEP__GATE_CLOSED) {
        if (core->pace->now_us >= topic->wake_us)
            topic->gate = AEP__GATE_NARROW;
        else
            aep__pace_due(core->pace, topic->wake_us);
    }
}

/* ---- verdicts ---- */

static void acknowledge(struct aep__core *core, struct aep__flight *flight)
{
    struct aep__topic *topic = flight->topic;
    aep__delivery_finish(core, flight, AEP__FATE_ACKED);
    core->acknowledged++;
    aep__latency_add(&core->latency, core->pace->wall_us - flight->timestamp_ms * 1000);
    topic->refusals = 0;
    topic->early = false;
    widen(core, topic);
}

/* A record that Kafka will never take goes to the dead letters. */
static void bury(struct aep__core *core, struct aep__flight *flight, const char *error)
{
    struct aep__buf buf = {0};
    struct aep__record record;
    bool fetched =
        flight->lane->kind != AEP__LANE_DEAD && aep__delivery_fetch(core, flight, &buf, &record);
    if (flight->lane->kind == AEP__LANE_DEAD)
        aep__delivery_finish(core, flight, AEP__FATE_DEAD); /* it is there already */
    else if (!fetched && !aep__fetch_passes(errno))
        aep__delivery_lose(core, flight);
    else if (fetched && aep__dead_bury(core, flight, aep__record_raw(&record), error))
        aep__delivery_aside(core, flight, AEP__FATE_DEAD);
    else {
        aep__flight_set(flight, AEP__FLIGHT_SUSPECT);
        shut(core, flight->topic, AEP__VERDICT_LATER, error, false);
    }
    aep__buf_done(&buf);
    flight->topic->culprit = true;
    widen(core, flight->topic);
}

/* A dead letter that is refused again stays one. What shared its batch has been refused, too, and shuts
 * the gate itself. */
static void hold(struct aep__core *core, struct aep__flight *flight, enum aep__verdict cause,
                 const char *error, bool forbidden)
{
    bool suspect = cause == AEP__VERDICT_SUSPECT || cause == AEP__VERDICT_EARLY;
    if (flight->lane->kind == AEP__LANE_DEAD && cause < AEP__VERDICT_LATER) {
        aep__delivery_finish(core, flight, AEP__FATE_DEAD);
        if (suspect)
            return;
    } else {
        aep__flight_set(flight, suspect ? AEP__FLIGHT_SUSPECT : AEP__FLIGHT_HELD);
    }
    shut(core, flight->topic, cause, error, forbidden);
}

/* Whether waiting does not help: an event that is too old gets older, and one that is days ahead
 * would keep its topic parked for days. */
static bool is_astray(const struct aep__core *core, const struct aep__flight *flight)
{
    int64_t ahead_ms = flight->timestamp_ms - core->pace->wall_us / 1000;
    return ahead_ms > STRAY_MS || ahead_ms < -STRAY_MS;
}

/* The broker's clock and this machine's differ, or did when the event was made: it is parked until
 * its time has come. */
static void settle_early(struct aep__core *core, struct aep__flight *flight, const char *error,
                         bool alone)
{
    if (!alone) {
        hold(core, flight, AEP__VERDICT_EARLY, error, false);
    } else if (flight->lane->kind == AEP__LANE_DEAD || is_astray(core, flight)) {
        bury(core, flight, error);
    } else {
        flight->topic->early = true;
        hold(core, flight, AEP__VERDICT_REFUSED, error, false);
    }
}

static void settle(struct aep__core *core, struct aep__flight *flight, enum aep__verdict verdict,
                   const char *error, bool forbidden)
{
    bool alone = flight->topic->gate == AEP__GATE_NARROW;
    switch (verdict) {
    case AEP__VERDICT_DONE:
        acknowledge(core, flight);
        return;
    case AEP__VERDICT_INVALID:
        bury(core, flight, error);
        return;
    case AEP__VERDICT_SUSPECT:
        if (alone)
            bury(core, flight, error);
        else
            hold(core, flight, verdict, error, forbidden);
        return;
    case AEP__VERDICT_EARLY:
        settle_early(core, flight, error, alone);
        return;
    case AEP__VERDICT_REFUSED:
        hold(core, flight, verdict, error, forbidden);
        return;
    case AEP__VERDICT_BACK:
        if (alone) /* the gate stays: it is the next again */
            aep__flight_set(flight, AEP__FLIGHT_HELD);
        else
            hold(core, flight, verdict, error, forbidden);
        return;
    default:
        aep__counters_add(core->counters, AEP__COUNT_retried, 1);
        hold(core, flight, AEP__VERDICT_LATER, error, false);
    }
}

void aep__delivery_reported(struct aep__core *core, void *record, enum aep__verdict verdict,
                            const char *error, bool forbidden)
{
    struct aep__flight *flight = record;
    aep__flight_set(flight, AEP__FLIGHT_NEW);
    settle(core, flight, verdict, error, forbidden);
}

/* ---- sending ---- */

/* Value of x-aep-seq: the spool's uuid, a colon, the ordinal. */
static struct aep__slice format_sequence(const struct aep__core *core, uint64_t ordinal,
                                         char text[64])
{
    memcpy(text, core->spool->uuid_text, AEP_ID_SIZE - 1);
    text[AEP_ID_SIZE - 1] = ':';
    char digits[20];
    size_t count = 0, len = AEP_ID_SIZE;
    do
        digits[count++] = (char)('0' + ordinal % 10);
    while (ordinal /= 10);
    while (count)
        text[len++] = digits[--count];
    return (struct aep__slice){text, len};
}

enum aep__verdict aep__delivery_send(struct aep__core *core, struct aep__flight *flight,
                                     struct aep__message *message)
{
    char text[64];
    const char *error = "";
    bool forbidden = false;
    message->headers[message->header_count++] = (struct aep__header){
        .name = aep__slice_text("x-aep-seq"),
        .value = format_sequence(core, flight->ordinal, text),
    };
    enum aep__verdict verdict = core->sink->ops->send(core->sink, flight->topic->handle, message,
                                                      flight, &error, &forbidden);
    message->header_count--;
    if (verdict == AEP__VERDICT_TAKEN)
        aep__flight_set(flight, AEP__FLIGHT_SENT);
    else if (verdict != AEP__VERDICT_FULL)
        settle(core, flight, verdict, error, forbidden);
    return verdict;
}

/* Whether Kafka can take the record at all. */
static const char *find_fault(const struct aep__record *record, struct aep__message *ret)
{
    if (!aep__record_message(record, ret))
        return "MALFORMED_RECORD";
    return aep__topic_name_valid(ret->topic) ? NULL : "INVALID_TOPIC_NAME";
}

/* An earlier relay had parked it, and may have sent it from there. */
static bool finish_parked(struct aep__core *core, struct aep__flight *flight,
                          const struct aep__parked *parked)
{
    if (!parked || flight->ordinal >= parked->log.next_ordinal)
        return false;
    aep__delivery_finish(core, flight, parked->drained ? AEP__FATE_ACKED : AEP__FATE_PARKED);
    return true;
}

/* An earlier relay had made a dead letter of it. */
static bool finish_buried(struct aep__core *core, struct aep__flight *flight)
{
    if (!aep__dead_buried(&core->dead, flight->ordinal))
        return false;
    aep__delivery_finish(core, flight, AEP__FATE_DEAD);
    return true;
}

/* The topic has a side log with records that must go first. False: it has not. */
static bool offer_to_parked(struct aep__core *core, struct aep__flight *flight,
                            const struct aep__record *record)
{
    struct aep__parked *parked = flight->topic->parked;
    if (finish_parked(core, flight, parked))
        return true;
    if (!parked || parked->drained)
        return false;
    if (flight->topic->held || !aep__parked_add(core, flight, aep__record_raw(record)))
        aep__flight_set(flight, AEP__FLIGHT_HELD);
    return true;
}

/* No room in memory or on disk: the tail pauses for a while. */
static bool rest(struct aep__core *core)
{
    core->tail.retry_us = core->pace->now_us + LATER_MAX_US;
    aep__pace_due(core->pace, core->tail.retry_us);
    return false;
}

bool aep__delivery_offer(struct aep__core *core, struct aep__flight *flight,
                         const struct aep__record *record)
{
    struct aep__message message;
    if (aep__sink_retains(core->sink)) {
        aep__counters_add(core->counters, AEP__COUNT_retired, 1);
        aep__delivery_finish(core, flight, AEP__FATE_ACKED);
        return true;
    }
    if (finish_buried(core, flight))
        return true;
    const char *fault = find_fault(record, &message);
    if (fault) {
        if (!aep__dead_bury(core, flight, aep__record_raw(record), fault))
            return rest(core);
        aep__delivery_aside(core, flight, AEP__FATE_DEAD);
        return true;
    }
    flight->timestamp_ms = message.timestamp_ms;
    flight->topic = aep__topic_get(core, message.topic);
    if (!flight->topic)
        return rest(core);
    if (offer_to_parked(core, flight, record))
        return true;
    if (flight->topic->held || !aep__topic_may_send(flight->topic)) {
        aep__flight_set(flight, AEP__FLIGHT_HELD);
        return true;
    }
    return aep__delivery_send(core, flight, &message) != AEP__VERDICT_FULL;
}

bool aep__delivery_drop(struct aep__core *core, struct aep__flight *flight,
                        const struct aep__record *record)
{
    struct aep__message message;
    const struct aep__topic *topic = NULL;
    if (aep__record_message(record, &message))
        topic = aep__topic_find(&core->topics, message.topic);
    if (finish_buried(core, flight) || (topic && finish_parked(core, flight, topic->parked)))
        return false;
    aep__delivery_finish(core, flight, AEP__FATE_PURGED);
    return true;
}

/* ---- sending again ---- */

static bool waits(const struct aep__flight *flight)
{
    return flight->state == AEP__FLIGHT_HELD || flight->state == AEP__FLIGHT_SUSPECT;
}

/* Sends or parks one flight of the tail that was held. False: the sink is full. */
static bool send_again(struct aep__core *core, struct aep__flight *flight, struct aep__buf *buf)
{
    struct aep__record record;
    struct aep__message message;
    struct aep__parked *parked = flight->topic->parked;
    bool park = parked && !parked->drained;
    if (!park && !aep__topic_may_send(flight->topic))
        return true;
    if (!aep__delivery_fetch(core, flight, buf, &record)) {
        if (aep__fetch_passes(errno))
            return rest(core);
        aep__delivery_lose(core, flight);
        return true;
    }
    if (!aep__record_message(&record, &message)) {
        aep__delivery_lose(core, flight);
        return true;
    }
    if (park)
        return aep__parked_add(core, flight, aep__record_raw(&record)) || rest(core);
    aep__topic_get(core, message.topic); /* its handle, if the sink is new */
    return aep__delivery_send(core, flight, &message) != AEP__VERDICT_FULL;
}

static void send_held(struct aep__core *core)
{
    struct aep__lane *lane = &core->tail.lane;
    struct aep__buf buf = {0};
    if (core->pace->now_us < core->tail.retry_us)
        return;
    for (uint64_t at = lane->head; lane->held && at < lane->tail; at++) {
        struct aep__flight *flight = aep__lane_at(lane, at);
        if (waits(flight) && !send_again(core, flight, &buf))
            break;
    }
    aep__buf_done(&buf);
}

/* ---- what was set aside ---- */

static void finish_aside(struct aep__core *core, struct aep__lane *lane)
{
    for (uint64_t at = lane->head; lane->aside && at < lane->tail; at++) {
        struct aep__flight *flight = aep__lane_at(lane, at);
        if (flight->state == AEP__FLIGHT_ASIDE)
            aep__delivery_finish(core, flight, flight->fate);
    }
}

static void sync_aside(struct aep__core *core)
{
    core->aside_synced_us = core->pace->now_us;
    if (aep__dead_sync(core) < 0 || aep__parked_sync(core) < 0) {
        aep__core_log(core, AEP_LOG_ERROR, "cannot sync the side logs: %s", strerror(errno));
        aep__pace_due(core->pace, core->pace->now_us + ASIDE_US);
        return;
    }
    core->aside = false;
    finish_aside(core, &core->tail.lane);
    for (struct aep__topic *topic = NULL; (topic = aep__topics_next(&core->topics, topic));)
        if (topic->parked)
            finish_aside(core, &topic->parked->lane);
}

static void sync_aside_in_time(struct aep__core *core)
{
    int64_t due_us = core->aside_synced_us + ASIDE_US;
    if (!core->aside)
        return;
    if (core->pace->now_us >= due_us || core->tail.lane.aside >= ASIDE_MANY)
        sync_aside(core);
    else
        aep__pace_due(core->pace, due_us);
}

uint64_t aep__delivery_purge(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    uint64_t dropped = 0;
    aep__tail_purge(core);
    core->sink->ops->abandon(core->sink);
    for (uint64_t at = tail->lane.head; at < tail->lane.tail; at++) {
        struct aep__flight *flight = aep__lane_at(&tail->lane, at);
        if (!waits(flight))
            continue;
        aep__delivery_finish(core, flight, AEP__FATE_PURGED);
        dropped++;
    }
    sync_aside(core);
    dropped += aep__parked_purge(core);
    aep__counters_add(core->counters, AEP__COUNT_purged, dropped);
    aep__pace_touch(core->pace);
    return dropped;
}

void aep__delivery_step(struct aep__core *core)
{
    struct aep__topic *topic = NULL;
    while ((topic = aep__topics_next(&core->topics, topic)))
        step_gate(core, topic);
    while ((topic = aep__topics_next(&core->topics, topic)))
        aep__parked_pump(core, topic);
    send_held(core);
    aep__dead_pump(core);
    sync_aside_in_time(core);
}

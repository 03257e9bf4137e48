/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/dead.h"

#include "base/clock.h"
#include "base/error.h"
#include "relay/ballast.h"
#include "relay/delivery.h"
#include "relay/relay.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- life ---- */

static enum aep__keep find_marked(void *user, struct aep__sidelog_entry *entry)
{
    bool *marked = user;
    *marked |= entry->note.flags & AEP__NOTE_REPLAY;
    return AEP__KEEP;
}

static void begin_replay(struct aep__dead *dead)
{
    dead->replaying = dead->moved = true;
    dead->replay_at = dead->log.begin;
}

/* Calls fn for each letter until it says DROP. */
static void each_letter(const struct aep__sidelog *log, aep__keep_fn fn, void *user)
{
    struct aep__sidelog_entry entry;
    struct aep__buf buf = {0};
    for (uint64_t at = log->begin; aep__sidelog_read(log, at, &buf, &entry) > 0; at = entry.next)
        if (fn(user, &entry) == AEP__DROP)
            break;
    aep__buf_done(&buf);
}

int aep__dead_load(struct aep__relay *relay, aep_error *err)
{
    struct aep__dead *dead = &relay->dead;
    bool marked = false;
    dead->max_bytes = (uint64_t)aep__config_int(relay->config, AEP__OPT_DEAD_MAX_BYTES);
    dead->lane = (struct aep__lane){.capacity = 1, .kind = AEP__LANE_DEAD};
    if (aep__sidelog_open(&dead->log, &relay->spool, AEP__SIDELOG_DEAD, true) < 0)
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot open the dead letters of %s",
                                relay->spool.path);
    each_letter(&dead->log, find_marked, &marked);
    if (marked)
        begin_replay(dead);
    return AEP_OK;
}

void aep__dead_done(struct aep__relay *relay)
{
    aep__sidelog_done(&relay->dead.log);
    aep__lane_done(&relay->dead.lane);
}

/* ---- in ---- */

struct search {
    uint64_t ordinal;
    aep_position position;
    bool found;
};

static enum aep__keep find_ordinal(void *user, struct aep__sidelog_entry *entry)
{
    struct search *search = user;
    search->found = entry->note.ordinal == search->ordinal;
    return search->found ? AEP__DROP : AEP__KEEP;
}

/* A relay that ended before its cursor was stored may have buried it already. */
static bool is_buried(const struct aep__dead *dead, uint64_t ordinal)
{
    struct search search = {.ordinal = ordinal};
    if (ordinal < dead->log.next_ordinal)
        each_letter(&dead->log, find_ordinal, &search);
    return search.found;
}

struct trim {
    uint64_t excess, dropped;
};

static enum aep__keep drop_oldest(void *user, struct aep__sidelog_entry *entry)
{
    struct trim *trim = user;
    uint64_t size = entry->next - entry->at;
    if (trim->excess == 0)
        return AEP__KEEP;
    trim->excess -= size < trim->excess ? size : trim->excess;
    trim->dropped++;
    return AEP__DROP;
}

/* Makes room for len bytes more: at least a quarter of the limit, so that it is done rarely. */
static bool make_room(struct aep__relay *relay, size_t len)
{
    struct aep__dead *dead = &relay->dead;
    uint64_t used = dead->log.end - AEP__SIDELOG_FIRST;
    if (used + len <= dead->max_bytes)
        return true;
    uint64_t goal = dead->max_bytes / 4 * 3;
    struct trim trim = {.excess = used + len > goal ? used + len - goal : 0};
    if (aep__sidelog_rewrite(&dead->log, drop_oldest, &trim) < 0)
        return false;
    aep__counters_add(&relay->counters, AEP__COUNT_dead_dropped, trim.dropped);
    aep__log_write(&relay->log, AEP_LOG_WARNING,
                   "the dead letters reached dead.max_bytes: the oldest %" PRIu64 " were dropped",
                   trim.dropped);
    if (dead->replaying)
        begin_replay(dead);
    return true;
}

bool aep__dead_bury(struct aep__relay *relay, const struct aep__flight *flight,
                    struct aep__slice raw, const char *error)
{
    struct aep__dead *dead = &relay->dead;
    struct aep__note note = {
        .ordinal = flight->ordinal,
        .segment = flight->segment,
        .offset = flight->offset,
        .end = flight->end,
        .time_us = aep__clock_wall_us(),
        .error = aep__slice_text(error),
    };
    if (is_buried(dead, flight->ordinal))
        return true;
    if (!make_room(relay, raw.len) ||
        (aep__sidelog_append(&dead->log, &note, raw) < 0 &&
         !(aep__ballast_give(&relay->spool) && aep__sidelog_append(&dead->log, &note, raw) == 0))) {
        aep__log_write(&relay->log, AEP_LOG_ERROR, "cannot keep a dead letter: %s",
                       strerror(errno));
        return false;
    }
    aep__counters_add(&relay->counters, AEP__COUNT_dead, 1);
    aep__log_write(&relay->log, AEP_LOG_WARNING, "record %" PRIu64 " is a dead letter: %s",
                   flight->ordinal, error);
    return true;
}

int aep__dead_sync(struct aep__relay *relay)
{
    return aep__sidelog_sync(&relay->dead.log, true);
}

/* ---- by command ---- */

struct selection {
    const uint64_t *ordinal; /* NULL: all */
    int64_t count;
};

static bool selected(struct selection *selection, const struct aep__sidelog_entry *entry)
{
    if (selection->ordinal && *selection->ordinal != entry->note.ordinal)
        return false;
    selection->count++;
    return true;
}

static enum aep__keep mark_selected(void *user, struct aep__sidelog_entry *entry)
{
    if (selected(user, entry))
        entry->note.flags |= AEP__NOTE_REPLAY;
    return AEP__KEEP;
}

static enum aep__keep drop_selected(void *user, struct aep__sidelog_entry *entry)
{
    return selected(user, entry) ? AEP__DROP : AEP__KEEP;
}

static void apply_results(struct aep__relay *relay);

static int64_t rewrite_selected(struct aep__relay *relay, aep__keep_fn fn, const uint64_t *ordinal)
{
    struct selection selection = {.ordinal = ordinal};
    apply_results(relay);
    if (aep__sidelog_rewrite(&relay->dead.log, fn, &selection) < 0)
        return -1;
    if (relay->dead.replaying)
        begin_replay(&relay->dead);
    aep__relay_touch(relay);
    return selection.count;
}

int64_t aep__dead_replay(struct aep__relay *relay, const uint64_t *ordinal)
{
    int64_t count = rewrite_selected(relay, mark_selected, ordinal);
    if (count > 0)
        begin_replay(&relay->dead);
    return count;
}

int64_t aep__dead_drop(struct aep__relay *relay, const uint64_t *ordinal)
{
    int64_t count = rewrite_selected(relay, drop_selected, ordinal);
    if (count > 0)
        aep__counters_add(&relay->counters, AEP__COUNT_dead_dropped, (uint64_t)count);
    return count;
}

/* ---- replay ---- */

static const struct aep__dead_result *result_of(const struct aep__dead *dead, uint64_t ordinal)
{
    for (unsigned i = 0; i < dead->result_count; i++)
        if (dead->results[i].ordinal == ordinal)
            return &dead->results[i];
    return NULL;
}

static enum aep__keep apply_result(void *user, struct aep__sidelog_entry *entry)
{
    const struct aep__dead_result *result = result_of(user, entry->note.ordinal);
    if (result && result->sent)
        return AEP__DROP;
    if (result)
        entry->note.flags &= (uint8_t)~AEP__NOTE_REPLAY;
    return AEP__KEEP;
}

/* Takes the letters that were sent out of the file, and the mark from those refused again. */
static void apply_results(struct aep__relay *relay)
{
    struct aep__dead *dead = &relay->dead;
    if (dead->result_count == 0)
        return;
    if (aep__sidelog_rewrite(&dead->log, apply_result, dead) < 0) {
        aep__log_write(&relay->log, AEP_LOG_ERROR, "cannot rewrite the dead letters: %s",
                       strerror(errno));
        return;
    }
    dead->result_count = 0;
    dead->replay_at = dead->log.begin;
    aep__relay_touch(relay);
}

/* The letter in flight, if any, has come back. */
static void note_result(struct aep__dead *dead)
{
    const struct aep__flight *flight = aep__lane_at(&dead->lane, dead->lane.head);
    dead->results[dead->result_count++] =
        (struct aep__dead_result){flight->ordinal, flight->fate == AEP__FATE_ACKED};
    if (!dead->moved)
        dead->replay_at = flight->next;
    aep__lane_pop(&dead->lane);
}

static bool send_letter(struct aep__relay *relay, const struct aep__sidelog_entry *entry)
{
    struct aep__message message;
    struct aep__flight *flight = aep__lane_push(&relay->dead.lane);
    if (!flight)
        return false;
    relay->dead.moved = false;
    flight->ordinal = entry->note.ordinal;
    flight->at = entry->at;
    flight->next = entry->next;
    if (!aep__record_message(&entry->record, &message) || !aep__topic_name_valid(message.topic)) {
        aep__delivery_finish(relay, flight, AEP__FATE_DEAD);
        return true;
    }
    flight->timestamp_ms = message.timestamp_ms;
    flight->topic = aep__topic_get(relay, message.topic);
    if (flight->topic && aep__topic_may_send(flight->topic) &&
        aep__delivery_send(relay, flight, &message) != AEP__VERDICT_FULL)
        return true;
    aep__lane_unpush(&relay->dead.lane);
    return false;
}

/* Sends the next marked letter. False: there is none, or not now. */
static bool send_next(struct aep__relay *relay)
{
    struct aep__dead *dead = &relay->dead;
    struct aep__sidelog_entry entry;
    struct aep__buf buf = {0};
    bool sent = false;
    for (;;) {
        if (aep__sidelog_read(&dead->log, dead->replay_at, &buf, &entry) <= 0) {
            apply_results(relay);
            dead->replaying = dead->result_count > 0;
            break;
        }
        if (entry.note.flags & AEP__NOTE_REPLAY && !result_of(dead, entry.note.ordinal)) {
            sent = send_letter(relay, &entry);
            break;
        }
        dead->replay_at = entry.next;
    }
    aep__buf_done(&buf);
    return sent;
}

void aep__dead_pump(struct aep__relay *relay)
{
    struct aep__dead *dead = &relay->dead;
    while (dead->replaying) {
        if (!aep__lane_empty(&dead->lane)) {
            struct aep__flight *flight = aep__lane_at(&dead->lane, dead->lane.head);
            if (flight->state == AEP__FLIGHT_HELD) { /* nobody's fault: again */
                aep__flight_set(flight, AEP__FLIGHT_DONE);
                aep__lane_unpush(&dead->lane);
            } else if (flight->state == AEP__FLIGHT_DONE) {
                note_result(dead);
            } else {
                return;
            }
            if (dead->result_count == AEP__DEAD_BATCH)
                apply_results(relay);
            if (dead->result_count == AEP__DEAD_BATCH)
                return;
        }
        if (!send_next(relay))
            return;
    }
}

/* ---- questions ---- */

static enum aep__keep find_position(void *user, struct aep__sidelog_entry *entry)
{
    struct search *search = user;
    search->found = entry->note.segment == search->position.segment &&
                    entry->note.end == search->position.offset;
    return search->found ? AEP__DROP : AEP__KEEP;
}

bool aep__dead_holds(struct aep__relay *relay, aep_position position)
{
    struct search search = {.position = position};
    each_letter(&relay->dead.log, find_position, &search);
    return search.found;
}

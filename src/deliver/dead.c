/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/dead.h"

#include "base/error.h"
#include "deliver/ballast.h"
#include "deliver/core.h"
#include "deliver/delivery.h"
#include "deliver/parked.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define READ_AGAIN_US 1000000

/* ---- life ---- */

static void begin_replay(struct aep__dead *dead)
{
    dead->replaying = dead->moved = true;
    dead->replay_at = dead->log.begin;
}

/* Calls fn for each letter until it returns DROP. */
static void each_letter(struct aep__sidelog *log, aep__keep_fn fn, void *user)
{
    struct aep__sidelog_entry entry;
    struct aep__buf buf = {0};
    for (uint64_t at = log->begin; aep__sidelog_read(log, at, &buf, &entry) > 0; at = entry.next)
        if (fn(user, &entry) == AEP__DROP)
            break;
    aep__buf_done(&buf);
}

/* What the previous core left: letters to replay, and letters whose records will be read again,
 * because neither the cursor nor the start of a parked log has passed them. */
struct survey {
    struct aep__dead *dead;
    uint64_t from; /* ordinal */
    bool marked, failed;
};

static enum aep__keep survey_letter(void *user, struct aep__sidelog_entry *entry)
{
    struct survey *survey = user;
    struct aep__buf *buried = &survey->dead->buried;
    survey->marked |= entry->note.flags & AEP__NOTE_REPLAY;
    if (entry->note.ordinal >= survey->from)
        aep__buf_add(buried, &entry->note.ordinal, sizeof entry->note.ordinal);
    survey->failed |= buried->failed;
    return survey->failed ? AEP__DROP : AEP__KEEP;
}

static int compare_ordinals(const void *left, const void *right)
{
    const uint64_t *one = left, *other = right;
    return (*one > *other) - (*one < *other);
}

int aep__dead_load(struct aep__core *core, aep_error *err)
{
    struct aep__dead *dead = &core->dead;
    uint64_t cursor = core->tail.cursor.ordinal, parked = aep__parked_first(core);
    struct survey survey = {.dead = dead, .from = parked < cursor ? parked : cursor};
    dead->lane = (struct aep__lane){.capacity = 1, .kind = AEP__LANE_DEAD};
    if (aep__sidelog_open(&dead->log, core->spool, AEP__SIDELOG_DEAD, true) < 0)
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir",
                                "cannot open the dead-letter log of "
                                "%s",
                                core->spool->path);
    each_letter(&dead->log, survey_letter, &survey);
    if (survey.failed)
        return aep__error_memory(err);
    if (dead->buried.len > 0)
        qsort(dead->buried.data, dead->buried.len / sizeof(uint64_t), sizeof(uint64_t),
              compare_ordinals);
    if (survey.marked)
        begin_replay(dead);
    return AEP_OK;
}

void aep__dead_done(struct aep__core *core)
{
    aep__sidelog_done(&core->dead.log);
    aep__lane_done(&core->dead.lane);
    aep__buf_done(&core->dead.buried);
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

/* The previous core may have buried it and ended before it stored the cursor, or the start of a
 * parked log. */
static bool is_buried(struct aep__dead *dead, uint64_t ordinal)
{
    struct search search = {.ordinal = ordinal};
    if (ordinal < dead->log.next_ordinal)
        each_letter(&dead->log, find_ordinal, &search);
    return search.found;
}

bool aep__dead_buried(const struct aep__dead *dead, uint64_t ordinal)
{
    return dead->buried.len > 0 &&
           bsearch(&ordinal, dead->buried.data, dead->buried.len / sizeof ordinal, sizeof ordinal,
                   compare_ordinals);
}

/* What is about to go: it was never delivered. */
static void note_dropped(struct aep__core *core, const struct aep__sidelog_entry *entry)
{
    aep__missed_add(&core->missed,
                    (struct aep__missed_range){entry->note.segment, entry->note.offset,
                                               entry->note.end, AEP__FATE_DEAD});
}

struct trim {
    struct aep__core *core;
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

static enum aep__keep note_oldest(void *user, struct aep__sidelog_entry *entry)
{
    struct trim *trim = user;
    if (drop_oldest(trim, entry) == AEP__KEEP)
        return AEP__DROP; /* no more */
    note_dropped(trim->core, entry);
    return AEP__KEEP;
}

/* Of what was noted and not dropped nothing is known. */
static void note_kept(struct aep__core *core)
{
    int saved = errno;
    aep__missed_resume(&core->missed, (aep_position){UINT64_MAX, 0});
    errno = saved;
}

/* Makes room for len more bytes, and for at least a quarter of the limit, so that this happens
 * rarely. */
static bool make_room(struct aep__core *core, size_t len)
{
    struct aep__dead *dead = &core->dead;
    uint64_t used = dead->log.end - AEP__SIDELOG_FIRST;
    if (used + len <= dead->max_bytes)
        return true;
    uint64_t goal = dead->max_bytes / 4 * 3;
    struct trim trim = {.core = core, .excess = used + len > goal ? used + len - goal : 0};
    struct trim noted = trim;
    each_letter(&dead->log, note_oldest, &noted);
    aep__core_note_missed(core, core->sync_cursor);
    if (aep__sidelog_rewrite(&dead->log, drop_oldest, &trim) < 0) {
        note_kept(core);
        return false;
    }
    aep__counters_add(core->counters, AEP__COUNT_dead_dropped, trim.dropped);
    aep__core_log(core, AEP_LOG_WARNING,
                  "the dead-letter log reached dead.max_bytes: the oldest %" PRIu64 " were dropped",
                  trim.dropped);
    if (dead->replaying)
        begin_replay(dead);
    return true;
}

bool aep__dead_bury(struct aep__core *core, const struct aep__flight *flight, struct aep__slice raw,
                    const char *error)
{
    struct aep__dead *dead = &core->dead;
    struct aep__note note = {
        .ordinal = flight->ordinal,
        .segment = flight->segment,
        .offset = flight->offset,
        .end = flight->end,
        .time_us = core->pace->wall_us,
        .error = aep__slice_text(error),
    };
    if (is_buried(dead, flight->ordinal))
        return true;
    if (!make_room(core, raw.len) ||
        (aep__sidelog_append(&dead->log, &note, raw) < 0 &&
         !(aep__ballast_give(core->spool) && aep__sidelog_append(&dead->log, &note, raw) == 0))) {
        aep__core_log(core, AEP_LOG_ERROR, "cannot keep a dead letter: %s", strerror(errno));
        return false;
    }
    aep__counters_add(core->counters, AEP__COUNT_dead, 1);
    aep__core_log(core, AEP_LOG_WARNING, "record %" PRIu64 " is a dead letter: %s", flight->ordinal,
                  error);
    return true;
}

int aep__dead_sync(struct aep__core *core)
{
    return aep__sidelog_sync(&core->dead.log, true);
}

/* ---- by command ---- */

struct selection {
    struct aep__core *core;
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

static enum aep__keep note_selected(void *user, struct aep__sidelog_entry *entry)
{
    const struct selection *selection = user;
    if (selected(user, entry))
        note_dropped(selection->core, entry);
    return AEP__KEEP;
}

static int64_t rewrite_selected(struct aep__core *core, aep__keep_fn fn, const uint64_t *ordinal)
{
    struct selection selection = {.ordinal = ordinal};
    aep__dead_settle(core);
    if (aep__sidelog_rewrite(&core->dead.log, fn, &selection) < 0)
        return -1;
    if (core->dead.replaying)
        begin_replay(&core->dead);
    aep__pace_touch(core->pace);
    return selection.count;
}

int64_t aep__dead_replay(struct aep__core *core, const uint64_t *ordinal)
{
    int64_t count = rewrite_selected(core, mark_selected, ordinal);
    if (count > 0)
        begin_replay(&core->dead);
    return count;
}

int64_t aep__dead_drop(struct aep__core *core, const uint64_t *ordinal)
{
    struct selection noted = {.core = core, .ordinal = ordinal};
    aep__dead_settle(core); /* what a replay has sent is not dropped */
    each_letter(&core->dead.log, note_selected, &noted);
    aep__core_note_missed(core, core->sync_cursor);
    int64_t count = rewrite_selected(core, drop_selected, ordinal);
    if (count < 0)
        note_kept(core);
    if (count > 0)
        aep__counters_add(core->counters, AEP__COUNT_dead_dropped, (uint64_t)count);
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

void aep__dead_settle(struct aep__core *core)
{
    struct aep__dead *dead = &core->dead;
    if (dead->result_count == 0)
        return;
    if (aep__sidelog_rewrite(&dead->log, apply_result, dead) < 0) {
        aep__core_log(core, AEP_LOG_ERROR, "cannot rewrite the dead-letter log: %s",
                      strerror(errno));
        return;
    }
    dead->result_count = 0;
    dead->replay_at = dead->log.begin;
    aep__pace_touch(core->pace);
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

static bool send_letter(struct aep__core *core, const struct aep__sidelog_entry *entry)
{
    struct aep__message message;
    struct aep__flight *flight = aep__lane_push(&core->dead.lane);
    if (!flight)
        return false;
    core->dead.moved = false;
    flight->ordinal = entry->note.ordinal;
    flight->at = entry->at;
    flight->next = entry->next;
    if (!aep__record_message(&entry->record, &message) || !aep__topic_name_valid(message.topic)) {
        aep__delivery_finish(core, flight, AEP__FATE_DEAD);
        return true;
    }
    flight->timestamp_ms = message.timestamp_ms;
    flight->topic = aep__topic_get(core, message.topic);
    if (flight->topic && aep__topic_may_send(flight->topic) &&
        aep__delivery_send(core, flight, &message) != AEP__VERDICT_FULL)
        return true;
    aep__lane_unpush(&core->dead.lane);
    return false;
}

/* Sends the next marked letter. False: there is none, or not now. */
static bool send_next(struct aep__core *core)
{
    struct aep__dead *dead = &core->dead;
    struct aep__sidelog_entry entry;
    struct aep__buf buf = {0};
    bool sent = false;
    for (;;) {
        int found = aep__sidelog_read(&dead->log, dead->replay_at, &buf, &entry);
        if (found < 0) {
            aep__core_log(core, AEP_LOG_ERROR, "cannot read the dead letters of %s: %s",
                          core->spool->path, strerror(errno));
            aep__pace_due(core->pace, core->pace->now_us + READ_AGAIN_US);
            break;
        }
        if (found == 0) {
            aep__dead_settle(core);
            dead->replaying = dead->result_count > 0;
            break;
        }
        if (entry.note.flags & AEP__NOTE_REPLAY && !result_of(dead, entry.note.ordinal)) {
            sent = send_letter(core, &entry);
            break;
        }
        dead->replay_at = entry.next;
    }
    aep__buf_done(&buf);
    return sent;
}

void aep__dead_pump(struct aep__core *core)
{
    struct aep__dead *dead = &core->dead;
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
        }
        if (dead->result_count == AEP__DEAD_BATCH)
            aep__dead_settle(core);
        if (dead->result_count == AEP__DEAD_BATCH || !send_next(core))
            return; /* the next one's result would have no room, or there is none to send now */
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

bool aep__dead_holds(struct aep__core *core, aep_position position)
{
    struct search search = {.position = position};
    each_letter(&core->dead.log, find_position, &search);
    return search.found;
}

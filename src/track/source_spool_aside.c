/* SPDX-License-Identifier: Apache-2.0 */
#include "track/source_spool_aside.h"

#include "base/clock.h"
#include "track/settle.h"

#include <string.h>

#define SETTLE_EVENTS 1000 /* that are settled in one go, */
#define SETTLE_GOES 256    /* and how many goes a transaction has */

static bool is_before(aep_position one, aep_position other)
{
    return one.segment != other.segment ? one.segment < other.segment : one.offset < other.offset;
}

static const struct aep__sides *sides_of(const struct aep__source_spool *source)
{
    return &source->follower.fates.sides;
}

static aep_position position_of(const struct aep__side *side)
{
    return (aep_position){side->segment, side->offset};
}

static aep_position behind(const struct aep__side *side)
{
    return (aep_position){side->segment, side->offset + 1};
}

/* ---- what was put aside ---- */

uint64_t aep__source_aside_pass(struct aep__source_spool *source, aep_position from,
                                aep_position to)
{
    struct aep__sides *sides = &source->follower.fates.sides;
    aep__sides_look(sides, false); /* what has gone since the last look is in them */
    uint64_t count = aep__sides_from(sides, to) - aep__sides_from(sides, from);
    if (source->beyond.segment == 0)
        source->aside = from;
    source->beyond = to;
    return count;
}

void aep__source_aside_miss(struct aep__source_spool *source, uint64_t count)
{
    source->missed += count;
    source->untold += count;
}

/* The next one that is to be read; NULL: there is none. */
static const struct aep__side *next_aside(struct aep__source_spool *source)
{
    const struct aep__sides *sides = sides_of(source);
    size_t i = source->beyond.segment ? aep__sides_from(sides, source->aside) : sides->count;
    bool found = i < sides->count && is_before(position_of(&sides->list[i]), source->beyond);
    if (!found)
        source->beyond.segment = 0;
    return found ? &sides->list[i] : NULL;
}

/* A side log that is open. */
struct open_log {
    struct aep__sidelog file;
    unsigned log;
    bool open;
};

/* Whether the entry of a side is there: the log may have been drained, or written anew, since. */
static bool read_side(struct aep__source_spool *source, const struct aep__side *side,
                      struct open_log *log, struct aep__buf *buf, struct aep__sidelog_entry *ret)
{
    const struct aep__sides *sides = sides_of(source);
    if (log->open && log->log != side->log) {
        aep__sidelog_done(&log->file);
        log->open = false;
    }
    if (!log->open)
        log->open =
            aep__sidelog_open(&log->file, &source->spool, sides->logs[side->log].name, false) == 0;
    log->log = side->log;
    return log->open && aep__sidelog_read(&log->file, side->at, buf, ret) > 0 &&
           ret->note.segment == side->segment && ret->note.offset == side->offset;
}

static int take_entry(struct aep__source_spool *source, struct aep__ingest *ingest,
                      const struct aep__sidelog_entry *entry, enum aep__fate fate, aep_error *err)
{
    struct aep__message message;
    struct aep__spooled place = {.segment = entry->note.segment, .offset = entry->note.offset};
    struct aep__arrival arrival = {
        .sequence = {.known = true, .ordinal = entry->note.ordinal},
        .fate = fate,
        .unsettled = &place,
        .now_us = aep__clock_wall_us(),
    };
    arrival.body =
        aep__record_message(&entry->record, &message) ? message.value : entry->record.value;
    memcpy(place.spool, source->spool.uuid, sizeof place.spool);
    memcpy(arrival.sequence.spool, source->spool.uuid, sizeof arrival.sequence.spool);
    return aep__ingest_take(ingest, &arrival, err);
}

/* One that has left its log since it was looked at is looked for again, once: it was sent, or stands
 * elsewhere in it. */
int aep__source_aside_take(struct aep__source_spool *source, struct aep__ingest *ingest,
                           unsigned most, unsigned *count, bool *ret_end, aep_error *err)
{
    struct open_log log = {.open = false};
    struct aep__sidelog_entry entry;
    struct aep__buf buf = {0};
    const struct aep__side *side = NULL;
    bool looked = false;
    int code = AEP_OK;
    while (code == AEP_OK && *count < most && (side = next_aside(source))) {
        if (read_side(source, side, &log, &buf, &entry)) {
            code = take_entry(source, ingest, &entry, side->fate, err);
            source->aside_count -= source->aside_count > 0;
            ++*count;
        } else if (!looked) {
            looked = true;
            if (aep__sides_look(&source->follower.fates.sides, true) == 0)
                continue;
        }
        source->aside = behind(side);
        looked = false;
    }
    if (log.open)
        aep__sidelog_done(&log.file);
    aep__buf_done(&buf);
    *ret_end = code == AEP_OK && !next_aside(source);
    if (*ret_end) {
        aep__source_aside_miss(source, source->aside_count);
        source->aside_count = 0;
    }
    return code;
}

/* ---- what has become of the others ---- */

/* What is missed, if source->settled stands in it, else all up to the next of that. */
static void cut_at_missed(const struct aep__missed *missed, struct aep__settling *what)
{
    size_t i = aep__missed_from(missed, what->from);
    if (i == missed->count)
        return;
    const struct aep__missed_range *range = &missed->ranges[i];
    aep_position begin = {range->segment, range->begin}, end = {range->segment, range->end};
    bool within = !is_before(what->from, begin);
    aep_position until = within ? end : begin;
    if (within)
        what->fate = range->fate;
    if (is_before(until, what->until))
        what->until = until;
}

/* From source->settled on: the one that stands there, if it was put aside, else all of one fate. */
static struct aep__settling next_settling(const struct aep__source_spool *source)
{
    const struct aep__fates *fates = &source->follower.fates;
    struct aep__settling what = {.from = source->settled,
                                 .until = fates->finished,
                                 .limit = SETTLE_EVENTS,
                                 .fate = AEP__FATE_ACKED};
    size_t i = aep__sides_from(&fates->sides, source->settled);
    memcpy(what.spool, source->spool.uuid, sizeof what.spool);
    if (i < fates->sides.count && is_before(position_of(&fates->sides.list[i]), what.until)) {
        const struct aep__side *side = &fates->sides.list[i];
        what.until = position_of(side);
        if (!is_before(what.from, what.until)) {
            what.until = behind(side);
            what.fate = side->fate;
            what.stays = true;
            return what;
        }
    }
    cut_at_missed(&fates->missed, &what);
    return what;
}

/* Goes from the beginning again where a side log, or what is missed, has changed: what was parked may have been
 * sent, or purged. But not before it has been to the end. */
static bool is_settled(struct aep__source_spool *source)
{
    const struct aep__fates *fates = &source->follower.fates;
    if (is_before(source->settled, fates->finished))
        return false;
    uint64_t version = fates->sides.version + fates->missed.version; /* both only grow */
    if (source->aside_known == version)
        return true;
    source->aside_known = version;
    source->settled = (aep_position){0};
    return !is_before(source->settled, fates->finished);
}

/* What had not been finished when somebody removed the folder is lost. */
static int lose_rest(struct aep__source_spool *source, struct aep__store *store, aep_error *err)
{
    struct aep__settling what = {.from = source->settled,
                                 .until = {INT64_MAX, 0},
                                 .limit = SETTLE_EVENTS,
                                 .fate = AEP__FATE_LOST};
    memcpy(what.spool, source->spool.uuid, sizeof what.spool);
    int code = aep__settle(store, &what, &source->settled, err);
    if (code == AEP_OK)
        source->gone = source->settled.segment == what.until.segment;
    return code;
}

int aep__source_settle(struct aep__source_spool *source, struct aep__store *store, bool *ret_end,
                       aep_error *err)
{
    int code = AEP_OK;
    bool done = source->spool.local || source->follower.fates.sides.incomplete;
    for (unsigned goes = 0; code == AEP_OK && !done && goes < SETTLE_GOES; goes++) {
        done = is_settled(source);
        if (done)
            break;
        struct aep__settling what = next_settling(source);
        code = aep__settle(store, &what, &source->settled, err);
        if (is_before(source->settled, what.until))
            break; /* enough for one transaction */
    }
    if (code == AEP_OK && done && source->removed && !source->gone)
        code = lose_rest(source, store, err);
    *ret_end = done && source->gone == source->removed;
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Two positions are stored for a spool, with the events that were read up to there:
 *
 *     spool:UUID            segment, offset
 *     spool:UUID:ordinal    what boot that was in, and the number of the next event
 *
 * Numbers are the relay's, which are contiguous within a boot: the cursor has the number of the event
 * that it stands at, and from there others can be counted. */
#include "track/source_spool.h"

#include "base/clock.h"
#include "track/source_spool_aside.h"

#include <stdio.h>
#include <string.h>

static bool is_before(aep_position one, aep_position other)
{
    return one.segment != other.segment ? one.segment < other.segment : one.offset < other.offset;
}

static aep_position position_of(const struct aep__source_spool *source)
{
    return (aep_position){source->position.segment, source->position.offset};
}

static void move_to(struct aep__source_spool *source, uint64_t segment, uint64_t offset)
{
    source->position.segment = segment;
    source->position.offset = offset;
    source->moved = true;
}

/* ---- numbers ---- */

/* The number that the event at the cursor gets. A relay that starts in a new boot skips to the next
 * multiple of 2^32 (deliver/tail.c). */
static uint64_t number_at(const struct aep__source_spool *source, const struct aep__cursor *cursor)
{
    if (memcmp(cursor->boot, source->spool.boot, sizeof cursor->boot) == 0)
        return cursor->ordinal;
    return ((cursor->ordinal >> 32) + 1) << 32;
}

/* Counts the events between two positions; those that are gone do not count. False: they cannot be
 * read. */
static bool count_between(struct aep__source_spool *source, aep_position from, aep_position to,
                          uint64_t *ret)
{
    struct aep__reader reader;
    struct aep__entry entry;
    enum aep__read read = AEP__READ_EVENT;
    *ret = 0;
    if (aep__reader_init(&reader, &source->spool, from.segment, from.offset, false, NULL) != AEP_OK)
        return false;
    while ((read == AEP__READ_EVENT || read == AEP__READ_SEALED) &&
           is_before((aep_position){reader.segment, reader.offset}, to)) {
        read = aep__reader_next(&reader, &entry, NULL);
        *ret +=
            read == AEP__READ_EVENT && is_before((aep_position){entry.segment, entry.offset}, to);
    }
    aep__reader_done(&reader);
    return read != AEP__READ_ERROR;
}

/* Finds the number of the event at the position. */
static void find_number(struct aep__source_spool *source, const struct aep__cursor *cursor)
{
    aep_position here = position_of(source), finished = {cursor->segment, cursor->offset};
    uint64_t count;
    source->skip_at = (aep_position){0};
    if (is_before(here, finished)) {
        source->numbered = count_between(source, here, finished, &count);
        source->ordinal = cursor->ordinal - count;
        source->skip_at = finished;
        source->skip_to = number_at(source, cursor);
    } else {
        source->numbered = count_between(source, finished, here, &count);
        source->ordinal = number_at(source, cursor) + count;
    }
}

/* ---- opening ---- */

static uint64_t boot_number(const struct aep__source_spool *source)
{
    uint64_t number;
    memcpy(&number, source->spool.boot, sizeof number);
    return (number >> 1) | 1; /* stores have signed numbers */
}

/* Goes on at the start of a segment: what was before it has been removed. */
static void pass_to(struct aep__source_spool *source, const struct aep__cursor *cursor,
                    uint64_t segment)
{
    uint64_t expected = source->ordinal;
    bool known = source->numbered;
    aep_position from = position_of(source);
    move_to(source, segment, 0);
    find_number(source, cursor);
    uint64_t aside = aep__source_aside_pass(source, from, position_of(source));
    if (!known || !source->numbered || source->ordinal <= expected)
        return;
    uint64_t missed = (source->ordinal - expected) & UINT32_MAX; /* what a boot skipped is none */
    aside = aside < missed ? aside : missed;
    source->aside_count += aside;
    aep__source_aside_miss(source, missed - aside);
}

static void name_source(struct aep__source_spool *source, struct aep__bookmark *ordinal)
{
    *ordinal = source->position = (struct aep__bookmark){.segment = 0};
    snprintf(source->position.source, sizeof source->position.source, "spool:%s",
             source->spool.uuid_text);
    snprintf(ordinal->source, sizeof ordinal->source, "spool:%s:ordinal", source->spool.uuid_text);
}

/* Where the store stands or, for a new source, where the spool begins. */
static int find_position(struct aep__source_spool *source, struct aep__store *store, aep_error *err)
{
    struct aep__cursor cursor;
    struct aep__bookmark ordinal;
    name_source(source, &ordinal);
    int code = aep__cursor_load(&source->spool, &cursor, err);
    if (code != AEP_OK)
        return code;
    if (store->ops->get_position(store, &source->position, err) < 0 ||
        store->ops->get_position(store, &ordinal, err) < 0)
        return err->code;
    source->numbered = ordinal.segment > 0;
    source->ordinal = ordinal.offset;
    if (source->position.segment == 0) {
        move_to(source, cursor.segment, 0);
        aep__source_aside_pass(source, (aep_position){0}, position_of(source));
    }
    if (source->position.segment < cursor.segment)
        pass_to(source, &cursor, cursor.segment);
    else if (ordinal.segment != boot_number(source))
        find_number(source, &cursor);
    return AEP_OK;
}

int aep__source_spool_open(struct aep__source_spool *source, const char *path,
                           struct aep__store *store, aep_error *err)
{
    *source = (struct aep__source_spool){
        .follower = {.reader.fd = -1, .watch_fd = -1, .cursor_fd = -1}, .spool.dir_fd = -1};
    int code = aep__spool_open(&source->spool, path, NULL, err);
    if (code == AEP_OK)
        code = aep__follower_open(&source->follower, &source->spool, (aep_position){0}, err);
    if (code == AEP_OK)
        code = find_position(source, store, err);
    if (code == AEP_OK)
        aep__reader_seek(&source->follower.reader, source->position.segment,
                         source->position.offset);
    else
        aep__source_spool_close(source);
    return code;
}

void aep__source_spool_close(struct aep__source_spool *source)
{
    aep__follower_close(&source->follower);
    aep__spool_done(&source->spool);
}

/* ---- reading ---- */

static int take_event(struct aep__source_spool *source, struct aep__ingest *ingest,
                      const struct aep__entry *entry, aep_error *err)
{
    struct aep__message message;
    aep_position begin = {entry->segment, entry->offset};
    if (source->skip_at.segment && !is_before(begin, source->skip_at)) {
        source->ordinal = source->skip_to;
        source->skip_at.segment = 0;
    }
    if (!aep__record_message(&entry->record, &message))
        message.value = entry->record.value;
    struct aep__spooled place = {.segment = begin.segment, .offset = begin.offset};
    struct aep__arrival arrival = {
        .body = message.value,
        .sequence = {.known = source->numbered, .ordinal = source->ordinal++},
        .fate = aep__fates_of(&source->follower.fates, begin),
        .now_us = aep__clock_wall_us(),
    };
    if (!source->spool.local && arrival.fate != AEP__FATE_ACKED)
        arrival.unsettled = &place;
    memcpy(place.spool, source->spool.uuid, sizeof place.spool);
    memcpy(arrival.sequence.spool, source->spool.uuid, sizeof arrival.sequence.spool);
    return aep__ingest_take(ingest, &arrival, err);
}

/* Not to be read for now; what has been read is stored. */
static void note_problem(struct aep__source_spool *source, const aep_error *err)
{
    snprintf(source->problem, sizeof source->problem, "%s", err->text);
}

/* Segments have been removed under the reader. */
static void pass_gone(struct aep__source_spool *source)
{
    struct aep__cursor cursor;
    aep_error why;
    if (aep__cursor_load(&source->spool, &cursor, &why) == AEP_OK)
        pass_to(source, &cursor, source->follower.reader.segment);
    else
        note_problem(source, &why);
}

static int put_position(struct aep__source_spool *source, struct aep__store *store, aep_error *err)
{
    struct aep__bookmark ordinal = {.segment = source->numbered ? boot_number(source) : 0,
                                    .offset = source->ordinal};
    snprintf(ordinal.source, sizeof ordinal.source, "spool:%s:ordinal", source->spool.uuid_text);
    int code = store->ops->put_position(store, &source->position, err);
    if (code == AEP_OK)
        code = store->ops->put_position(store, &ordinal, err);
    if (code == AEP_OK && source->untold > 0)
        code = store->ops->add_count(store, AEP__COUNT_MISSED, (int64_t)source->untold, err);
    source->untold = 0;
    source->moved = false;
    return code;
}

/* Errors: the store's. What else is the matter is a problem. */
static int read_events(struct aep__source_spool *source, struct aep__ingest *ingest, unsigned most,
                       unsigned *count, bool *ret_end, aep_error *err)
{
    struct aep__entry entry;
    aep_error why;
    int64_t now_us = aep__clock_wall_us();
    int code = AEP_OK;
    while (code == AEP_OK && *count < most && !*ret_end && !source->problem[0] &&
           source->beyond.segment == 0) {
        switch (aep__follower_next(&source->follower, &entry, &why)) {
        case AEP__FOLLOW_EVENT:
            code = take_event(source, ingest, &entry, err);
            move_to(source, entry.segment, entry.end);
            ++*count;
            break;
        case AEP__FOLLOW_SEALED:
            move_to(source, source->follower.reader.segment + 1, 0);
            break;
        case AEP__FOLLOW_END:
            source->read_us = now_us;
            *ret_end = true;
            break;
        case AEP__FOLLOW_PASSED:
            pass_gone(source);
            break;
        case AEP__FOLLOW_GONE:
            source->removed = *ret_end = true;
            break;
        case AEP__FOLLOW_ERROR:
            note_problem(source, &why);
        }
    }
    return code;
}

/* What was put aside comes first, and is stored with the position behind it: whoever goes on from the one
 * before reads it again. */
int aep__source_spool_read(struct aep__source_spool *source, struct aep__ingest *ingest,
                           unsigned most, unsigned *ret_count, bool *ret_end, aep_error *err)
{
    aep_error why;
    bool aside_end = true, settled = true;
    int code = AEP_OK;
    *ret_count = 0;
    *ret_end = source->removed;
    source->problem[0] = '\0';
    if (!source->removed && aep__follower_look(&source->follower, &why) != AEP_OK)
        note_problem(source, &why);
    else if (source->beyond.segment)
        code = aep__source_aside_take(source, ingest, most, ret_count, &aside_end, err);
    if (code == AEP_OK && aside_end)
        code = read_events(source, ingest, most, ret_count, ret_end, err);
    if (code == AEP_OK)
        code = aep__source_settle(source, ingest->store, &settled, err);
    *ret_end = (*ret_end && settled) || source->problem[0];
    if (code == AEP_OK && source->moved && source->beyond.segment == 0)
        code = put_position(source, ingest->store, err);
    return code;
}

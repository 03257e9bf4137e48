/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/tail.h"

#include "base/error.h"
#include "deliver/ballast.h"
#include "deliver/core.h"
#include "deliver/delivery.h"
#include "spool/retire.h"
#include "spool/roll_search.h"
#include "spool/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PUMP_RECORDS 1024
#define BURST_GAP_US 100  /* between two sounds of the bell: a burst, in which it looks */
#define BURST_US 1000     /* after this pause, for as long as it finds */
#define BURST_RECORDS 5   /* that many at a time */
#define WANTED_RECORDS 16 /* for a sink that wants them at times, before it is asked again */
#define RETRY_US 1000000
#define LOOK_SOON_US 100000   /* at the end, after a glance that found nothing */
#define LOOK_LATER_US 5000000 /* after a full look */
#define GAP_MAX 64            /* segments that may be missing before one of ours */
#define HEADER_BYTES 48       /* of an empty segment */
#define GIVE_BACK_BYTES 8192  /* finished since the last time; less is not worth a call */

/* ---- start ---- */

static int skip_ordinals(struct aep__core *core, aep_error *err)
{
    struct aep__cursor *cursor = &core->tail.cursor;
    if (memcmp(cursor->boot, core->spool->boot, sizeof cursor->boot) == 0)
        return AEP_OK;
    struct aep__cursor next = *cursor;
    next.ordinal = ((cursor->ordinal >> 32) + 1) << 32;
    if (aep__cursor_store(core->spool, core->cursor_fd, &next, true) < 0)
        return aep__error_errno(err, AEP_EIO, "spool.dir", "cannot store the cursor in %s",
                                core->spool->path);
    *cursor = next;
    return AEP_OK;
}

/* What is below is searched for events that the roll asks about, before it goes. False: it cannot be,
 * now. */
static bool may_remove(struct aep__core *core, aep_position below)
{
    aep_error err;
    if (aep__roll_release(core->spool, below, &err) == AEP_OK)
        return true;
    aep__core_log(core, AEP_LOG_ERROR, "finished segments are not removed now: %s", err.text);
    return false;
}

int aep__tail_start(struct aep__core *core, aep_error *err)
{
    struct aep__tail *tail = &core->tail;
    tail->fetch_fd = -1;
    tail->lane = (struct aep__lane){.capacity = AEP__TAIL_FLIGHTS, .kind = AEP__LANE_TAIL};
    core->cursor_fd = aep__cursor_open(core->spool);
    if (core->cursor_fd < 0)
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot open the cursor of %s",
                                core->spool->path);
    int result = aep__cursor_load(core->spool, &tail->cursor, err);
    if (result == AEP_OK)
        result = skip_ordinals(core, err);
    if (result != AEP_OK)
        return result;
    if (may_remove(core, (aep_position){tail->cursor.segment, 0}))
        aep__retire_sweep(core->spool, core->cursor_fd, &tail->cursor);
    tail->position = (aep_position){tail->cursor.segment, tail->cursor.offset};
    tail->newest = tail->synced = tail->position;
    tail->ordinal = tail->cursor.ordinal;
    return aep__reader_init(&tail->reader, core->spool, tail->cursor.segment, tail->cursor.offset,
                            true, err);
}

static void close_file(int fd)
{
    if (fd >= 0)
        close(fd);
}

void aep__tail_done(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    if (tail->reader.window)
        aep__reader_done(&tail->reader);
    aep__lane_done(&tail->lane);
    while (tail->sealed_count > 0)
        close_file(tail->sealed[--tail->sealed_count].fd);
    close_file(tail->fetch_fd);
    tail->fetch_fd = -1;
}

/* ---- reading ---- */

/* The start of the record counts: there may be torn bytes or a header before it. */
static bool in_purge(const struct aep__tail *tail)
{
    aep_position next = tail->position;
    if (tail->has_pending)
        next = (aep_position){tail->pending.segment, tail->pending.offset};
    return tail->purge.segment && aep__before(next, tail->purge);
}

/* Offers the pending record. False: the sink is full, it stays pending. */
static bool take_pending(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    struct aep__flight *flight = aep__lane_push(&tail->lane);
    if (!flight)
        return false;
    flight->ordinal = tail->ordinal;
    flight->segment = tail->pending.segment;
    flight->offset = tail->pending.offset;
    flight->end = tail->pending.end;
    if (in_purge(tail)) {
        bool dropped = aep__delivery_drop(core, flight, &tail->pending.record);
        tail->purged += dropped;
        aep__counters_add(core->counters, AEP__COUNT_purged, dropped);
    } else if (!aep__delivery_offer(core, flight, &tail->pending.record)) {
        aep__lane_unpush(&tail->lane);
        return false;
    }
    tail->has_pending = false;
    tail->ordinal++;
    tail->position.offset = tail->pending.end;
    return true;
}

/* The next segment is missing although later ones of this spool are there: somebody removed it.
 * An empty one in its place lets reading go on, here and for publishers. */
static bool fill_gap(struct aep__core *core)
{
    uint64_t number = core->tail.reader.segment;
    if (core->tail.reader.fd >= 0 || core->tail.reader.offset > 0)
        return false;
    for (uint64_t later = number + 1; later <= number + GAP_MAX; later++) {
        if (!aep__segment_ours(core->spool, later))
            continue;
        int made = aep__segment_create(core->spool, number, core->spool->segment_bytes);
        if (made != 0) /* 1: a publisher did it, and counts it */
            return made > 0;
        aep__counters_add(core->counters, AEP__COUNT_lost, 1);
        aep__missed_add(&core->missed,
                        (struct aep__missed_range){number, 0, UINT64_MAX, AEP__FATE_LOST});
        aep__core_log(core, AEP_LOG_ERROR,
                      "segment %" PRIu64 " was removed before it was read: its records are lost "
                      "(counted as at least one)",
                      number);
        return true;
    }
    return false;
}

static void forget_oldest(struct aep__tail *tail)
{
    close_file(tail->sealed[0].fd);
    memmove(tail->sealed, tail->sealed + 1, --tail->sealed_count * sizeof tail->sealed[0]);
}

/* What was read of a segment that came again has the newest numbers; no cursor may go below them any
 * more, though it passes segments that were read before. All their records are finished. */
static void raise_ordinals(struct aep__tail *tail)
{
    for (unsigned i = 0; i < tail->sealed_count; i++)
        tail->sealed[i].ordinal = tail->ordinal;
}

static void note_sealed(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    const struct aep__reader *reader = &tail->reader;
    struct aep__sealed sealed = {.segment = reader->segment,
                                 .ordinal = tail->ordinal,
                                 .offset = reader->offset,
                                 .inode = reader->inode,
                                 .fd = fcntl(reader->fd, F_DUPFD_CLOEXEC, 0)};
    if (tail->resume.segment) { /* the segment came again and has been read too */
        close_file(tail->sealed[0].fd);
        tail->sealed[0] = sealed;
        raise_ordinals(tail);
        aep__reader_seek(&tail->reader, tail->resume.segment, tail->resume.offset);
        tail->position = tail->resume;
        tail->resume = (aep_position){0};
        return;
    }
    tail->sealed[tail->sealed_count++] = sealed;
    tail->position = (aep_position){reader->segment + 1, 0};
}

static void note_gone(struct aep__core *core)
{
    if (aep__spool_deleted(core->spool)) {
        core->orphan = true;
        return;
    }
    core->tail.gone = true;
    aep__core_log(core, AEP_LOG_WARNING,
                  "segment %" PRIu64 " was removed while it was being read: what was accepted by "
                  "then is still sent",
                  core->tail.reader.segment);
}

static void retry_later(struct aep__core *core)
{
    core->tail.retry_us = core->pace->now_us + RETRY_US;
    aep__pace_due(core->pace, core->tail.retry_us);
}

static void note_error(struct aep__core *core, const aep_error *err)
{
    retry_later(core);
    aep__core_log(core, AEP_LOG_ERROR, "%s", err->text);
}

void aep__tail_rung(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    tail->burst |= core->pace->now_us - tail->rung_us < BURST_GAP_US;
    tail->rung_us = core->pace->now_us;
    tail->waiting = false;
}

/* Waits until the bell rings, but not for ever: a publisher may die before it rings. */
static void wait_for_bell(struct aep__core *core, int64_t look_again_us)
{
    struct aep__tail *tail = &core->tail;
    tail->burst = false;
    tail->waiting = true;
    tail->look_us = core->pace->now_us + look_again_us;
    tail->position = (aep_position){tail->reader.segment, tail->reader.offset};
}

/* Reads the next record into pending. False: there is none now. */
static bool read_pending(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    aep_error err;
    while (tail->sealed_count < AEP__TAIL_SEALED) {
        switch (aep__reader_next(&tail->reader, &tail->pending, &err)) {
        case AEP__READ_EVENT:
            tail->has_pending = true;
            tail->position.segment = tail->pending.segment;
            return true;
        case AEP__READ_SEALED:
            note_sealed(core);
            continue;
        case AEP__READ_WAIT:
            if (fill_gap(core))
                continue;
            wait_for_bell(core, LOOK_LATER_US);
            return false;
        case AEP__READ_GONE:
            note_gone(core);
            return false;
        case AEP__READ_ERROR:
            note_error(core, &err);
            return false;
        }
    }
    return false;
}

/* At most one window of records lies beyond the cursor, whether the sink still has them or they
 * finished out of order. That is how many are sent again if the relay is killed. */
static bool has_room(const struct aep__core *core)
{
    const struct aep__lane *lane = &core->tail.lane;
    return !aep__lane_full(lane) && lane->tail - lane->head < core->sink->window;
}

/* By a sink that wants records only at times. */
static bool is_wanted(const struct aep__core *core)
{
    const struct aep__cursor *cursor = &core->tail.cursor;
    return core->sink->ops->wants(core->sink, (aep_position){cursor->segment, cursor->offset},
                                  core->tail.newest);
}

static bool may_read(struct aep__core *core)
{
    const struct aep__tail *tail = &core->tail;
    if (tail->gone || core->pace->now_us < tail->retry_us || !has_room(core))
        return false;
    if (!core->sink->ops->wants || in_purge(tail))
        return true;
    if (aep__syncer_removed(&core->syncer) < tail->cursor.segment)
        return false; /* the space of removed records is not free yet */
    aep__tail_measure(core);
    return is_wanted(core);
}

/* Everything that was there has been taken: `count` records. In a burst, publishers need not wake
 * the relay for each record that follows; those in flight must arrive first anyway. */
static void end_pump(struct aep__core *core, unsigned count)
{
    struct aep__tail *tail = &core->tail;
    if (tail->burst && (tail->rung_us == core->pace->now_us || count >= BURST_RECORDS)) {
        aep__pace_due(core->pace, core->pace->clock.mono_us() + BURST_US);
        return;
    }
    wait_for_bell(core, LOOK_SOON_US);
    aep__pace_due(core->pace, tail->look_us);
}

static bool rests(struct aep__core *core)
{
    const struct aep__tail *tail = &core->tail;
    if (!tail->waiting || core->pace->now_us >= tail->look_us)
        return false;
    aep__pace_due(core->pace, tail->look_us);
    return true;
}

/* librdkafka's threads share the relay's processor, so the records just taken are sent only once
 * the relay sleeps. So it does not do a full look at the end each time, but soon after. */
bool aep__tail_pump(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    if (core->pace->now_us < tail->retry_us)
        aep__pace_due(core->pace, tail->retry_us);
    if (rests(core) || !may_read(core))
        return false;
    uint64_t begin = tail->ordinal;
    bool purging = in_purge(tail), asks_again = false;
    tail->waiting = false;
    for (unsigned count = 0; count < PUMP_RECORDS && has_room(core); count++) {
        if (count > 0 && !tail->has_pending && aep__reader_drained(&tail->reader)) {
            end_pump(core, count);
            break;
        }
        if (!tail->has_pending && !read_pending(core))
            break;
        if (core->sink->ops->wants && !in_purge(tail) &&
            (purging || tail->sealed_count > 0 || count == WANTED_RECORDS)) {
            asks_again = count > 0; /* whether more can be removed is another question */
            break;
        }
        if (!take_pending(core))
            break;
    }
    if (tail->ordinal != begin)
        aep__pace_touch(core->pace);
    return asks_again || tail->ordinal - begin == PUMP_RECORDS;
}

/* ---- the cursor ---- */

/* False: it could not be stored; for the next advance to try again. */
static bool store_cursor(struct aep__core *core, aep_position position, uint64_t ordinal)
{
    struct aep__cursor *cursor = &core->tail.cursor;
    if (position.segment == cursor->segment && position.offset == cursor->offset &&
        ordinal == cursor->ordinal)
        return true;
    struct aep__cursor next = *cursor;
    next.segment = position.segment;
    next.offset = position.offset;
    next.ordinal = ordinal;
    if (aep__cursor_store(core->spool, core->cursor_fd, &next, false) < 0) {
        if (!aep__ballast_give(core->spool))
            aep__core_log(core, AEP_LOG_ERROR, "cannot store the cursor: %s", strerror(errno));
        return false;
    }
    *cursor = next;
    core->tail.cursor_dirty = true;
    return true;
}

/* The reader stands elsewhere: it reads on at once. */
static void read_on(struct aep__core *core)
{
    core->tail.waiting = false;
    aep__pace_due(core->pace, core->pace->now_us);
}

/* A segment that was read to its seal has been replaced by another file of that name, made by a
 * publisher with an outdated view. Its records count; they are read once everything in flight is
 * finished. */
static void read_again(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    if (!aep__lane_empty(&tail->lane) || tail->has_pending || tail->resume.segment)
        return;
    tail->resume = tail->position;
    tail->position = (aep_position){tail->sealed[0].segment, 0};
    aep__reader_seek(&tail->reader, tail->position.segment, 0);
    read_on(core);
}

/* The disk has no room for the next segment. Everything in this one is finished: notes that in the
 * cursor, so that its space can be freed. */
static void note_unpassed(struct aep__core *core, const struct aep__sealed *sealed)
{
    int error = errno;
    store_cursor(core, (aep_position){sealed->segment, sealed->offset}, sealed->ordinal);
    aep__pace_tick_soon(core->pace);
    errno = error;
    if (aep__ballast_give(core->spool))
        aep__pace_due(core->pace, core->pace->now_us);
    else
        aep__core_log(core, AEP_LOG_ERROR, "cannot retire segment %" PRIu64 ": %s", sealed->segment,
                      strerror(error));
}

/* Moves the cursor beyond the oldest segment that was read. False: not now. */
static bool pass_oldest(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    struct aep__sealed *oldest = &tail->sealed[0];
    struct aep__cursor next = tail->cursor;
    next.segment = oldest->segment;
    next.ordinal = oldest->ordinal;
    if (aep__retire_pass(core->spool, core->cursor_fd, &next, oldest->inode) < 0) {
        if (errno == EBUSY)
            read_again(core);
        else
            note_unpassed(core, oldest);
        return false;
    }
    tail->cursor = next;
    tail->cursor_dirty = true;
    if (tail->reader.fd < 0) /* the next one is there now */
        read_on(core);
    forget_oldest(tail);
    aep__pace_tick_soon(core->pace); /* to have it removed */
    return true;
}

/* A removed segment's records are all finished, and so are those of the segments before it: the
 * cursor passes them all at once. What they noted for it must not come after that, since it would
 * bring the cursor, and the ordinal, back. Then reads what stands under the segment's name now: a
 * publisher's, or else an empty one, sealed. */
static void go_on_after_gone(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    uint64_t number = tail->reader.segment;
    if (core->pace->now_us < tail->retry_us)
        return;
    if (aep__segment_create(core->spool, number, core->spool->segment_bytes) < 0) {
        retry_later(core);
        aep__core_log(core, AEP_LOG_ERROR, "cannot create segment %" PRIu64 ": %s", number,
                      strerror(errno));
        return;
    }
    while (tail->sealed_count && tail->sealed[0].segment < number)
        forget_oldest(tail);
    if (!store_cursor(core, (aep_position){number, 0}, tail->ordinal)) {
        retry_later(core);
        return;
    }
    tail->position = (aep_position){number, 0};
    aep__reader_seek(&tail->reader, number, 0);
    tail->gone = false;
    read_on(core);
}

static void pop_done(struct aep__lane *lane)
{
    while (!aep__lane_empty(lane) && aep__lane_at(lane, lane->head)->state == AEP__FLIGHT_DONE)
        aep__lane_pop(lane);
}

void aep__tail_advance(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    aep_position position = tail->position;
    uint64_t ordinal = tail->ordinal;
    pop_done(&tail->lane);
    if (!aep__lane_empty(&tail->lane)) {
        const struct aep__flight *head = aep__lane_at(&tail->lane, tail->lane.head);
        position = (aep_position){head->segment, head->offset};
        ordinal = head->ordinal;
    } else if (tail->gone) {
        go_on_after_gone(core);
        return;
    }
    while (tail->sealed_count && tail->sealed[0].segment < position.segment)
        if (!pass_oldest(core))
            return;
    if (position.segment == tail->cursor.segment)
        store_cursor(core, position, ordinal);
}

/* ---- questions ---- */

bool aep__tail_finished(const struct aep__core *core)
{
    const struct aep__tail *tail = &core->tail;
    return tail->waiting && !tail->has_pending && aep__lane_empty(&tail->lane);
}

/* Where the sink wants records only at times, records that it does not want now are not work. */
bool aep__tail_satisfied(struct aep__core *core)
{
    const struct aep__tail *tail = &core->tail;
    if (!core->sink->ops->wants || aep__tail_finished(core))
        return aep__tail_finished(core);
    return aep__lane_empty(&tail->lane) && !is_wanted(core);
}

bool aep__tail_finished_below(const struct aep__core *core, aep_position position)
{
    const struct aep__tail *tail = &core->tail;
    aep_position reached = tail->position;
    if (!aep__lane_empty(&tail->lane)) {
        const struct aep__flight *head = aep__lane_at(&tail->lane, tail->lane.head);
        reached = (aep_position){head->segment, head->offset};
    } else if (tail->waiting && !tail->has_pending && tail->reader.segment == reached.segment) {
        reached.offset = tail->reader.examined; /* torn bytes block no one */
    }
    return !aep__before(reached, position);
}

struct aep__flight *aep__tail_find(struct aep__core *core, aep_position position)
{
    struct aep__lane *lane = &core->tail.lane;
    uint64_t low = lane->head, high = lane->tail;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct aep__flight *flight = aep__lane_at(lane, middle);
        aep_position end = {flight->segment, flight->end};
        if (aep__before(end, position))
            low = middle + 1;
        else if (aep__before(position, end))
            high = middle;
        else
            return flight;
    }
    return NULL;
}

/* ---- reading a record again ---- */

/* The file that is still open from reading is the right one, even if it was removed and another one
 * has its name now. */
static int fetch_fd(struct aep__core *core, uint64_t segment)
{
    struct aep__tail *tail = &core->tail;
    if (tail->reader.fd >= 0 && tail->reader.segment == segment)
        return tail->reader.fd;
    for (unsigned i = 0; i < tail->sealed_count; i++)
        if (tail->sealed[i].segment == segment && tail->sealed[i].fd >= 0)
            return tail->sealed[i].fd;
    if (tail->fetch_fd >= 0 && tail->fetch_segment == segment)
        return tail->fetch_fd;
    if (tail->fetch_fd >= 0)
        close(tail->fetch_fd);
    tail->fetch_fd = aep__segment_open(core->spool, segment, false, NULL);
    tail->fetch_segment = segment;
    return tail->fetch_fd;
}

bool aep__tail_fetch(struct aep__core *core, const struct aep__flight *flight, struct aep__buf *buf,
                     struct aep__record *ret)
{
    size_t size = (size_t)(flight->end - flight->offset);
    int fd = fetch_fd(core, flight->segment);
    aep__buf_clear(buf);
    if (fd < 0)
        return false;
    if (!aep__buf_reserve(buf, size)) {
        errno = ENOMEM;
        return false;
    }
    ssize_t got = pread(fd, buf->data, size, (off_t)flight->offset);
    if (got < 0)
        return false;
    errno = EBADMSG;
    buf->len = (size_t)got;
    return buf->len == size &&
           aep__record_parse(buf->data, size, core->spool->record_bytes, ret) == AEP__PARSE_RECORD;
}

/* ---- the disk ---- */

void aep__tail_measure(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    uint64_t from =
        tail->newest.segment > tail->cursor.segment ? tail->newest.segment : tail->cursor.segment;
    uint64_t last = aep__segment_last(core->spool, from);
    char name[AEP__SEGMENT_NAME_SIZE];
    struct stat st;
    if (last < from)
        return;
    aep__segment_name(last, name);
    if (fstatat(core->spool->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        tail->newest = (aep_position){last, (uint64_t)st.st_size};
}

/* New records go into the next segment. Seals only once: a seal must be synced too, which would
 * fail again on a disk that is broken for good. */
static bool seal_segment(struct aep__core *core, uint64_t number)
{
    uint64_t at;
    int fd = aep__segment_open(core->spool, number, true, NULL);
    int sealed = fd < 0 ? -1 : aep__segment_find_seal(core->spool, fd, UINT64_MAX, &at);
    bool done = sealed > 0 || (sealed == 0 && aep__segment_seal_early(core->spool, fd, 0) == 0);
    if (fd >= 0)
        close(fd);
    return done;
}

void aep__tail_purge(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    aep__tail_measure(core);
    tail->purge = tail->newest;
    if (tail->newest.offset > HEADER_BYTES && seal_segment(core, tail->newest.segment))
        tail->purge = (aep_position){tail->newest.segment + 1, 0};
    tail->purged = 0;
    tail->retry_us = 0;
    tail->waiting = false;
}

/* The disk failed to keep what was written, so nothing more may go into this segment. Records that
 * are not acknowledged are still sent, from memory if need be. */
static void seal_failed(struct aep__core *core, uint64_t number, int error)
{
    bool sealed = seal_segment(core, number);
    aep__core_log(core, AEP_LOG_ERROR, "cannot sync segment %" PRIu64 ": %s; %s", number,
                  strerror(error), sealed ? "continuing in a new one" : "nor can it be sealed");
}

/* Whether to free the space of finished records before their segment is removed, because the volume
 * has no room for another segment. A quota does not show here, only when a write fails. */
static bool gives_back(const struct aep__core *core)
{
    const struct aep__tail *tail = &core->tail;
    const struct aep__cursor *cursor = &tail->cursor;
    uint64_t size, room, begin = 0;
    if (tail->given_back.segment == cursor->segment)
        begin = tail->given_back.offset;
    if (cursor->offset < begin + GIVE_BACK_BYTES)
        return false;
    return tail->cramped || (aep__os_volume(core->spool->dir_fd, &size, &room) == 0 &&
                             room < core->spool->segment_bytes);
}

/* What has become due since the syncer's last job. False: nothing. */
static bool next_job(struct aep__core *core, struct aep__sync_job *ret)
{
    struct aep__tail *tail = &core->tail;
    const struct aep__cursor *cursor = &tail->cursor;
    bool grown = aep__before(tail->synced, tail->newest);
    bool unfinished = aep__before((aep_position){cursor->segment, cursor->offset}, tail->newest);
    *ret = (struct aep__sync_job){0};
    if (core->sync_cursor)
        ret->cursor = tail->cursor_dirty;
    if (grown && unfinished && core->sync_segments) {
        ret->from = tail->synced.segment > cursor->segment ? tail->synced.segment : cursor->segment;
        ret->to = tail->newest.segment;
        ret->folder = tail->newest.segment != tail->synced.segment;
    }
    if (aep__syncer_removed(&core->syncer) < cursor->segment)
        ret->remove_below = cursor->segment;
    ret->give_back = gives_back(core);
    ret->roll = core->sync_cursor && (ret->from || ret->remove_below);
    return ret->from || ret->cursor || ret->remove_below || ret->give_back;
}

/* Handles the results of the syncer's jobs. True: one is still under way. */
static bool hear_syncer(struct aep__core *core)
{
    struct aep__sync_errors errors = aep__syncer_errors(&core->syncer);
    if (errors.sync)
        seal_failed(core, errors.segment ? errors.segment : core->tail.newest.segment, errors.sync);
    if (errors.remove)
        aep__core_log(core, AEP_LOG_ERROR, "cannot remove finished segments: %s",
                      strerror(errors.remove));
    return errors.pending;
}

/* False: nothing is left of the job. */
static bool release_roll(struct aep__core *core, struct aep__sync_job *job)
{
    const struct aep__cursor *cursor = &core->tail.cursor;
    uint64_t offset = job->give_back ? cursor->offset : 0;
    if (!job->remove_below && !job->give_back)
        return true;
    if (!may_remove(core, (aep_position){cursor->segment, offset})) {
        job->remove_below = 0;
        job->give_back = false;
    }
    return job->from || job->cursor || job->remove_below || job->give_back;
}

void aep__tail_sync(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    struct aep__sync_job job;
    bool pending = hear_syncer(core);
    aep__tail_measure(core);
    bool due = next_job(core, &job);
    if (due || pending)
        aep__pace_tick_soon(core->pace); /* to see the result even if nothing else happens */
    if (due && (pending || !release_roll(core, &job) || !aep__syncer_ask(&core->syncer, &job)))
        return;
    tail->synced = tail->newest;
    if (job.cursor)
        tail->cursor_dirty = false;
    if (job.give_back)
        tail->given_back = (aep_position){tail->cursor.segment, tail->cursor.offset};
}

void aep__tail_sync_now(struct aep__core *core)
{
    aep__syncer_settle(&core->syncer);
    aep__tail_sync(core);
    aep__syncer_settle(&core->syncer);
    hear_syncer(core);
}

bool aep__tail_seal_idle(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    if (aep__sink_retains(core->sink) || tail->reader.fd < 0 ||
        tail->reader.examined <= HEADER_BYTES)
        return false;
    int fd = aep__segment_open(core->spool, tail->reader.segment, true, NULL);
    if (fd < 0)
        return false;
    bool sealed = aep__segment_seal_early(core->spool, fd, tail->position.offset) == 0;
    tail->cramped = !sealed && (errno == ENOSPC || errno == EDQUOT);
    close(fd);
    if (tail->cramped)
        aep__pace_tick_soon(core->pace);
    tail->waiting &= !sealed; /* look again: the seal has to be read */
    return sealed;
}

void aep__tail_tidy(struct aep__core *core)
{
    struct aep__tail *tail = &core->tail;
    if (!aep__tail_finished(core) || !aep__tail_seal_idle(core))
        return;
    switch (aep__reader_next(&tail->reader, &tail->pending, NULL)) {
    case AEP__READ_SEALED:
        note_sealed(core);
        aep__tail_advance(core);
        break;
    case AEP__READ_EVENT: /* it came before the seal: the next relay's */
        tail->has_pending = true;
        tail->position.segment = tail->pending.segment;
        break;
    default:
        break;
    }
}

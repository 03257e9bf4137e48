/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/tail.h"

#include "base/clock.h"
#include "base/error.h"
#include "relay/ballast.h"
#include "relay/delivery.h"
#include "relay/relay.h"
#include "spool/retire.h"
#include "spool/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PUMP_RECORDS 1024
#define BURST_GAP_US 100 /* between two sounds of the bell: a burst, in which it looks */
#define BURST_US 1000    /* after so long, for as long as it finds */
#define BURST_RECORDS 5  /* so many each time */
#define RETRY_US 1000000
#define LOOK_SOON_US 100000   /* at the end, where it was only seen that no more was there */
#define LOOK_LATER_US 5000000 /* where it was looked at in full */
#define GAP_MAX 64            /* segments that may be missing before one of ours */
#define HEADER_BYTES 48       /* of an empty segment */

/* ---- start ---- */

static int skip_ordinals(struct aep__relay *relay, aep_error *err)
{
    struct aep__cursor *cursor = &relay->tail.cursor;
    if (memcmp(cursor->boot, relay->spool.boot, sizeof cursor->boot) == 0)
        return AEP_OK;
    struct aep__cursor next = *cursor;
    next.ordinal = ((cursor->ordinal >> 32) + 1) << 32;
    if (aep__cursor_store(&relay->spool, relay->cursor_fd, &next, true) < 0)
        return aep__error_errno(err, AEP_EIO, "spool.dir", "cannot store the cursor in %s",
                                relay->spool.path);
    *cursor = next;
    return AEP_OK;
}

int aep__tail_start(struct aep__relay *relay, aep_error *err)
{
    struct aep__tail *tail = &relay->tail;
    tail->fetch_fd = -1;
    tail->lane = (struct aep__lane){.capacity = AEP__TAIL_FLIGHTS, .kind = AEP__LANE_TAIL};
    relay->cursor_fd = aep__cursor_open(&relay->spool);
    if (relay->cursor_fd < 0)
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot open the cursor of %s",
                                relay->spool.path);
    int result = aep__cursor_load(&relay->spool, &tail->cursor, err);
    if (result == AEP_OK)
        result = skip_ordinals(relay, err);
    if (result != AEP_OK)
        return result;
    aep__retire_sweep(&relay->spool, relay->cursor_fd, &tail->cursor);
    tail->position = (aep_position){tail->cursor.segment, tail->cursor.offset};
    tail->newest = tail->synced = tail->position;
    tail->ordinal = tail->cursor.ordinal;
    return aep__reader_init(&tail->reader, &relay->spool, tail->cursor.segment, tail->cursor.offset,
                            true, err);
}

void aep__tail_done(struct aep__relay *relay)
{
    struct aep__tail *tail = &relay->tail;
    if (tail->reader.window)
        aep__reader_done(&tail->reader);
    aep__lane_done(&tail->lane);
    if (tail->fetch_fd >= 0)
        close(tail->fetch_fd);
    tail->fetch_fd = -1;
}

/* ---- reading ---- */

static bool in_purge(const struct aep__tail *tail)
{
    return tail->purge.segment && aep__before(tail->position, tail->purge);
}

/* Offers the pending record. False: the sink is full, it stays pending. */
static bool take_pending(struct aep__relay *relay)
{
    struct aep__tail *tail = &relay->tail;
    struct aep__flight *flight = aep__lane_push(&tail->lane);
    if (!flight)
        return false;
    flight->ordinal = tail->ordinal;
    flight->segment = tail->pending.segment;
    flight->offset = tail->pending.offset;
    flight->end = tail->pending.end;
    if (in_purge(tail)) {
        tail->purged++;
        aep__counters_add(&relay->counters, AEP__COUNT_purged, 1);
        aep__delivery_finish(relay, flight, AEP__FATE_PURGED);
    } else if (!aep__delivery_offer(relay, flight, &tail->pending.record)) {
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
static bool fill_gap(struct aep__relay *relay)
{
    uint64_t number = relay->tail.reader.segment;
    if (relay->tail.reader.fd >= 0 || relay->tail.reader.offset > 0)
        return false;
    for (uint64_t later = number + 1; later <= number + GAP_MAX; later++) {
        if (!aep__segment_ours(&relay->spool, later))
            continue;
        int made = aep__segment_create(&relay->spool, number, relay->spool.segment_bytes);
        if (made != 0) /* 1: a publisher did it, and counts it */
            return made > 0;
        aep__counters_add(&relay->counters, AEP__COUNT_lost, 1);
        aep__missed_add(&relay->missed,
                        (struct aep__missed_range){number, 0, UINT64_MAX, AEP__FATE_LOST});
        aep__log_write(&relay->log, AEP_LOG_ERROR,
                       "segment %" PRIu64 " has been removed before it was read: what was in it is "
                       "lost (counted as one record at least)",
                       number);
        return true;
    }
    return false;
}

static void note_sealed(struct aep__relay *relay)
{
    struct aep__tail *tail = &relay->tail;
    const struct aep__reader *reader = &tail->reader;
    if (tail->resume.segment) { /* the segment came again and has been read too */
        tail->sealed[0].inode = reader->inode;
        aep__reader_seek(&tail->reader, tail->resume.segment, tail->resume.offset);
        tail->position = tail->resume;
        tail->resume = (aep_position){0};
        return;
    }
    tail->sealed[tail->sealed_count++] =
        (struct aep__sealed){reader->segment, tail->ordinal, reader->inode};
    tail->position = (aep_position){reader->segment + 1, 0};
}

static void note_gone(struct aep__relay *relay)
{
    if (aep__spool_deleted(&relay->spool)) {
        aep__relay_end(relay, AEP__RELAY_ORPHAN);
        return;
    }
    relay->tail.gone = true;
    aep__log_write(&relay->log, AEP_LOG_WARNING,
                   "segment %" PRIu64
                   " has been removed while it was read; what it held is sent as "
                   "far as it was accepted by then",
                   relay->tail.reader.segment);
}

static void note_error(struct aep__relay *relay, const aep_error *err)
{
    relay->tail.retry_us = relay->now_us + RETRY_US;
    aep__relay_due(relay, relay->tail.retry_us);
    aep__log_write(&relay->log, AEP_LOG_ERROR, "%s", err->text);
}

void aep__tail_rung(struct aep__relay *relay)
{
    struct aep__tail *tail = &relay->tail;
    tail->burst |= relay->now_us - tail->rung_us < BURST_GAP_US;
    tail->rung_us = relay->now_us;
    tail->waiting = false;
}

/* Until the bell rings. Its sound may be lost with a publisher that dies, hence the time. */
static void wait_for_bell(struct aep__relay *relay, int64_t look_again_us)
{
    struct aep__tail *tail = &relay->tail;
    tail->burst = false;
    tail->waiting = true;
    tail->look_us = relay->now_us + look_again_us;
    tail->position = (aep_position){tail->reader.segment, tail->reader.offset};
}

/* Reads the next record into pending. False: there is none now. */
static bool read_pending(struct aep__relay *relay)
{
    struct aep__tail *tail = &relay->tail;
    aep_error err;
    while (tail->sealed_count < AEP__TAIL_SEALED) {
        switch (aep__reader_next(&tail->reader, &tail->pending, &err)) {
        case AEP__READ_EVENT:
            tail->has_pending = true;
            tail->position.segment = tail->pending.segment;
            return true;
        case AEP__READ_SEALED:
            note_sealed(relay);
            continue;
        case AEP__READ_WAIT:
            if (fill_gap(relay))
                continue;
            wait_for_bell(relay, LOOK_LATER_US);
            return false;
        case AEP__READ_GONE:
            note_gone(relay);
            return false;
        case AEP__READ_ERROR:
            note_error(relay, &err);
            return false;
        }
    }
    return false;
}

/* As many records as the sink takes lie beyond the cursor at most, whether it has got them or they
 * are finished out of order: so many come again if the relay is killed. */
static bool has_room(const struct aep__relay *relay)
{
    const struct aep__lane *lane = &relay->tail.lane;
    return !aep__lane_full(lane) && lane->tail - lane->head < relay->sink->window;
}

static bool may_read(struct aep__relay *relay)
{
    const struct aep__tail *tail = &relay->tail;
    if (tail->gone || relay->now_us < tail->retry_us || !has_room(relay))
        return false;
    if (!relay->sink->local || in_purge(tail))
        return true;
    aep__tail_measure(relay);
    return relay->sink->ops->wants(relay->sink, aep__tail_used(relay));
}

/* All that was there has been taken: `count` records. In a burst nobody has to spend a wake-up on the
 * relay for each of the next; what is on its way must arrive before they can be sent anyway. */
static void end_pump(struct aep__relay *relay, unsigned count)
{
    struct aep__tail *tail = &relay->tail;
    if (tail->burst && (tail->rung_us == relay->now_us || count >= BURST_RECORDS)) {
        aep__relay_due(relay, aep__clock_mono_us() + BURST_US);
        return;
    }
    wait_for_bell(relay, LOOK_SOON_US);
    aep__relay_due(relay, tail->look_us);
}

static bool rests(struct aep__relay *relay)
{
    const struct aep__tail *tail = &relay->tail;
    if (!tail->waiting || relay->now_us >= tail->look_us)
        return false;
    aep__relay_due(relay, tail->look_us);
    return true;
}

/* What was just taken is on its way only once the relay sleeps, since librdkafka's threads share its
 * processor: so it does not look in full at the end each time, but soon. */
bool aep__tail_pump(struct aep__relay *relay)
{
    struct aep__tail *tail = &relay->tail;
    if (relay->now_us < tail->retry_us)
        aep__relay_due(relay, tail->retry_us);
    if (rests(relay) || !may_read(relay))
        return false;
    uint64_t begin = tail->ordinal;
    bool purging = in_purge(tail);
    tail->waiting = false;
    for (unsigned count = 0; count < PUMP_RECORDS && has_room(relay); count++) {
        if (count > 0 && !tail->has_pending && aep__reader_drained(&tail->reader)) {
            end_pump(relay, count);
            break;
        }
        if (!tail->has_pending && !read_pending(relay))
            break;
        if (relay->sink->local && purging && !in_purge(tail))
            break; /* whether more is to go is another question */
        if (!take_pending(relay))
            break;
    }
    if (tail->ordinal != begin)
        aep__relay_touch(relay);
    return tail->ordinal - begin == PUMP_RECORDS;
}

/* ---- the cursor ---- */

static void store_cursor(struct aep__relay *relay, aep_position position, uint64_t ordinal)
{
    struct aep__cursor *cursor = &relay->tail.cursor;
    if (position.segment == cursor->segment && position.offset == cursor->offset &&
        ordinal == cursor->ordinal)
        return;
    struct aep__cursor next = *cursor;
    next.segment = position.segment;
    next.offset = position.offset;
    next.ordinal = ordinal;
    if (aep__cursor_store(&relay->spool, relay->cursor_fd, &next, false) < 0) {
        if (!aep__ballast_give(&relay->spool))
            aep__log_write(&relay->log, AEP_LOG_ERROR, "cannot store the cursor: %s",
                           strerror(errno));
        return; /* tried again with the next advance */
    }
    *cursor = next;
    relay->tail.cursor_dirty = true;
}

/* Another file stands under the name of a segment that was read to its seal: a publisher whose view
 * was old made it. Its records count; they are read once what is under way is finished. */
static void read_again(struct aep__relay *relay)
{
    struct aep__tail *tail = &relay->tail;
    if (!aep__lane_empty(&tail->lane) || tail->has_pending || tail->resume.segment)
        return;
    tail->resume = tail->position;
    tail->position = (aep_position){tail->sealed[0].segment, 0};
    tail->sealed[0].ordinal = tail->ordinal;
    aep__reader_seek(&tail->reader, tail->position.segment, 0);
}

/* Moves the cursor beyond the oldest segment that was read. False: not now. */
static bool pass_oldest(struct aep__relay *relay)
{
    struct aep__tail *tail = &relay->tail;
    struct aep__sealed *oldest = &tail->sealed[0];
    struct aep__cursor next = tail->cursor;
    next.segment = oldest->segment;
    next.ordinal = oldest->ordinal;
    if (aep__retire_pass(&relay->spool, relay->cursor_fd, &next, oldest->inode) < 0) {
        if (errno == EBUSY)
            read_again(relay);
        else if (!aep__ballast_give(&relay->spool))
            aep__log_write(&relay->log, AEP_LOG_ERROR, "cannot retire segment %" PRIu64 ": %s",
                           oldest->segment, strerror(errno));
        return false;
    }
    tail->cursor = next;
    tail->cursor_dirty = true;
    if (tail->reader.fd < 0) { /* the next one is there now */
        tail->waiting = false;
        aep__relay_due(relay, relay->now_us);
    }
    tail->sealed_count--;
    memmove(oldest, oldest + 1, tail->sealed_count * sizeof *oldest);
    aep__relay_tick_soon(relay); /* to have it removed */
    return true;
}

/* A removed segment's records are all finished: read what stands under its name now, if a publisher
 * has begun it anew; else an empty, sealed one takes its place. */
static void go_on_after_gone(struct aep__relay *relay)
{
    struct aep__tail *tail = &relay->tail;
    uint64_t number = tail->reader.segment;
    if (aep__segment_create(&relay->spool, number, relay->spool.segment_bytes) < 0) {
        aep__log_write(&relay->log, AEP_LOG_ERROR, "cannot make segment %" PRIu64 ": %s", number,
                       strerror(errno));
        return;
    }
    tail->position = (aep_position){number, 0};
    store_cursor(relay, tail->position, tail->ordinal);
    aep__reader_seek(&tail->reader, number, 0);
    tail->gone = tail->waiting = false;
}

static void pop_done(struct aep__lane *lane)
{
    while (!aep__lane_empty(lane) && aep__lane_at(lane, lane->head)->state == AEP__FLIGHT_DONE)
        aep__lane_pop(lane);
}

void aep__tail_advance(struct aep__relay *relay)
{
    struct aep__tail *tail = &relay->tail;
    aep_position position = tail->position;
    uint64_t ordinal = tail->ordinal;
    pop_done(&tail->lane);
    if (!aep__lane_empty(&tail->lane)) {
        const struct aep__flight *head = aep__lane_at(&tail->lane, tail->lane.head);
        position = (aep_position){head->segment, head->offset};
        ordinal = head->ordinal;
    } else if (tail->gone) {
        go_on_after_gone(relay);
        return;
    }
    while (tail->sealed_count && tail->sealed[0].segment < position.segment)
        if (!pass_oldest(relay))
            return;
    if (position.segment == tail->cursor.segment)
        store_cursor(relay, position, ordinal);
}

/* ---- questions ---- */

bool aep__tail_finished(const struct aep__relay *relay)
{
    const struct aep__tail *tail = &relay->tail;
    return tail->waiting && !tail->has_pending && aep__lane_empty(&tail->lane);
}

bool aep__tail_finished_below(const struct aep__relay *relay, aep_position position)
{
    const struct aep__tail *tail = &relay->tail;
    aep_position reached = tail->position;
    if (!aep__lane_empty(&tail->lane)) {
        const struct aep__flight *head = aep__lane_at(&tail->lane, tail->lane.head);
        reached = (aep_position){head->segment, head->offset};
    } else if (tail->waiting && !tail->has_pending && tail->reader.segment == reached.segment) {
        reached.offset = tail->reader.examined; /* torn bytes hold up nobody */
    }
    return !aep__before(reached, position);
}

struct aep__flight *aep__tail_find(struct aep__relay *relay, aep_position position)
{
    struct aep__lane *lane = &relay->tail.lane;
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

/* The removed file that the reader still has open is the right one, whatever bears its name now. */
static int fetch_fd(struct aep__relay *relay, uint64_t segment)
{
    struct aep__tail *tail = &relay->tail;
    if (tail->reader.fd >= 0 && tail->reader.segment == segment)
        return tail->reader.fd;
    if (tail->fetch_fd >= 0 && tail->fetch_segment == segment)
        return tail->fetch_fd;
    if (tail->fetch_fd >= 0)
        close(tail->fetch_fd);
    tail->fetch_fd = aep__segment_open(&relay->spool, segment, false, NULL);
    tail->fetch_segment = segment;
    return tail->fetch_fd;
}

bool aep__tail_fetch(struct aep__relay *relay, const struct aep__flight *flight,
                     struct aep__buf *buf, struct aep__record *ret)
{
    size_t size = (size_t)(flight->end - flight->offset);
    int fd = fetch_fd(relay, flight->segment);
    aep__buf_clear(buf);
    if (fd < 0 || !aep__buf_reserve(buf, size) ||
        pread(fd, buf->data, size, (off_t)flight->offset) != (ssize_t)size)
        return false;
    buf->len = size;
    return aep__record_parse(buf->data, size, relay->spool.record_bytes, ret) == AEP__PARSE_RECORD;
}

/* ---- the disk ---- */

void aep__tail_measure(struct aep__relay *relay)
{
    struct aep__tail *tail = &relay->tail;
    uint64_t from =
        tail->newest.segment > tail->cursor.segment ? tail->newest.segment : tail->cursor.segment;
    uint64_t last = aep__segment_last(&relay->spool, from);
    char name[AEP__SEGMENT_NAME_SIZE];
    struct stat st;
    if (last < from)
        return;
    aep__segment_name(last, name);
    if (fstatat(relay->spool.dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        tail->newest = (aep_position){last, (uint64_t)st.st_size};
}

uint64_t aep__tail_used(const struct aep__relay *relay)
{
    const struct aep__tail *tail = &relay->tail;
    return (tail->newest.segment - tail->cursor.segment) * relay->spool.segment_bytes +
           tail->newest.offset;
}

/* What comes from now on goes into the next segment. Sealed once: a seal is something to be synced,
 * too, which fails again on a disk that is broken for good. */
static bool seal_newest(struct aep__relay *relay)
{
    uint64_t at;
    int fd = aep__segment_open(&relay->spool, relay->tail.newest.segment, true, NULL);
    int sealed = fd < 0 ? -1 : aep__segment_find_seal(&relay->spool, fd, UINT64_MAX, &at);
    bool done = sealed > 0 || (sealed == 0 && aep__segment_seal_early(&relay->spool, fd, 0) == 0);
    if (fd >= 0)
        close(fd);
    return done;
}

void aep__tail_purge(struct aep__relay *relay)
{
    struct aep__tail *tail = &relay->tail;
    aep__tail_measure(relay);
    tail->purge = tail->newest;
    if (tail->newest.offset > HEADER_BYTES && seal_newest(relay))
        tail->purge = (aep_position){tail->newest.segment + 1, 0};
    tail->purged = 0;
    tail->retry_us = 0;
    tail->waiting = false;
}

/* The disk failed to keep what was written: nothing more is to go into this segment. What is not
 * acknowledged is still sent, from memory if need be. */
static void seal_failed(struct aep__relay *relay, int error)
{
    uint64_t number = relay->tail.newest.segment;
    bool sealed = seal_newest(relay);
    aep__log_write(&relay->log, AEP_LOG_ERROR, "cannot sync segment %" PRIu64 ": %s; %s", number,
                   strerror(error),
                   sealed ? "going on in a new one" : "it cannot be sealed either");
}

/* What has become due since the syncer's last job. False: nothing. */
static bool next_job(struct aep__relay *relay, struct aep__sync_job *ret)
{
    struct aep__tail *tail = &relay->tail;
    const struct aep__cursor *cursor = &tail->cursor;
    bool grown = aep__before(tail->synced, tail->newest);
    bool unfinished = aep__before((aep_position){cursor->segment, cursor->offset}, tail->newest);
    *ret = (struct aep__sync_job){0};
    if (!aep__config_is(relay->config, AEP__OPT_SPOOL_SYNC, "never"))
        ret->cursor = tail->cursor_dirty;
    if (grown && unfinished && aep__config_is(relay->config, AEP__OPT_SPOOL_SYNC, "batch")) {
        ret->from = tail->synced.segment > cursor->segment ? tail->synced.segment : cursor->segment;
        ret->to = tail->newest.segment;
        ret->folder = tail->newest.segment != tail->synced.segment;
    }
    if (aep__syncer_removed(&relay->syncer) < cursor->segment)
        ret->remove_below = cursor->segment;
    return ret->from || ret->cursor || ret->remove_below;
}

/* What the syncer's jobs came to. True: one is still under way. */
static bool hear_syncer(struct aep__relay *relay)
{
    struct aep__sync_errors errors = aep__syncer_errors(&relay->syncer);
    if (errors.sync)
        seal_failed(relay, errors.sync);
    if (errors.remove)
        aep__log_write(&relay->log, AEP_LOG_ERROR, "cannot remove finished segments: %s",
                       strerror(errors.remove));
    return errors.pending;
}

void aep__tail_sync(struct aep__relay *relay)
{
    struct aep__tail *tail = &relay->tail;
    struct aep__sync_job job;
    bool pending = hear_syncer(relay);
    aep__tail_measure(relay);
    bool due = next_job(relay, &job);
    if (due || pending)
        aep__relay_tick_soon(relay); /* to hear of it, though nothing else may happen */
    if (due && !aep__syncer_ask(&relay->syncer, &job))
        return;
    tail->synced = tail->newest;
    if (job.cursor)
        tail->cursor_dirty = false;
}

void aep__tail_sync_now(struct aep__relay *relay)
{
    aep__syncer_settle(&relay->syncer);
    aep__tail_sync(relay);
    aep__syncer_settle(&relay->syncer);
    hear_syncer(relay);
}

bool aep__tail_seal_idle(struct aep__relay *relay)
{
    struct aep__tail *tail = &relay->tail;
    if (tail->reader.fd < 0 || tail->reader.examined <= HEADER_BYTES)
        return false;
    int fd = aep__segment_open(&relay->spool, tail->reader.segment, true, NULL);
    if (fd < 0)
        return false;
    bool sealed = aep__segment_seal_early(&relay->spool, fd, tail->position.offset) == 0;
    close(fd);
    tail->waiting &= !sealed; /* look again: the seal is to be read */
    return sealed;
}

void aep__tail_tidy(struct aep__relay *relay)
{
    struct aep__tail *tail = &relay->tail;
    if (!aep__tail_finished(relay) || !aep__tail_seal_idle(relay))
        return;
    switch (aep__reader_next(&tail->reader, &tail->pending, NULL)) {
    case AEP__READ_SEALED:
        note_sealed(relay);
        aep__tail_advance(relay);
        break;
    case AEP__READ_EVENT: /* it came before the seal: the next relay's */
        tail->has_pending = true;
        tail->position.segment = tail->pending.segment;
        break;
    default:
        break;
    }
}

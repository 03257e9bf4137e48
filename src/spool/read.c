/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/read.h"

#include "base/error.h"
#include "spool/cursor.h"
#include "spool/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW_BYTES (128 * 1024)

int aep__reader_init(struct aep__reader *reader, struct aep__spool *spool, uint64_t segment,
                     uint64_t offset, bool relay, aep_error *err)
{
    *reader = (struct aep__reader){.spool = spool, .relay = relay, .fd = -1};
    reader->window = malloc(WINDOW_BYTES);
    if (!reader->window)
        return aep__error_memory(err);
    reader->window_cap = WINDOW_BYTES;
    aep__reader_seek(reader, segment, offset);
    return AEP_OK;
}

void aep__reader_done(struct aep__reader *reader)
{
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader->window);
    *reader = (struct aep__reader){.fd = -1};
}

void aep__reader_seek(struct aep__reader *reader, uint64_t segment, uint64_t offset)
{
    if (reader->fd >= 0)
        close(reader->fd);
    reader->fd = -1;
    reader->segment = segment;
    reader->offset = reader->window_offset = reader->examined = offset;
    reader->window_len = 0;
    reader->at_seal = reader->met_end = false;
}

static enum aep__read fail(const struct aep__reader *reader, const char *what, aep_error *err)
{
    aep__error_errno(err, AEP_EIO, "spool.dir", "cannot %s segment %llu of %s", what,
                     (unsigned long long)reader->segment, reader->spool->path);
    return AEP__READ_ERROR;
}

/* ---- the window: bytes of the segment around what is being looked at ---- */

static const char *window_at(const struct aep__reader *reader, uint64_t offset)
{
    return reader->window + (offset - reader->window_offset);
}

static size_t window_from(const struct aep__reader *reader, uint64_t offset)
{
    return (size_t)(reader->window_offset + reader->window_len - offset);
}

/* Reads more at the end of the window, which then starts at reader->offset and holds at least
 * `want` bytes if the file does. >0: it has more bytes; 0: no more; -1: errno. */
static ssize_t read_more(struct aep__reader *reader, size_t want)
{
    size_t kept = window_from(reader, reader->offset);
    if (want > reader->window_cap || kept == reader->window_cap) {
        size_t cap = reader->window_cap * 2 > want ? reader->window_cap * 2 : want;
        char *window = realloc(reader->window, cap);
        if (!window)
            return -1;
        reader->window = window;
        reader->window_cap = cap;
    }
    memmove(reader->window, window_at(reader, reader->offset), kept);
    reader->window_offset = reader->offset;
    reader->window_len = kept;
    ssize_t got = pread(reader->fd, reader->window + kept, reader->window_cap - kept,
                        (off_t)(reader->window_offset + kept));
    if (got > 0)
        reader->window_len += (size_t)got;
    reader->met_end = got >= 0 && (size_t)got < reader->window_cap - kept;
    return got;
}

/* ---- opening segments ---- */

/* Seals the segment for the relay, because it takes no more records or has a successor. 1: there is
 * a seal already, at *ret_at; 0: sealed; -1: errno. */
static int seal_segment(struct aep__reader *reader, uint64_t *ret_at)
{
    struct stat st;
    int fd = aep__segment_open(reader->spool, reader->segment, true, NULL);
    if (fd < 0)
        return -1;
    int result = fstat(fd, &st);
    if (result == 0)
        result = aep__segment_find_seal(reader->spool, fd, (uint64_t)st.st_size, ret_at);
    if (result == 0)
        result = aep__segment_seal_early(reader->spool, fd, reader->offset);
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

static enum aep__read end_segment(struct aep__reader *reader)
{
    reader->at_seal = true;
    return AEP__READ_SEALED;
}

/* What to do when the segment to read is missing. */
static enum aep__read missing_segment(struct aep__reader *reader, aep_error *err)
{
    struct aep__cursor cursor;
    if (aep__spool_deleted(reader->spool))
        return AEP__READ_GONE;
    if (reader->relay) {
        if (reader->offset == 0)
            return AEP__READ_WAIT;
        uint64_t limit = reader->spool->segment_bytes;
        uint64_t sealed_at = reader->offset > limit ? reader->offset : limit;
        if (aep__segment_create(reader->spool, reader->segment, sealed_at) < 0)
            return fail(reader, "recreate", err);
        return AEP__READ_EVENT;
    }
    if (aep__cursor_load(reader->spool, &cursor, err) != AEP_OK)
        return AEP__READ_ERROR;
    return cursor.segment > reader->segment ? AEP__READ_GONE : AEP__READ_WAIT;
}

/* What to do when a segment was just opened: one of another boot, or one shorter than what was
 * already read, takes no more records. A seal that fails (a full disk) does not stop reading. */
static enum aep__read enter_segment(struct aep__reader *reader, uint64_t size, aep_error *err)
{
    uint64_t at;
    int sealed = aep__segment_find_seal(reader->spool, reader->fd, reader->offset, &at);
    if (sealed < 0)
        return fail(reader, "read", err);
    if (sealed) /* the position is beyond the end: nothing there counts */
        return end_segment(reader);
    if (reader->relay && (reader->closed || size < reader->offset))
        seal_segment(reader, &at);
    return AEP__READ_EVENT;
}

/* AEP__READ_EVENT: it is open now. */
static enum aep__read open_segment(struct aep__reader *reader, aep_error *err)
{
    enum aep__segment_state state;
    struct stat st;
    reader->fd = aep__segment_open(reader->spool, reader->segment, false, &state);
    if (reader->fd < 0 && errno == ENOENT) {
        enum aep__read outcome = missing_segment(reader, err);
        if (outcome != AEP__READ_EVENT)
            return outcome;
        reader->fd = aep__segment_open(reader->spool, reader->segment, false, &state);
    }
    if (reader->fd < 0 || fstat(reader->fd, &st) < 0)
        return fail(reader, "open", err);
    reader->inode = st.st_ino;
    reader->foreign = state == AEP__SEGMENT_FOREIGN;
    reader->closed = state != AEP__SEGMENT_LIVE;
    return enter_segment(reader, (uint64_t)st.st_size, err);
}

/* ---- records ---- */

static bool all_zero(const char *data, size_t len)
{
    return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

/* Skips len bytes that are not a record. Zeros are what an early seal leaves. */
static void skip(struct aep__reader *reader, size_t len)
{
    if (!all_zero(window_at(reader, reader->offset), len))
        reader->skipped_bytes += len;
    reader->offset += len;
}

enum step { STEP_ON, STEP_EVENT, STEP_SEAL, STEP_END };

/* Takes the whole record at reader->offset. */
static enum step take_record(struct aep__reader *reader, const struct aep__record *record,
                             struct aep__entry *ret)
{
    uint64_t start = reader->offset;
    if (record->type == AEP__RECORD_SEAL && record->size == AEP__RECORD_HEAD &&
        start >= reader->spool->segment_bytes) {
        reader->offset += record->size;
        return STEP_SEAL;
    }
    if (record->type == AEP__RECORD_EVENT && !reader->foreign) {
        reader->offset += record->size;
        *ret = (struct aep__entry){reader->segment, start, reader->offset, *record};
        return STEP_EVENT;
    }
    if (record->type == AEP__RECORD_HEADER && start == 0)
        reader->offset += record->size;
    else
        skip(reader, record->size);
    return STEP_ON;
}

/* One step: takes a record, skips garbage, or reads more bytes. -1 in *failed: errno. */
static enum step step(struct aep__reader *reader, struct aep__entry *ret, bool *failed)
{
    struct aep__record record;
    size_t len = window_from(reader, reader->offset);
    size_t want = AEP__RECORD_HEAD;
    if (len > 0) {
        const char *data = window_at(reader, reader->offset);
        switch (aep__record_parse(data, len, reader->spool->record_bytes, &record)) {
        case AEP__PARSE_RECORD:
            return take_record(reader, &record, ret);
        case AEP__PARSE_GARBAGE:
            skip(reader, aep__record_find_magic(data, 1, len));
            return STEP_ON;
        case AEP__PARSE_INCOMPLETE:
            want = len + 1;
            break;
        }
    }
    ssize_t got = read_more(reader, want);
    *failed = got < 0;
    return got > 0 ? STEP_ON : STEP_END;
}

/* At the end of a segment of this boot that has a successor. A successor is made only after a seal
 * was seen here, so the seal was lost: the file was removed and restored, or a full disk cut it
 * short. */
static enum aep__read seal_at_end(struct aep__reader *reader, aep_error *err)
{
    uint64_t at;
    int sealed = seal_segment(reader, &at);
    if (sealed < 0)
        return fail(reader, "seal", err);
    return sealed && at < reader->examined ? end_segment(reader) : AEP__READ_EVENT;
}

/* Nothing more to read: wait, unless the segment was removed or should have been sealed.
 * AEP__READ_EVENT: look again. */
static enum aep__read wait_at_end(struct aep__reader *reader, aep_error *err)
{
    uint64_t size;
    bool named;
    reader->examined = reader->window_offset + reader->window_len;
    if (aep__segment_look(reader->fd, &size, &named) < 0)
        return fail(reader, "look at", err);
    if (size > reader->examined)
        return AEP__READ_EVENT;
    if (!named)
        return AEP__READ_GONE;
    bool successor = aep__segment_exists(reader->spool, reader->segment + 1);
    if (reader->closed && (reader->relay || successor))
        return end_segment(reader);
    return reader->relay && successor ? seal_at_end(reader, err) : AEP__READ_WAIT;
}

enum aep__read aep__reader_next(struct aep__reader *reader, struct aep__entry *ret, aep_error *err)
{
    if (reader->at_seal)
        aep__reader_seek(reader, reader->segment + 1, 0);
    if (reader->fd < 0) {
        enum aep__read outcome = open_segment(reader, err);
        if (outcome != AEP__READ_EVENT)
            return outcome;
    }
    for (;;) {
        bool failed = false;
        enum aep__read outcome;
        switch (step(reader, ret, &failed)) {
        case STEP_ON:
            break;
        case STEP_EVENT:
            return AEP__READ_EVENT;
        case STEP_SEAL:
            return end_segment(reader);
        case STEP_END:
            if (failed)
                return fail(reader, "read", err);
            outcome = wait_at_end(reader, err);
            if (outcome != AEP__READ_EVENT)
                return outcome;
        }
    }
}

bool aep__reader_drained(struct aep__reader *reader)
{
    if (reader->fd < 0 || reader->closed || reader->at_seal || !reader->met_end ||
        window_from(reader, reader->offset) > 0)
        return false;
    reader->examined = reader->offset;
    return true;
}

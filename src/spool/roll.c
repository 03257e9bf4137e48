/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/roll.h"

#include "base/crc32c.h"
#include "base/endian.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define AREA_BYTES 96
#define AREAS_BYTES (AEP__ROLL_WRITERS * AREA_BYTES)
#define BODY_BYTES (AEP__ROLL_UNIT_BYTES - AREAS_BYTES) /* of it in each unit */
#define BODY_HEAD 24                                    /* before its texts */
#define BODY_MAX (16 << 20)                             /* more is damage */
#define TRIES 3                                         /* of a read that meets a write */
#define FLAG_RELEASED 1
#define FLAG_ENDED_WELL 2
#define FLAG_SINGLE_TOPIC 1
#define FLAG_CLOUDEVENTS 2

static const char area_magic[4] = "aepo";

/* ---- areas ----
 *
 * magic 4 | crc32c 4 of what follows | state 1, flags 1, 0 2 | body 4 | execution 16 | event 16 |
 * segment 8 | offset 8 | at 8 | lasted 8 | 0 16 */

static void encode_area(char bytes[AREA_BYTES], const struct aep__roll_area *area)
{
    memset(bytes, 0, AREA_BYTES);
    memcpy(bytes, area_magic, sizeof area_magic);
    bytes[8] = (char)area->state;
    bytes[9] =
        (char)((area->released ? FLAG_RELEASED : 0) | (area->ended_well ? FLAG_ENDED_WELL : 0));
    aep__put32(bytes + 12, area->body_bytes);
    memcpy(bytes + 16, area->execution, 16);
    memcpy(bytes + 32, area->event, 16);
    aep__put64(bytes + 48, area->from.segment);
    aep__put64(bytes + 56, area->from.offset);
    aep__put64(bytes + 64, (uint64_t)area->at_us);
    aep__put64(bytes + 72, (uint64_t)area->lasted_us);
    aep__put32(bytes + 4, aep__crc32c(0, bytes + 8, AREA_BYTES - 8));
}

static bool is_blank(const char *bytes, size_t len)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

/* False: damaged. */
static bool decode_area(const char bytes[AREA_BYTES], struct aep__roll_area *ret)
{
    *ret = (struct aep__roll_area){.state = AEP__ROLL_FREE};
    if (is_blank(bytes, AREA_BYTES))
        return true;
    uint8_t state = (uint8_t)bytes[8];
    uint32_t body_bytes = aep__get32(bytes + 12);
    if (memcmp(bytes, area_magic, sizeof area_magic) != 0 ||
        aep__get32(bytes + 4) != aep__crc32c(0, bytes + 8, AREA_BYTES - 8) ||
        state >= AEP__ROLL_STATES || body_bytes > BODY_MAX)
        return false;
    ret->state = (enum aep__roll_state)state;
    ret->released = bytes[9] & FLAG_RELEASED;
    ret->ended_well = bytes[9] & FLAG_ENDED_WELL;
    ret->body_bytes = body_bytes;
    memcpy(ret->execution, bytes + 16, 16);
    memcpy(ret->event, bytes + 32, 16);
    ret->from = (aep_position){aep__get64(bytes + 48), aep__get64(bytes + 56)};
    ret->at_us = (int64_t)aep__get64(bytes + 64);
    ret->lasted_us = (int64_t)aep__get64(bytes + 72);
    return true;
}

static off_t place_of(uint32_t unit)
{
    return (off_t)unit * AEP__ROLL_UNIT_BYTES;
}

static int write_at(int fd, const void *data, size_t len, off_t at)
{
    ssize_t written;
    do
        written = pwrite(fd, data, len, at);
    while (written < 0 && errno == EINTR);
    if (written == (ssize_t)len)
        return 0;
    if (written >= 0)
        errno = ENOSPC;
    return -1;
}

int aep__roll_mark(int fd, uint32_t unit, enum aep__roll_writer writer,
                   const struct aep__roll_area *area)
{
    char bytes[AREA_BYTES];
    encode_area(bytes, area);
    return write_at(fd, bytes, sizeof bytes, place_of(unit) + (off_t)writer * AREA_BYTES);
}

uint32_t aep__roll_units(size_t body_bytes)
{
    return body_bytes <= BODY_BYTES ? 1 : (uint32_t)((body_bytes + BODY_BYTES - 1) / BODY_BYTES);
}

/* One write, so that whoever is killed in it leaves the start of it. Others may yet write their areas
 * in any unit, late: no body is there. */
static int write_long(int fd, uint32_t unit, const char areas[AREAS_BYTES],
                      const struct aep__buf *body)
{
    struct aep__buf image = {0};
    char blank[AREAS_BYTES] = {0};
    for (size_t at = 0; at < body->len; at += BODY_BYTES) {
        size_t left = body->len - at;
        aep__buf_add(&image, at ? blank : areas, AREAS_BYTES);
        aep__buf_add(&image, body->data + at, left < BODY_BYTES ? left : BODY_BYTES);
    }
    errno = ENOMEM;
    int result = image.failed ? -1 : write_at(fd, image.data, image.len, place_of(unit));
    int saved = errno;
    aep__buf_done(&image);
    errno = saved;
    return result;
}

int aep__roll_write(int fd, uint32_t unit, const struct aep__roll_area *area,
                    const struct aep__buf *body)
{
    char bytes[AEP__ROLL_UNIT_BYTES];
    encode_area(bytes, area);
    memset(bytes + AREA_BYTES, 0, AREAS_BYTES - AREA_BYTES);
    if (body->len > BODY_BYTES)
        return write_long(fd, unit, bytes, body);
    if (body->len)
        memcpy(bytes + AREAS_BYTES, body->data, body->len);
    return write_at(fd, bytes, AREAS_BYTES + body->len, place_of(unit));
}

static bool same_execution(const struct aep__roll_area *one, const struct aep__roll_area *other)
{
    return memcmp(one->execution, other->execution, sizeof one->execution) == 0;
}

/* A reader may see a part of what is being written just then, and then the whole. Of the others' areas
 * nothing counts that is not whole: what they did not come to write they will do again. */
int aep__roll_read(int fd, uint32_t unit, struct aep__roll_entry *ret)
{
    char bytes[AREAS_BYTES];
    *ret = (struct aep__roll_entry){.unit = unit};
    for (int tries = 0; tries < TRIES; tries++) {
        bool whole = true;
        ssize_t got = pread(fd, bytes, sizeof bytes, place_of(unit));
        if (got < 0)
            return -1;
        errno = ENODATA;
        if (got < (ssize_t)sizeof bytes)
            return -1;
        for (int i = 0; i < AEP__ROLL_WRITERS; i++)
            whole &= decode_area(bytes + (size_t)i * AREA_BYTES, &ret->areas[i]);
        if (whole)
            break;
        errno = EBADMSG;
        if (tries == TRIES - 1 && !decode_area(bytes, &ret->areas[0]))
            return -1;
    }
    for (int i = 1; i < AEP__ROLL_WRITERS; i++)
        if (!same_execution(&ret->areas[0], &ret->areas[i]))
            ret->areas[i] = (struct aep__roll_area){.state = AEP__ROLL_FREE};
    return ret->areas[0].state != AEP__ROLL_FREE;
}

/* ---- bodies ----
 *
 * crc32c 4 of what follows | flags 1, 0 3 | started 8 | started, monotonic 8 | (length 4, text) … */

void aep__roll_encode_body(struct aep__buf *out, const struct aep__roll_body *body)
{
    char head[BODY_HEAD] = {0}, len[4];
    size_t begin = out->len;
    head[4] = (char)((body->single_topic ? FLAG_SINGLE_TOPIC : 0) |
                     (body->cloudevents ? FLAG_CLOUDEVENTS : 0));
    aep__put64(head + 8, (uint64_t)body->started_us);
    aep__put64(head + 16, (uint64_t)body->started_mono_us);
    aep__buf_add(out, head, sizeof head);
    for (int i = 0; i < AEP__ROLL_TEXTS; i++) {
        aep__put32(len, (uint32_t)body->texts[i].len);
        aep__buf_add(out, len, sizeof len);
        aep__buf_add(out, body->texts[i].data, body->texts[i].len);
    }
    if (!out->failed)
        aep__put32(out->data + begin, aep__crc32c(0, out->data + begin + 4, out->len - begin - 4));
}

static bool decode_body(const struct aep__buf *buf, struct aep__roll_body *ret)
{
    size_t at = BODY_HEAD;
    if (buf->len < BODY_HEAD ||
        aep__get32(buf->data) != aep__crc32c(0, buf->data + 4, buf->len - 4))
        return false;
    *ret = (struct aep__roll_body){
        .started_us = (int64_t)aep__get64(buf->data + 8),
        .started_mono_us = (int64_t)aep__get64(buf->data + 16),
        .single_topic = buf->data[4] & FLAG_SINGLE_TOPIC,
        .cloudevents = buf->data[4] & FLAG_CLOUDEVENTS,
    };
    for (int i = 0; i < AEP__ROLL_TEXTS; i++) {
        if (buf->len - at < 4 || buf->len - at - 4 < aep__get32(buf->data + at))
            return false;
        ret->texts[i] = (struct aep__slice){buf->data + at + 4, aep__get32(buf->data + at)};
        at += 4 + ret->texts[i].len;
    }
    return at == buf->len;
}

int aep__roll_read_body(int fd, const struct aep__roll_entry *entry, struct aep__buf *buf,
                        struct aep__roll_body *ret)
{
    size_t left = entry->areas[AEP__ROLL_OWNER].body_bytes;
    aep__buf_clear(buf);
    errno = ENOMEM;
    if (!aep__buf_reserve(buf, left + 1))
        return -1;
    for (uint32_t unit = entry->unit; left > 0; unit++) {
        size_t part = left < BODY_BYTES ? left : BODY_BYTES;
        ssize_t got = pread(fd, buf->data + buf->len, part, place_of(unit) + AREAS_BYTES);
        if (got < 0)
            return -1;
        if ((size_t)got < part)
            break;
        buf->len += part;
        left -= part;
    }
    errno = EBADMSG;
    return left == 0 && decode_body(buf, ret) ? 0 : -1;
}

/* ---- a whole file ---- */

int aep__roll_entries(int fd, aep__roll_entry_fn fn, void *user, unsigned *ret_damaged)
{
    struct aep__roll_entry entry;
    *ret_damaged = 0;
    for (uint32_t unit = 1;; unit++) {
        int got = aep__roll_read(fd, unit, &entry);
        if (got < 0 && errno == ENODATA)
            return 0;
        if (got < 0 && errno != EBADMSG)
            return -1;
        *ret_damaged += got < 0;
        if (got <= 0)
            continue;
        fn(user, &entry);
        unit += aep__roll_units(entry.areas[AEP__ROLL_OWNER].body_bytes) - 1;
    }
}

enum aep__roll_standing aep__roll_standing(const struct aep__roll_entry *entry,
                                           const struct aep__roll_area **ret_area)
{
    const struct aep__roll_area *owner = &entry->areas[AEP__ROLL_OWNER];
    const struct aep__roll_area *another = &entry->areas[AEP__ROLL_ANOTHER];
    const struct aep__roll_area *relay = &entry->areas[AEP__ROLL_RELAY];
    *ret_area = owner;
    if (owner->state == AEP__ROLL_JOINED)
        return AEP__ROLL_IS_JOINED;
    if (relay->state == AEP__ROLL_DECLARED || another->state == AEP__ROLL_ENDED)
        return AEP__ROLL_IS_OVER;
    if (relay->state == AEP__ROLL_DECLARING) {
        *ret_area = relay;
        return AEP__ROLL_IS_UNKNOWN;
    }
    if (owner->state != AEP__ROLL_ENDING && another->state == AEP__ROLL_ENDING)
        *ret_area = another;
    else if (owner->state == AEP__ROLL_STARTED)
        return AEP__ROLL_IS_OPEN;
    if (relay->state != AEP__ROLL_FOUND || memcmp(relay->event, (*ret_area)->event, 16) != 0)
        return AEP__ROLL_IS_UNKNOWN;
    return (*ret_area)->state == AEP__ROLL_STARTING ? AEP__ROLL_IS_OPEN : AEP__ROLL_IS_OVER;
}

bool aep__roll_is_open(const struct aep__roll_entry *entry)
{
    const struct aep__roll_area *area;
    enum aep__roll_standing standing = aep__roll_standing(entry, &area);
    return standing == AEP__ROLL_IS_OPEN || standing == AEP__ROLL_IS_UNKNOWN ||
           standing == AEP__ROLL_IS_JOINED;
}

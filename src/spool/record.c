/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/record.h"

#include "base/crc32c.h"
#include "base/endian.h"

static const char record_magic[4] = {'\xff', '\x53', '\xfe', '\xff'};

#define VALUE_MAX (UINT32_MAX / 2)

enum { AT_LENGTH = 4, AT_CRC = 8, AT_TYPE = 12, AT_META_LENGTH = 14 };

/* Of an event's meta: salt, timestamp, lengths of topic and key, count of headers; and for each
 * header the lengths of its name and value. */
enum { META_FIXED = 1 + 8 + 2 + 2 + 1, META_HEADER = 1 + 2 };

/* The crc covers the length field and everything behind the crc field. */
static uint32_t record_crc(const char *record, size_t size)
{
    uint32_t crc = aep__crc32c(0, record + AT_LENGTH, 4);
    return aep__crc32c(crc, record + AT_TYPE, size - AT_TYPE);
}

size_t aep__record_find_magic(const char *data, size_t from, size_t len)
{
    while (from < len) {
        const char *at = memchr(data + from, record_magic[0], len - from);
        if (!at)
            return len;
        from = (size_t)(at - data);
        size_t have = len - from < sizeof record_magic ? len - from : sizeof record_magic;
        if (memcmp(at, record_magic, have) == 0)
            return from;
        from++;
    }
    return len;
}

static bool may_hold_magic(unsigned type, size_t size)
{
    return type == AEP__RECORD_HEADER && size == AEP__RECORD_HEADER_BYTES;
}

/* Writes the head before the bytes at `start` in out, and checks that they contain no magic, nor
 * end with the start of one, which the next record could complete. */
static bool finish_record(struct aep__buf *out, size_t start, enum aep__record_type type,
                          size_t meta_len)
{
    if (out->failed)
        return true;
    char *record = out->data + start;
    size_t size = out->len - start;
    memcpy(record, record_magic, sizeof record_magic);
    aep__put32(record + AT_LENGTH, (uint32_t)(size - AT_TYPE));
    aep__put16(record + AT_TYPE, (uint16_t)type);
    aep__put16(record + AT_META_LENGTH, (uint16_t)meta_len);
    aep__put32(record + AT_CRC, record_crc(record, size));
    return may_hold_magic(type, size) || aep__record_find_magic(record, 1, size) == size;
}

static void begin_record(struct aep__buf *out)
{
    static const char blank[AEP__RECORD_HEAD];
    aep__buf_add(out, blank, sizeof blank);
}

bool aep__record_encode(struct aep__buf *out, enum aep__record_type type, struct aep__slice meta,
                        struct aep__slice value)
{
    size_t start = out->len;
    if (meta.len > UINT16_MAX || value.len > VALUE_MAX)
        return false;
    begin_record(out);
    aep__buf_add(out, meta.data, meta.len);
    aep__buf_add(out, value.data, value.len);
    if (finish_record(out, start, type, meta.len))
        return true;
    out->len = start;
    return false;
}

/* The bytes of an event's meta; 0: a part is longer than its length field can say. */
static size_t measure_meta(const struct aep__message *message)
{
    size_t size = META_FIXED + message->topic.len + message->key.len;
    if (message->topic.len > UINT16_MAX || message->key.len >= UINT16_MAX ||
        message->header_count > AEP__HEADERS_MAX)
        return 0;
    for (size_t i = 0; i < message->header_count; i++) {
        const struct aep__header *header = &message->headers[i];
        if (header->name.len > UINT8_MAX || header->value.len > UINT16_MAX)
            return 0;
        size += META_HEADER + header->name.len + header->value.len;
    }
    return size <= UINT16_MAX ? size : 0;
}

static char *put_number16(char *at, size_t number)
{
    aep__put16(at, (uint16_t)number);
    return at + 2;
}

static char *put_slice(char *at, struct aep__slice slice)
{
    if (slice.len)
        memcpy(at, slice.data, slice.len);
    return at + slice.len;
}

/* The way of every event. There is room, and measure_meta() has checked the lengths. The salt is
 * 0. */
static char *put_meta(char *at, const struct aep__message *message)
{
    *at++ = 0;
    aep__put64(at, (uint64_t)message->timestamp_ms);
    at = put_number16(at + 8, message->topic.len);
    at = put_slice(at, message->topic);
    at = put_number16(at, message->key.data ? message->key.len + 1 : 0);
    at = put_slice(at, message->key);
    *at++ = (char)message->header_count;
    for (size_t i = 0; i < message->header_count; i++) {
        const struct aep__header *header = &message->headers[i];
        *at++ = (char)header->name.len;
        at = put_number16(at, header->value.len);
        at = put_slice(at, header->name);
        at = put_slice(at, header->value);
    }
    return at;
}

bool aep__record_encode_message(struct aep__buf *out, const struct aep__message *message)
{
    size_t start = out->len, meta_len = measure_meta(message);
    if (meta_len == 0 || message->value.len > VALUE_MAX)
        return false;
    if (!aep__buf_reserve(out, AEP__RECORD_HEAD + meta_len + message->value.len))
        return true;
    char *meta = out->data + start + AEP__RECORD_HEAD;
    out->len = (size_t)(put_slice(put_meta(meta, message), message->value) - out->data);
    for (int salt = 0; salt <= UINT8_MAX; salt++) {
        *meta = (char)salt;
        if (finish_record(out, start, AEP__RECORD_EVENT, meta_len))
            return true;
    }
    out->len = start;
    return false;
}

/* Whether there is a whole magic after the first byte. */
static bool holds_magic(const char *data, size_t len)
{
    return len - aep__record_find_magic(data, 1, len) >= sizeof record_magic;
}

/* A second magic makes a record garbage, which also keeps reading linear: in a file full of magics
 * with huge lengths, no checksum is computed over each of those lengths. */
enum aep__parse aep__record_parse(const char *data, size_t len, size_t max_size,
                                  struct aep__record *ret)
{
    size_t have = len < sizeof record_magic ? len : sizeof record_magic;
    if (memcmp(data, record_magic, have) != 0)
        return AEP__PARSE_GARBAGE;
    if (len < AEP__RECORD_HEAD)
        return AEP__PARSE_INCOMPLETE;
    size_t length = aep__get32(data + AT_LENGTH);
    size_t meta_len = aep__get16(data + AT_META_LENGTH);
    if (max_size < AT_TYPE || length > max_size - AT_TYPE)
        return AEP__PARSE_GARBAGE;
    size_t size = length + AT_TYPE;
    if (size < AEP__RECORD_HEAD + meta_len)
        return AEP__PARSE_GARBAGE;
    if (!may_hold_magic(aep__get16(data + AT_TYPE), size) &&
        holds_magic(data, len < size ? len : size))
        return AEP__PARSE_GARBAGE;
    if (len < size)
        return AEP__PARSE_INCOMPLETE;
    if (record_crc(data, size) != aep__get32(data + AT_CRC))
        return AEP__PARSE_GARBAGE;
    *ret = (struct aep__record){
        .type = aep__get16(data + AT_TYPE),
        .size = size,
        .meta = {data + AEP__RECORD_HEAD, meta_len},
        .value = {data + AEP__RECORD_HEAD + meta_len, size - AEP__RECORD_HEAD - meta_len},
    };
    return AEP__PARSE_RECORD;
}

/* ---- reading an event's meta: each take_… moves `meta` on and fails at its end ---- */

static bool take(struct aep__slice *meta, size_t len, struct aep__slice *ret)
{
    if (meta->len < len)
        return false;
    *ret = (struct aep__slice){meta->data, len};
    meta->data += len;
    meta->len -= len;
    return true;
}

static bool take16(struct aep__slice *meta, size_t *ret)
{
    struct aep__slice bytes;
    if (!take(meta, 2, &bytes))
        return false;
    *ret = aep__get16(bytes.data);
    return true;
}

static bool take_key(struct aep__slice *meta, struct aep__slice *ret)
{
    size_t len_plus_one;
    *ret = (struct aep__slice){NULL, 0};
    if (!take16(meta, &len_plus_one))
        return false;
    return len_plus_one == 0 || take(meta, len_plus_one - 1, ret);
}

static bool take_header(struct aep__slice *meta, struct aep__header *ret)
{
    struct aep__slice name_len;
    size_t value_len;
    return take(meta, 1, &name_len) && take16(meta, &value_len) &&
           take(meta, (uint8_t)name_len.data[0], &ret->name) && take(meta, value_len, &ret->value);
}

bool aep__record_message(const struct aep__record *record, struct aep__message *ret)
{
    struct aep__slice meta = record->meta, head, count;
    size_t topic_len;
    if (!take(&meta, 9, &head) || !take16(&meta, &topic_len) ||
        !take(&meta, topic_len, &ret->topic) || !take_key(&meta, &ret->key) ||
        !take(&meta, 1, &count))
        return false;
    ret->timestamp_ms = (int64_t)aep__get64(head.data + 1);
    ret->header_count = (uint8_t)count.data[0];
    ret->value = record->value;
    if (ret->header_count > AEP__HEADERS_MAX)
        return false;
    for (size_t i = 0; i < ret->header_count; i++)
        if (!take_header(&meta, &ret->headers[i]))
            return false;
    return meta.len == 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A record, the unit of a segment, of the parked and of the dead-letter logs. Little-endian:
 *
 *      0      4        8        12     14            16
 *      | magic | length | crc32c | type | meta length | meta … | value … |
 *        FF 53   bytes    over length and all from type to the end of value
 *        FE FF   from type on
 *
 * The magic occurs in no UTF-8 text. A record whose numbers happen to contain it gets another salt,
 * so the magic occurs only at the start of a record, and a reader that lost its place finds the
 * next record by searching for it. (A segment's header has random bytes and no salt; it may contain
 * the magic, since no reader searches before the start of a segment.)
 *
 * Meta of an event: u8 salt | i64 timestamp_ms | u16 topic length, topic | u16 key length + 1 (0: no
 * key), key | u8 header count | (u8 name length, u16 value length, name, value) … */
#ifndef AEP_SPOOL_RECORD_H
#define AEP_SPOOL_RECORD_H

#include "base/buf.h"
#include "base/message.h"

#include <stdbool.h>
#include <stdint.h>

#define AEP__RECORD_HEAD 16         /* bytes before meta */
#define AEP__RECORD_HEADER_BYTES 48 /* a segment's header record, whole: uuid, boot id */

enum aep__record_type {
    AEP__RECORD_HEADER = 1, /* a segment's first */
    AEP__RECORD_EVENT = 2,
    AEP__RECORD_SEAL = 3,
};

/* Slices are borrowed from the parsed bytes. */
struct aep__record {
    uint16_t type;
    size_t size; /* whole, on disk */
    struct aep__slice meta, value;
};

/** Appends one record to out (check out->failed for lack of memory). False if meta or value is too
 * long, or the content contains the magic or ends with its start; out is then unchanged. */
bool aep__record_encode(struct aep__buf *out, enum aep__record_type type, struct aep__slice meta,
                        struct aep__slice value);
/** Appends an event's record. False as above, or if topic, key or a header is too long. */
bool aep__record_encode_message(struct aep__buf *out, const struct aep__message *message);

enum aep__parse {
    AEP__PARSE_RECORD,
    AEP__PARSE_INCOMPLETE, /* could become one with more bytes */
    AEP__PARSE_GARBAGE,    /* none begins here */
};
/** Examines the bytes at data. max_size: the largest possible record. */
enum aep__parse aep__record_parse(const char *data, size_t len, size_t max_size,
                                  struct aep__record *ret);
/** Reads an event record's meta and value; false if it is malformed. */
bool aep__record_message(const struct aep__record *record, struct aep__message *ret);
/** The first offset in [from, len) of a magic, or of the start of one at the very end; else len. */
size_t aep__record_find_magic(const char *data, size_t from, size_t len);

#endif

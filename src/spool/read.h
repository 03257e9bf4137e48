/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a spool in order, for the relay and for tools; read-only unless it is the relay's.
 *
 * Invalid bytes are skipped up to the next magic with a valid CRC. An incomplete record at the end
 * means wait; one that contains another magic is torn, since no record contains a second one
 * (aep__record_parse()). Skipped bytes are counted, except the zeros of an early seal. */
#ifndef AEP_SPOOL_READ_H
#define AEP_SPOOL_READ_H

#include "base/buf.h"
#include "spool/record.h"
#include "spool/spool.h"

#include <sys/types.h>

struct aep__reader {
    struct aep__spool *spool; /* borrowed */
    bool relay;               /* may seal a segment whose successor exists */
    int fd;                   /* of segment; -1: not open */
    uint64_t segment;         /* being read */
    uint64_t offset;          /* of the next byte to look at */
    ino_t inode;              /* of the segment being read */
    uint64_t examined;        /* set by AEP__READ_WAIT: no unread valid record begins below it, so
                                 that a torn tail blocks no one that waits for that position */
    bool foreign;             /* another spool's segment: its events are skipped */
    bool closed;              /* of another boot, or without a header: no publisher of this boot
                                 appends to it, so that its end is final, sealed or not */
    bool at_seal;             /* SEALED was returned: the next call moves to the next segment */
    bool met_end;             /* the last read of the file was short */
    uint64_t skipped_bytes;
    char *window; /* bytes of the segment from window_offset on */
    size_t window_len, window_cap;
    uint64_t window_offset;
};

/** One event as it stands in the spool. */
struct aep__entry {
    uint64_t segment, offset;  /* where it begins */
    uint64_t end;              /* where it ends in that segment */
    struct aep__record record; /* slices valid until the next call on the reader */
};

enum aep__read {
    AEP__READ_EVENT,
    AEP__READ_WAIT,   /* nothing (more) yet */
    AEP__READ_SEALED, /* a segment was read to its seal; the next call begins the next one. Given
                         once for every segment, so that the relay can retire it */
    AEP__READ_GONE,   /* the segment being read, or the folder, has been removed under the reader:
                         reader->segment tells which; the caller decides where to go on */
    AEP__READ_ERROR,  /* err says why */
};

/** Starts at a position (offset 0: the start of the segment). */
int aep__reader_init(struct aep__reader *reader, struct aep__spool *spool, uint64_t segment,
                     uint64_t offset, bool relay, aep_error *err);
void aep__reader_done(struct aep__reader *reader);
/** Moves it, as if started there. */
void aep__reader_seek(struct aep__reader *reader, uint64_t segment, uint64_t offset);
enum aep__read aep__reader_next(struct aep__reader *reader, struct aep__entry *ret, aep_error *err);
/** Whether every record that the segment held when last read has been returned; then sets
 * `examined`. A caller that is notified of new records may wait then; but only aep__reader_next()
 * checks that the segment still exists and is still the last. */
bool aep__reader_drained(struct aep__reader *reader);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The cursor: everything below it is finished (acknowledged, parked or dead-lettered). Two slots in
 * separate blocks of one preallocated file are written in turn, each with a generation and a CRC,
 * so that one is always whole. Only the relay writes it. */
#ifndef AEP_SPOOL_CURSOR_H
#define AEP_SPOOL_CURSOR_H

#include "spool/spool.h"

struct aep__cursor {
    uint64_t segment;    /* the oldest segment that is still needed ("first") */
    uint64_t offset;     /* bytes of it that are finished */
    uint64_t ordinal;    /* the number that the next event record gets */
    uint64_t generation; /* of the write */
    uint8_t boot[16];    /* when it was written */
};

/** Reads it. An invalid slot is read again, since it may be being written; if it stays invalid the
 * other one counts. Without a cursor: offset 0 of segment 1 or, if the cursor was moved away later,
 * of the spool's lowest segment. Errors: AEP_ESPOOL. */
int aep__cursor_load(const struct aep__spool *spool, struct aep__cursor *ret, aep_error *err);
/** Opens the file to read it later, whatever becomes of the folder. -1 with errno */
int aep__cursor_watch(const struct aep__spool *spool);
/** Reads that. False: there is none, or it is damaged. */
bool aep__cursor_read(int fd, struct aep__cursor *ret);
/** Opens the file for writing, as aep__cursor_store() wants it. -1: errno. A missing one (somebody
 * removed it, or the disk was full when the spool was created) is created with an ordinal that no
 * event of this spool can have had. */
int aep__cursor_open(const struct aep__spool *spool);
/** The same for a spool that has just been made: its first ordinal is 0. */
int aep__cursor_begin(const struct aep__spool *spool);
/** Writes the older slot, generation + 1, this boot's id; durable: fdatasync too. -1 with errno
 * (ESTALE: the file has been removed), *cursor then as it was. */
int aep__cursor_store(const struct aep__spool *spool, int fd, struct aep__cursor *cursor,
                      bool durable);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What is missed: records that are neither in Kafka nor in a side log any more. They were purged, they were
 * dead letters that were dropped, or somebody removed their segment.
 *
 *     missed:  range | range | …      range: u64 segment | u64 begin | u64 end | u32 fate | u32 crc32c
 *
 * The file is appended to, and written anew when it is too long: the ranges that stand first in the spool are
 * then forgotten, and their records look acknowledged. Only the holder of the relay's lock writes; anyone may
 * read. */
#ifndef AEP_SPOOL_MISSED_H
#define AEP_SPOOL_MISSED_H

#include "base/buf.h"
#include "spool/fate.h"
#include "spool/spool.h"

#include <sys/stat.h>

#define AEP__MISSED "missed"
#define AEP__MISSED_RANGES 65536 /* at most so many are kept: 2 MiB */

struct aep__missed_range {
    uint64_t segment, begin, end; /* whole records stand in [begin, end) */
    enum aep__fate fate;          /* PURGED, DEAD or LOST */
};

struct aep__missed {
    const struct aep__spool *spool;   /* borrowed */
    struct aep__missed_range *ranges; /* in order; none touches another of its fate */
    size_t count, max;
    struct aep__buf unwritten; /* as in the file */
    struct stat file;          /* as it was when it was read; zero: not there */
    bool unsynced;             /* something was written since the last sync */
    uint64_t version;          /* grows with each change */
};

void aep__missed_init(struct aep__missed *missed, const struct aep__spool *spool);
void aep__missed_done(struct aep__missed *missed);

/** Reads the file, if it has changed. What is damaged in it is left out. 0, or -1 with errno; then what was
 * known remains. */
int aep__missed_look(struct aep__missed *missed);
/** The index of the first range that ends behind a position; their count: there is none. */
size_t aep__missed_from(const struct aep__missed *missed, aep_position position);
/** The fate of the record that a byte belongs to; AEP__FATE_ACKED if it is in no range. */
enum aep__fate aep__missed_fate(const struct aep__missed *missed, aep_position byte);

/** Adds one, in memory; it is found once it has been written. Without memory for it, it is not known. */
void aep__missed_add(struct aep__missed *missed, struct aep__missed_range range);
/** Writes what was added; durable: syncs it too. To be called before the records leave their place. 0, or -1
 * with errno: the rest is written next time. */
int aep__missed_write(struct aep__missed *missed, bool durable);

/** For a relay that begins: reads the file, and leaves out what its predecessor had noted and was killed before
 * it dropped, namely all from the cursor on, and what is in side logs. 0, or -1 with errno. */
int aep__missed_resume(struct aep__missed *missed, aep_position cursor);

#endif

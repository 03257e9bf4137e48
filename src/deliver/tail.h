/* SPDX-License-Identifier: Apache-2.0 */
/* The tail: reads the spool in order, and moves the cursor past what is finished.
 *
 *     segment N (sealed)         segment N+1
 *     …▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒|seal      ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░░░
 *          ^cursor                        ^position
 *          └──── flights in the lane ─────┘
 *
 * A segment is passed once the cursor's flight is beyond it; the syncer removes it later. The
 * ordinal counts events from the start of the spool. At the first relay start after a boot it skips
 * to the next multiple of 2^32, because the numbers of records that a power cut took must not be
 * reused. */
#ifndef AEP_DELIVER_TAIL_H
#define AEP_DELIVER_TAIL_H

#include "deliver/flight.h"
#include "spool/cursor.h"
#include "spool/read.h"

#define AEP__TAIL_FLIGHTS 2048
#define AEP__TAIL_SEALED 16

struct aep__core;

struct aep__sealed {
    uint64_t segment;
    uint64_t ordinal; /* of the first event behind it */
    uint64_t offset;  /* of its end, the seal included */
    ino_t inode;
    int fd; /* keeps the file, whatever bears its name, and its inode's number; -1: it could not */
};

struct aep__tail {
    struct aep__reader reader;
    struct aep__lane lane;
    struct aep__cursor cursor; /* as it was last stored */
    bool cursor_dirty;         /* stored, not synced */
    aep_position position;     /* of the next record to take */
    uint64_t ordinal;          /* that it gets */
    struct aep__entry pending; /* read, but the sink was full */
    bool has_pending;
    bool waiting;    /* nothing was left to read; until the bell rings, */
    int64_t look_us; /* or until this moment */
    int64_t rung_us; /* when the bell was last heard */
    bool burst;      /* it rings so often that polling is cheaper */
    bool gone;       /* the segment was removed; waits until the lane is empty */
    struct aep__sealed sealed[AEP__TAIL_SEALED]; /* read to their seals, not passed yet */
    unsigned sealed_count;
    aep_position resume;      /* after a segment that reappeared; segment 0: none */
    aep_position purge;       /* what is below is dropped; segment 0: none */
    uint64_t purged;          /* records dropped so */
    int64_t retry_us;         /* an error: not before then */
    uint64_t skipped_counted; /* of the reader's skipped_bytes */
    aep_position newest;      /* the spool's end when last measured */
    aep_position synced;      /* up to where a sync was asked for */
    aep_position given_back;  /* up to where finished records have given back their space */
    bool cramped;             /* the disk had no room to end the segment */
    int fetch_fd;             /* a segment opened to read records again; -1 */
    uint64_t fetch_segment;
};

/** Loads the cursor, applies the reboot rule, sweeps, opens the reader. Errors: AEP_ESPOOL, AEP_EIO,
 * AEP_ENOMEM. */
int aep__tail_start(struct aep__core *core, aep_error *err);
void aep__tail_done(struct aep__core *core);
/** The bell rang: there is something to read. */
void aep__tail_rung(struct aep__core *core);
/** Reads and offers records. True: there are more. */
bool aep__tail_pump(struct aep__core *core);
/** Removes what is finished from the lane and moves the cursor past it. */
void aep__tail_advance(struct aep__core *core);
/** Whether everything that was there when it last looked is finished. */
bool aep__tail_finished(const struct aep__core *core);
/** The same, but true also while the sink wants no records. */
bool aep__tail_satisfied(struct aep__core *core);
/** Whether all below a position is finished. */
bool aep__tail_finished_below(const struct aep__core *core, aep_position position);
/** Reads a flight's record again. False: errno; EBADMSG: it is not there any more. */
bool aep__tail_fetch(struct aep__core *core, const struct aep__flight *flight, struct aep__buf *buf,
                     struct aep__record *ret);
/** Looks where the spool ends. */
void aep__tail_measure(struct aep__core *core);
/** At ticks: starts the syncs that are due, and the removal of passed segments. */
void aep__tail_sync(struct aep__core *core);
/** The same, and waits until it is done. */
void aep__tail_sync_now(struct aep__core *core);
/** Marks everything in the spool to be dropped, and ends its segment, so that it leaves the
 * disk. */
void aep__tail_purge(struct aep__core *core);
/** When all is finished and quiet: seals the segment so that it can be removed. False: it is empty,
 * or cannot be sealed. */
bool aep__tail_seal_idle(struct aep__core *core);
/** At a stop: if all is finished, also passes the last segment, so that nothing delivered stays on
 * disk; the next aep__tail_sync_now() removes it. Sends nothing. */
void aep__tail_tidy(struct aep__core *core);
/** The flight of the record that ends at a position; NULL: none in the lane. */
struct aep__flight *aep__tail_find(struct aep__core *core, aep_position position);

static inline bool aep__before(aep_position a, aep_position b)
{
    return a.segment != b.segment ? a.segment < b.segment : a.offset < b.offset;
}

#endif

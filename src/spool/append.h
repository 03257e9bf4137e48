/* SPDX-License-Identifier: Apache-2.0 */
/* Appending: what a publish call does to the disk.
 *
 *     write(2), O_APPEND ─ short? ─▶ again, whole
 *        │ ends below L: accepted
 *        ▼ ends at or beyond L: a seal between L and its start? ─ yes ─▶ again, in the next segment
 *        accepted; its writer appends a seal, best effort
 *
 * Either way, a segment that has lost its name meanwhile was either retired (the cursor is beyond
 * it: it has been read, including this record) or removed by somebody; then the record is appended
 * again, to the newest.
 *
 * The limit covers the segments from the cursor's on, and the side logs. Both are measured when a
 * segment is opened and when the limit seems reached, the cursor first. A record set aside after
 * that came from a segment that is still counted, so until the next segment usage is underestimated
 * by at most the notes of such records (some 100 bytes each).
 *
 * The descriptor is known by its number, which the program that we are in may have closed and given to
 * a file of its own. aep__append_ours() tells before the write, but for a thread that does so just then;
 * the look after the write tells for sure. Then that number is forgotten, and the record appended
 * (again) on a new one.
 *
 * It takes no lock that another process can hold, and shares no memory. An appender belongs to one
 * process, since it relies on its descriptor's file position (after fork, call aep__append_forked()
 * in the child). Threads: callers serialise. */
#ifndef AEP_SPOOL_APPEND_H
#define AEP_SPOOL_APPEND_H

#include "spool/sidelog.h"
#include "spool/spool.h"

struct aep__appender {
    struct aep__spool *spool; /* borrowed */
    int fd;                   /* the newest segment; -1: none open */
    struct aep__os_file file; /* what fd was when it was opened */
    off_t at;                 /* where fd stood after our last record */
    uint64_t segment;
    uint64_t end;                    /* of the segment, if its last record is ours; 0: unknown */
    bool sealed;                     /* by us: the next record goes into the next segment */
    uint64_t first;                  /* the cursor's segment when last read */
    struct aep__sidelog_sizes aside; /* parked and dead bytes, looked at after `first` */
    uint64_t max_bytes;              /* of the spool; 0: no limit */
    size_t torn_bytes;               /* the disk took only a part of a record of this size, */
    int64_t torn_us;                 /* then (monotonic clock); 0 bytes: of none, lately */
    bool new_segment;  /* one was opened since the last sync: the folder is to be synced,
                          since whoever made it may not have come to that */
    uint64_t gaps;     /* missing segments with later ones after them that were recreated: others
                          removed them; for the caller to count and reset */
    uint64_t strays;   /* times that fd was found closed, or a file of the program's own. What went
                          into that was appended again. For the caller, as gaps */
    uint64_t unsynced; /* the oldest segment written to since the last sync; 0: none */
};

void aep__append_init(struct aep__appender *appender, struct aep__spool *spool, uint64_t max_bytes);
void aep__append_done(struct aep__appender *appender);
/** After aep__append_init() for the same folder: takes over what `before` had to sync and to count. */
void aep__append_resume(struct aep__appender *appender, const struct aep__appender *before);
/** In a forked child: drops the inherited descriptor without using it. */
void aep__append_forked(struct aep__appender *appender);

/** Whether the open segment's descriptor is still ours, as far as a cheap look can tell. False also if
 * none is open. */
bool aep__append_ours(struct aep__appender *appender);
/** Appends one whole record.
 * @reserved  may use the last 5 % (started and terminal events)
 * @ret       where it ends
 * Errors: AEP_EFULL (limit or disk), AEP_ESPOOL (deleted or foreign), AEP_EIO (it may or may not
 * have been written). Blocks: local disk. */
int aep__append(struct aep__appender *appender, const void *record, size_t len, bool reserved,
                aep_position *ret, aep_error *err);
/** Syncs what this appender wrote since the last sync, in all segments (and the folder if one is
 * new). Errors: AEP_EIO: a loss of power may lose what was not on disk. */
int aep__append_sync(struct aep__appender *appender, aep_error *err);
/** The end of the newest segment: everything that anyone has accepted so far is below it. */
int aep__append_tail(struct aep__appender *appender, aep_position *ret, aep_error *err);

#endif

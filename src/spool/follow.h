/* SPDX-License-Identifier: Apache-2.0 */
/* Following a spool beside its relay, without disturbing it: each event as it is written, what becomes of
 * it, and being woken when there may be more. Goes on where segments have been removed under the reader.
 *
 *     woken ─▶ drain ─▶ look (fates) ─▶ next … next ─▶ END ─▶ wait */
#ifndef AEP_SPOOL_FOLLOW_H
#define AEP_SPOOL_FOLLOW_H

#include "spool/cursor.h"
#include "spool/fates.h"
#include "spool/read.h"

struct aep__follower {
    struct aep__spool *spool; /* borrowed */
    struct aep__reader reader;
    struct aep__fates fates;
    int watch_fd; /* inotify: readable when something in the folder has changed, or it has been removed;
                      -1: look now and then */
    int cursor_fd; /* the cursor's file, which may be removed with the folder; -1: there is none */
};

enum aep__follow {
    AEP__FOLLOW_EVENT,
    AEP__FOLLOW_END,    /* nothing more for now */
    AEP__FOLLOW_SEALED, /* a segment ended there; go on */
    AEP__FOLLOW_PASSED, /* segments had been removed: it stands behind them; go on */
    AEP__FOLLOW_GONE, /* the whole spool has been removed; fates.finished is as it was in the end */
    AEP__FOLLOW_ERROR,
};

/** Starts at a position (offset 0: the start of the segment; segment 0: where the cursor's begins).
 * Errors: AEP_ESPOOL, AEP_EIO, AEP_ENOMEM */
int aep__follower_open(struct aep__follower *follower, struct aep__spool *spool,
                       aep_position position, aep_error *err);
/** Also of one whose opening failed, or that is zeroed but for descriptors of -1. */
void aep__follower_close(struct aep__follower *follower);
/** Takes note of what has woken it: before the reading, not after it. */
void aep__follower_drain(struct aep__follower *follower);
/** Looks at what has become of the records. Errors: as aep__fates_refresh() */
int aep__follower_look(struct aep__follower *follower, aep_error *err);
/** The next event, valid until the next call. Errors: *err says why */
enum aep__follow aep__follower_next(struct aep__follower *follower, struct aep__entry *ret,
                                    aep_error *err);

#endif

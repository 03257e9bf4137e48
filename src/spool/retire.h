/* SPDX-License-Identifier: Apache-2.0 */
/* Retiring: removing finished segments. Only the relay does it, under its lock, in this order:
 *     pass:    N+1 exists → the cursor stands at (N+1, 0)
 *     remove:  folder synced → cursor synced → N unlinked
 * Neither a kill between two steps nor a power cut loses or repeats anything, since nothing is
 * removed before the cursor that passed it is on disk. Removal may come later, for several at once:
 * everyone treats a segment below the cursor's as a zombie, whether it still exists or not. */
#ifndef AEP_SPOOL_RETIRE_H
#define AEP_SPOOL_RETIRE_H

#include "spool/cursor.h"

/** Moves the cursor from segment cursor->segment, which is finished, to the next.
 * @inode  the file that was read to its seal; if another file has that name, returns EBUSY: read it
 *         too
 * 0, or -1 with errno */
int aep__retire_pass(const struct aep__spool *spool, int cursor_fd, struct aep__cursor *cursor,
                     ino_t inode);
/** Removes passed segments, numbered from `from` to below `below`, which is at most the cursor's.
 * Waits for the disk. 0, or -1 with errno: some may be left.
 * Threads: one at a time, beside others that store the cursor. */
int aep__retire_remove(const struct aep__spool *spool, int cursor_fd, uint64_t from,
                       uint64_t below);
/** Frees the disk space of finished records in the cursor's segment, as it was stored, once that
 * lasts: for a full disk, on which the segment can neither grow nor be ended. The blocks stay
 * reserved for the segment. Waits for the disk. 0, or -1 with errno. Threads: as
 * aep__retire_remove(). */
int aep__retire_give_back(const struct aep__spool *spool, int cursor_fd);
/** Removes segments numbered below the cursor's (left by a kill, or zombies), and temporary files
 * that are an hour old (left by kills), once the cursor lasts. Returns how many. */
unsigned aep__retire_sweep(const struct aep__spool *spool, int cursor_fd,
                           const struct aep__cursor *cursor);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Retiring: removing segments that are finished. Only the relay, under its lock. In this order:
 *     pass:    N+1 exists → the cursor stands at (N+1, 0)
 *     remove:  folder synced → cursor synced → N unlinked
 * A kill between any two steps loses and repeats nothing; a power cut neither, since nothing goes
 * before the cursor that passed it lasts. Removing may wait and may take several at once: what is
 * below the cursor's segment is a zombie to all, whether it is still there or not. */
#ifndef AEP_SPOOL_RETIRE_H
#define AEP_SPOOL_RETIRE_H

#include "spool/cursor.h"

/** Moves the cursor from segment cursor->segment, all of which is finished, to the next.
 * @inode  what was read to its seal; another file under that name is left and EBUSY returned: read
 *         it too
 * 0, or -1 with errno */
int aep__retire_pass(const struct aep__spool *spool, int cursor_fd, struct aep__cursor *cursor,
                     ino_t inode);
/** Removes passed segments, numbered from `from` to below `below`, which is at most the cursor's.
 * Waits for the disk. 0, or -1 with errno: then some may still be there.
 * Threads: one at a time, beside others that store the cursor. */
int aep__retire_remove(const struct aep__spool *spool, int cursor_fd, uint64_t from,
                       uint64_t below);
/** Gives back the disk space of what is finished in the cursor's segment, as it was stored, once that
 * lasts: for a full disk, on which the segment can neither grow nor be ended. The blocks stay
 * reserved for the segment. Waits for the disk. 0, or -1 with errno. Threads: as
 * aep__retire_remove(). */
int aep__retire_give_back(const struct aep__spool *spool, int cursor_fd);
/** Removes segments numbered below the cursor's (left by a kill, or zombies), and temporary files
 * that are an hour old (left by kills), once the cursor lasts. Returns how many. */
unsigned aep__retire_sweep(const struct aep__spool *spool, int cursor_fd,
                           const struct aep__cursor *cursor);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Retiring: removing segments that are finished. Only the relay, under its lock. In this order, so
 * that a power cut or kill between any two steps loses and repeats nothing:
 *     N+1 exists → folder synced → cursor durable at (N+1, 0) → N unlinked */
#ifndef AEP_SPOOL_RETIRE_H
#define AEP_SPOOL_RETIRE_H

#include "spool/cursor.h"

/** Retires segment cursor->segment, all of which is finished, and moves the cursor to the next.
 * @inode  what was read to its seal; another file under that name is left and EBUSY returned: read
 *         it too
 * 0, or -1 with errno */
int aep__retire(const struct aep__spool *spool, int cursor_fd, struct aep__cursor *cursor,
                ino_t inode);
/** Removes segments numbered below the cursor's (left by a kill, or zombies), and temporary files
 * that are an hour old (left by kills). Returns how many. */
unsigned aep__retire_sweep(const struct aep__spool *spool, const struct aep__cursor *cursor);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Following a spool beside its relay: being woken when there may be more to read, and going on where
 * segments have been removed under the reader. */
#ifndef AEP_SPOOL_WATCH_H
#define AEP_SPOOL_WATCH_H

#include "spool/cursor.h"
#include "spool/read.h"

/** Opens an inotify descriptor, readable when something in the folder has changed, or the folder has
 * been removed. -1 with errno: without it, look now and then. */
int aep__watch_open(const struct aep__spool *spool);
/** Takes note of what has changed: before the reading, not after it. */
void aep__watch_drain(int fd);

/** After AEP__READ_GONE: goes on at the cursor's segment, or behind the one that has been removed. All
 * that was in between was finished.
 * @ret_cursor  as it stands
 * Errors: AEP_ESTATE the whole spool is gone; the cursor's */
int aep__watch_pass(struct aep__reader *reader, struct aep__cursor *ret_cursor, aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A file that only occupies space. When the disk is full and the relay must write to keep draining
 * (the cursor, a parked record), it removes the file; it creates it again once there is room. It has
 * 1 MiB, or a sixteenth of a volume that is smaller than 16 MiB. */
#ifndef AEP_DELIVER_BALLAST_H
#define AEP_DELIVER_BALLAST_H

#include "spool/spool.h"

/** Creates it if it is missing and the disk has room. */
void aep__ballast_keep(const struct aep__spool *spool);
/** After a write failed with errno: removes it if the disk is full. True: try again. errno stays as
 * it is. */
bool aep__ballast_give(const struct aep__spool *spool);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A file that only takes up room. When the disk is full and the relay must write to go on draining
 * (the cursor, a parked record), it is given up; it is made again when there is room. */
#ifndef AEP_DELIVER_BALLAST_H
#define AEP_DELIVER_BALLAST_H

#include "spool/spool.h"

/** Makes it where it is missing, if the disk has room. */
void aep__ballast_keep(const struct aep__spool *spool);
/** After a write failed with errno: gives it up if the disk is full. True: try again.
 * errno stays as it is. */
bool aep__ballast_give(const struct aep__spool *spool);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* How much of its log local mode keeps: three quarters of what the spool may hold. A spool may hold
 * spool.max_bytes, or less if its volume is too small for that. By spool.max_bytes whole segments count,
 * as they do for publishers; on a small volume what has been let go of a segment does not, since its
 * space is given back: where only one segment fits, its newest events stay. */
#ifndef AEP_SPOOL_KEPT_H
#define AEP_SPOOL_KEPT_H

#include "spool/spool.h"

/** Whether a spool holds more than is kept.
 * @begin  the cursor, before which everything has been let go
 * @end    of the newest segment */
bool aep__kept_exceeded(const struct aep__spool *spool, uint64_t max_bytes, aep_position begin,
                        aep_position end);

#endif

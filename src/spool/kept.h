/* SPDX-License-Identifier: Apache-2.0 */
/* How much of its log local mode keeps: three quarters of what the spool may hold. A spool may hold
 * spool.max_bytes, or less if its volume is too small for that. */
#ifndef AEP_SPOOL_KEPT_H
#define AEP_SPOOL_KEPT_H

#include "spool/spool.h"

/** Whether a spool that holds used_bytes, in segments from the cursor on, holds more than is kept. */
bool aep__kept_exceeded(const struct aep__spool *spool, uint64_t max_bytes, uint64_t used_bytes);

#endif

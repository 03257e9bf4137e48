/* SPDX-License-Identifier: Apache-2.0 */
/* The contents of a spool's side logs: the records below the cursor that were not acknowledged. */
#ifndef AEP_SPOOL_ASIDE_H
#define AEP_SPOOL_ASIDE_H

#include "spool/fate.h"
#include "spool/sidelog.h"

/** Told one record, PARKED or DEAD; the note is borrowed. False: no more of them. */
typedef bool (*aep__aside_fn)(void *user, const struct aep__note *note, enum aep__fate fate);

/** Visits all of them, dead letters first, each log in order; skips files with these names that are
 * not ours. 0, or -1 with errno: some were not visited. */
int aep__aside_each(const struct aep__spool *spool, aep__aside_fn fn, void *user);

#endif

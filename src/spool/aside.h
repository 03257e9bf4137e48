/* SPDX-License-Identifier: Apache-2.0 */
/* The contents of a spool's side logs: the records below the cursor that were not acknowledged. */
#ifndef AEP_SPOOL_ASIDE_H
#define AEP_SPOOL_ASIDE_H

#include "spool/fate.h"
#include "spool/sidelog.h"

/** Receives one record and its fate, PARKED or DEAD; the note is borrowed. False: stop. */
typedef bool (*aep__aside_fn)(void *user, const struct aep__note *note, enum aep__fate fate);

/** Visits all records, dead letters first, each log in order. Skips files that have such a name but
 * are not ours. 0, or -1 with errno: some were not visited. */
int aep__aside_each(const struct aep__spool *spool, aep__aside_fn fn, void *user);

#endif

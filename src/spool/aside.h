/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in a spool's side logs: of the records below the cursor, those that were not
 * acknowledged. */
#ifndef AEP_SPOOL_ASIDE_H
#define AEP_SPOOL_ASIDE_H

#include "spool/fate.h"
#include "spool/sidelog.h"

/** Told one record, PARKED or DEAD; the note is borrowed. False: no more of them. */
typedef bool (*aep__aside_fn)(void *user, const struct aep__note *note, enum aep__fate fate);

/** Goes through all of them, the dead ones first, each log in its order. Files of these names that
 * are none of ours hold no records. 0, or -1 with errno: what was told is not all. */
int aep__aside_each(const struct aep__spool *spool, aep__aside_fn fn, void *user);

#endif

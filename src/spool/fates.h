/* SPDX-License-Identifier: Apache-2.0 */
/* The fate of each record of a spool, from the files that the relay keeps: records below its cursor
 * are finished, and those of them that are neither in a side log nor missed have been acknowledged. */
#ifndef AEP_SPOOL_FATES_H
#define AEP_SPOOL_FATES_H

#include "aep/aep.h"
#include "spool/fate.h"
#include "spool/missed.h"
#include "spool/sides.h"
#include "spool/spool.h"
#include "spool/status.h"

struct aep__fates {
    const struct aep__spool *spool; /* borrowed */
    aep_position finished;
    struct aep__status status; /* magic 0: the relay has written none */
    struct aep__sides sides;
    struct aep__missed missed;
};

/** Reads it for the first time. Errors: AEP_ESPOOL, AEP_ENOMEM. */
int aep__fates_init(struct aep__fates *fates, const struct aep__spool *spool, aep_error *err);
/** Reads the files again. Errors: as above; then the old state remains. */
int aep__fates_refresh(struct aep__fates *fates, aep_error *err);
void aep__fates_done(struct aep__fates *fates);

/** Everything before a position is known to be finished. */
void aep__fates_reach(struct aep__fates *fates, aep_position position);
/** The fate of the record that begins there. */
enum aep__fate aep__fates_of(const struct aep__fates *fates, aep_position begin);
/** Whether everything before a position is finished. */
bool aep__fates_is_past(const struct aep__fates *fates, aep_position position);

#endif

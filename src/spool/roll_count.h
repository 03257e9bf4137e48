/* SPDX-License-Identifier: Apache-2.0 */
/* How many executions are open, for whoever looks at a spool beside its relay. */
#ifndef AEP_SPOOL_ROLL_COUNT_H
#define AEP_SPOOL_ROLL_COUNT_H

#include "spool/roll.h"

struct aep__roll_counts {
    uint64_t open;      /* their processes live */
    uint64_t gone;      /* for a relay to declare failed */
    uint64_t elsewhere; /* of another pid namespace: nobody here can tell whether they live */
    uint64_t damaged;   /* cannot be read */
};

/** 0, or -1 with errno. Reads every file of the roll. */
int aep__roll_count(const struct aep__spool *spool, struct aep__roll_counts *ret);

#endif

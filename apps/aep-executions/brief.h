/* SPDX-License-Identifier: Apache-2.0 */
/* An execution in brief: what a line of the screen shows of it and what it is sorted by, in one piece of
 * memory. Of 10,000 that are open it takes 2 to 3 MiB, where whole rows take three times that.
 *
 *     which members ─▶ numbers, 8 bytes each ─▶ texts, the id first, each with a zero behind it */
#ifndef AEP_EXECUTIONS_BRIEF_H
#define AEP_EXECUTIONS_BRIEF_H

#include "track/tracked.h"

struct aep__brief {
    uint32_t members; /* a bit for each that is known */
    char data[];
};

/** Of long texts only the beginning; of ids and names of executions the whole. NULL: out of memory.
 * Free it with free(). */
struct aep__brief *aep__brief_make(const struct aep__tracked *execution);
/** The row again, with what the brief has of it; its texts are borrowed from the brief. */
void aep__brief_open(const struct aep__brief *brief, struct aep__tracked *ret);
const char *aep__brief_id(const struct aep__brief *brief);

#endif

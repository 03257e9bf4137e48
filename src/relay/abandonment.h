/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal event of an execution whose process is gone, made of what stands in the roll: the same
 * however often it is made. It is failed; or completed, if the owner has noted that nothing was left to
 * be done (a coding agent that waits for its human). */
#ifndef AEP_RELAY_ABANDONMENT_H
#define AEP_RELAY_ABANDONMENT_H

#include "base/os_process.h"
#include "spool/roll.h"

struct aep__abandonment {
    const struct aep__os_process *process;
    bool dropped; /* the process lives, and has lost the execution's handle */
    bool ended_well;
    const struct aep__roll_area *area; /* DECLARING: ids, time, how long it was open */
    const struct aep__roll_body *body;
};

/** Makes the record that is appended to the spool.
 * Errors: AEP_EINVAL: nothing valid stands there; AEP_ENOMEM */
int aep__abandonment_encode(const struct aep__abandonment *abandonment, struct aep__buf *out,
                            aep_error *err);

/** "340 ms", "12 s", "12 min", "3 h 5 min", "2 days". */
void aep__abandonment_lasted(int64_t us, char *text, size_t size);

#endif

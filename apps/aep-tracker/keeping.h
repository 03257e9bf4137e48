/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the store within its bounds: when retention has its turn. A step is a transaction of its own
 * after one that reads: while there is nothing to read, one after the other; while there is, one now and
 * then, and after each as long as the store is larger than it may be. */
#ifndef AEP_APP_TRACKER_KEEPING_H
#define AEP_APP_TRACKER_KEEPING_H

#include "writer.h"

#include "config/config.h"
#include "track/retention.h"

struct aep__keeping {
    struct aep__retention retention;
    int64_t next_us;   /* monotonic: when it has its turn */
    bool more;         /* there is more to remove, and time for it now */
    char problem[640]; /* "": none */
};

void aep__keeping_init(struct aep__keeping *keeping, const aep_config *config);
/** Does a step if its time has come.
 * @rests  there is nothing to read for now
 * Errors: the store's; give it up then */
int aep__keeping_turn(struct aep__keeping *keeping, struct aep__writer *writer, bool rests,
                      aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What would be lost with a spool, and for how long nobody has used it. */
#ifndef AEP_APP_UNUSED_H
#define AEP_APP_UNUSED_H

#include "base/buf.h"
#include "spool/remove.h"

struct aep__contents {
    uint64_t waiting;       /* events; in local mode those that are kept */
    uint64_t waiting_bytes; /* not 0 if there are too many events to count */
    uint64_t parked, dead;
    uint64_t open; /* executions whose end somebody has still to say */
};

/** Errors: AEP_ESPOOL, AEP_ENOMEM. */
int aep__contents_measure(struct aep__spool *spool, struct aep__contents *ret, aep_error *err);
bool aep__contents_empty(const struct aep__contents *contents);
/** "3 events waiting, 1 parked, 2 dead letters, 1 open execution". */
void aep__contents_text(const struct aep__spool *spool, const struct aep__contents *contents,
                        struct aep__buf *out);
/** For aep__spool_remove(): whether nothing would be lost. */
bool aep__contents_none(void *user, struct aep__spool *spool);

/** Seconds since something was last written there by a publisher or a relay; 0: not known. */
int64_t aep__spool_unused_s(const struct aep__spool *spool);

#endif

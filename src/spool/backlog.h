/* SPDX-License-Identifier: Apache-2.0 */
/* How much of a spool is not finished yet. */
#ifndef AEP_SPOOL_BACKLOG_H
#define AEP_SPOOL_BACKLOG_H

#include "spool/fates.h"

struct aep__backlog {
    uint64_t used_bytes; /* of the segments, as they are */
    uint64_t bytes;      /* of them, not finished */
    uint64_t events;     /* not finished */
    bool counted;        /* events is set: there was little enough to count */
};

/** How many bytes there are, used and not finished; the events stay uncounted.
 * Errors: AEP_ESPOOL, AEP_ENOMEM. */
int aep__backlog_weigh(struct aep__spool *spool, const struct aep__fates *fates,
                       struct aep__backlog *ret, aep_error *err);
/** In local mode nothing is ever finished: everything on disk counts.
 * Errors: AEP_ESPOOL, AEP_ENOMEM. */
int aep__backlog_measure(struct aep__spool *spool, const struct aep__fates *fates,
                         struct aep__backlog *ret, aep_error *err);
/** The word for it: "waiting" to be sent; in local mode "kept". */
const char *aep__backlog_word(const struct aep__spool *spool);

#endif

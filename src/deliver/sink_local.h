/* SPDX-License-Identifier: Apache-2.0 */
/* Local mode: there is no Kafka, the spool itself is the log of what happened. Records are let go,
 * oldest first, once the spool is three quarters full; until then none is wanted. */
#ifndef AEP_DELIVER_SINK_LOCAL_H
#define AEP_DELIVER_SINK_LOCAL_H

#include "deliver/sink.h"

/** Keeps the newest max_bytes: from 75 % of them on it lets the oldest go. Errors: AEP_ENOMEM. */
int aep__sink_local_new(struct aep__sink **ret, uint64_t max_bytes, aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Local mode: without Kafka, the spool itself is the log. Once it holds more than kept.h allows,
 * the oldest records are removed; until then the sink takes no records. */
#ifndef AEP_DELIVER_SINK_LOCAL_H
#define AEP_DELIVER_SINK_LOCAL_H

#include "deliver/sink.h"
#include "spool/spool.h"

/** @spool  borrowed, until the sink is freed
 * Errors: AEP_ENOMEM. */
int aep__sink_local_new(struct aep__sink **ret, const struct aep__spool *spool, uint64_t max_bytes,
                        aep_error *err);

#endif

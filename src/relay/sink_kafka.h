/* SPDX-License-Identifier: Apache-2.0 */
/* The sink that delivers to Kafka, through librdkafka.
 *
 *     send ──▶ librdkafka's queue (1000 messages, 2 MB) ──▶ broker
 *     serve ◀── its main queue: delivery reports, errors, log lines, admin results
 *                 └─ an eventfd is written when it becomes non-empty, so that poll(2) wakes
 *
 * Order is kept by one request in flight per broker and, when leaders move, by an idempotent
 * producer if the cluster allows one. librdkafka retries transient errors for ever
 * (message.timeout.ms=0); only what it gives up on is reported here, and what it then still holds
 * comes back (recall.h).
 *
 * Threads: ours is one; librdkafka's threads share with it only the queue and recall's lock. */
#ifndef AEP_RELAY_SINK_KAFKA_H
#define AEP_RELAY_SINK_KAFKA_H

#include "config/config.h"
#include "deliver/sink.h"

/** @can     AEP__SINK_CAN_DEDUPLICATE; 0 where the cluster is known not to grant it
 * @events  borrowed, for life
 * Errors: AEP_ECONFIG names the kafka.* property; AEP_ENOMEM. */
int aep__sink_kafka_new(struct aep__sink **ret, const aep_config *config, unsigned can,
                        const struct aep__sink_events *events, aep_error *err);
/** Whether a client can be made of these settings. Errors: as of aep__sink_kafka_new() */
int aep__sink_kafka_check(const aep_config *config, aep_error *err);
/** "librdkafka 2.0.2" */
const char *aep__sink_kafka_version(void);

#endif

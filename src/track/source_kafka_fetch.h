/* SPDX-License-Identifier: Apache-2.0 */
/* From librdkafka into the merge. Each message is copied at once, since librdkafka keeps all that came with
 * one, of whatever partition, until the last of it has been taken; and what librdkafka fetches ahead would be
 * of all partitions alike, not of the one that is waited for. So a partition is fetched only as long as its
 * lane wants more. */
#ifndef AEP_TRACK_SOURCE_KAFKA_FETCH_H
#define AEP_TRACK_SOURCE_KAFKA_FETCH_H

#include "track/source_kafka_partition.h"

/** Takes what has come, starts and stops fetching.
 * @event_max  bytes of an event; what is larger is not copied */
void aep__fetch_turn(struct aep__partitions *partitions, size_t event_max);

#endif

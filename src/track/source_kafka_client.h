/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka source's clients: consumers without a consumer group, whose memory is bounded. */
#ifndef AEP_TRACK_SOURCE_KAFKA_CLIENT_H
#define AEP_TRACK_SOURCE_KAFKA_CLIENT_H

#include "kafka/client.h"

/** Makes one, which connects by itself.
 * @events  the RD_KAFKA_EVENT_… that its queues have
 * Errors: AEP_ECONFIG names the option; AEP_ENOMEM */
int aep__source_client(rd_kafka_t **ret, const aep_config *config, int events, aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* One request of a tool: its options and its answer. The files behind admin.h share this.
 *
 * Each request makes its own queue for its answer. librdkafka's other events go to its main queue,
 * which is read only while making contact. */
#ifndef AEP_KAFKA_REQUEST_H
#define AEP_KAFKA_REQUEST_H

#include "aep/aep.h"

#include <librdkafka/rdkafka.h>

struct aep__admin {
    rd_kafka_t *rk;
    char mechanism[32];
};

rd_kafka_AdminOptions_t *aep__request_options(struct aep__admin *admin, rd_kafka_admin_op_t op,
                                              int timeout_ms);
/** Waits for the answer; NULL: none came. Frees the queue. */
rd_kafka_event_t *aep__request_await(rd_kafka_queue_t *queue, int timeout_ms);
/** AEP_ESTATE: Kafka gave no answer. */
int aep__request_refuse(const char *why, aep_error *err);

#endif

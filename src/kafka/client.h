/* SPDX-License-Identifier: Apache-2.0 */
/* A Kafka client: its configuration, and its creation.
 *
 *     defaults ─▶ the user's kafka.* properties ─▶ ours ─▶ client
 *
 * Only src/kafka/, src/relay/ and the tracker's source know librdkafka and include this. */
#ifndef AEP_KAFKA_CLIENT_H
#define AEP_KAFKA_CLIENT_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>

#include <stddef.h>

struct aep__property {
    const char *name, *value;
};

/** Makes a configuration: the defaults, which the user's properties may change, then ours.
 * @defaults, ours  each ends with a NULL name
 * Errors: AEP_ECONFIG names the kafka.* property */
int aep__client_conf(rd_kafka_conf_t **ret, const aep_config *config,
                     const struct aep__property *defaults, const struct aep__property *ours,
                     aep_error *err);
/** Sets one. Errors: AEP_ECONFIG names it */
int aep__client_set(rd_kafka_conf_t *conf, const char *name, const char *value, aep_error *err);
/** The value of a property, whoever set it; "" if it is not set. */
void aep__client_property(const rd_kafka_conf_t *conf, const char *name, char *text, size_t size);
/** Makes a client; connects to nothing yet.
 * @conf    owned from now on, even on an error
 * @on_new  NULL, or called while the client is being made, to add interceptors; with it a refused
 * configuration leaks some KiB, so try without first where that may happen again and again
 * Errors: AEP_ECONFIG names the property, if librdkafka does */
int aep__client_new(rd_kafka_t **ret, rd_kafka_type_t type, rd_kafka_conf_t *conf,
                    rd_kafka_interceptor_f_on_new_t *on_new, void *user, aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A client's handles of the topics that are read (track/reading.h). Elsewhere each is known by its
 * index. */
#ifndef AEP_TRACK_SOURCE_KAFKA_TOPICS_H
#define AEP_TRACK_SOURCE_KAFKA_TOPICS_H

#include "track/reading.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>

struct aep__source_topics {
    rd_kafka_topic_t *list[AEP__READING_TOPICS_MAX];
    bool spare[AEP__READING_TOPICS_MAX]; /* as track/reading.h has it */
    size_t count;
};

/** Makes a client's handles of them; what is made is kept on an error, too.
 * Errors: AEP_ECONFIG names the option; AEP_ENOMEM */
int aep__source_topics_add(struct aep__source_topics *topics, rd_kafka_t *rk,
                           const aep_config *config, aep_error *err);
/** The same topics of another client. Errors: AEP_ENOMEM */
int aep__source_topics_copy(struct aep__source_topics *topics, rd_kafka_t *rk,
                            const struct aep__source_topics *like, aep_error *err);
void aep__source_topics_done(struct aep__source_topics *topics);

/** Whether an error of a topic means that it may not be read, and need not be. */
bool aep__source_topics_spares(const struct aep__source_topics *topics, unsigned topic,
                               rd_kafka_resp_err_t error);
const char *aep__source_topics_name(const struct aep__source_topics *topics, unsigned topic);
/** The index of the name; their count: it is none of them. */
unsigned aep__source_topics_find(const struct aep__source_topics *topics, const char *name);

#endif

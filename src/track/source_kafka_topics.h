/* SPDX-License-Identifier: Apache-2.0 */
/* The topics that are read: those of the four kinds, the single one, and track.topics. Elsewhere each is
 * known by its index. */
#ifndef AEP_TRACK_SOURCE_KAFKA_TOPICS_H
#define AEP_TRACK_SOURCE_KAFKA_TOPICS_H

#include "aep/aep.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>

#define AEP__SOURCE_TOPICS_MAX 128

struct aep__source_topics {
    rd_kafka_topic_t *list[AEP__SOURCE_TOPICS_MAX];
    size_t count;
};

/** Makes a client's handles of them; what is made is kept on an error, too.
 * @more  the names of others, with commas or blanks between them
 * Errors: AEP_ECONFIG one of them is no topic's name, or there are too many; AEP_ENOMEM */
int aep__source_topics_add(struct aep__source_topics *topics, rd_kafka_t *rk, const char *more,
                           aep_error *err);
/** The same topics of another client. Errors: AEP_ENOMEM */
int aep__source_topics_copy(struct aep__source_topics *topics, rd_kafka_t *rk,
                            const struct aep__source_topics *like, aep_error *err);
void aep__source_topics_done(struct aep__source_topics *topics);

const char *aep__source_topics_name(const struct aep__source_topics *topics, unsigned topic);
/** The index of the name; their count: it is none of them. */
unsigned aep__source_topics_find(const struct aep__source_topics *topics, const char *name);

#endif

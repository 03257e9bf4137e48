/* SPDX-License-Identifier: Apache-2.0 */
/* What is the matter with the Kafka source. */
#ifndef AEP_TRACK_SOURCE_KAFKA_TROUBLE_H
#define AEP_TRACK_SOURCE_KAFKA_TROUBLE_H

#include "base/log.h"

#include <librdkafka/rdkafka.h>
#include <stdint.h>

struct aep__source_trouble {
    struct aep__log *log; /* borrowed */
    int64_t problem_us;   /* wall clock: since when there is one */
    char problem[256];    /* why Kafka cannot be read; "": it can */
    char topic[256];      /* the same of a topic, while the others are read; "" */
    char hint[256];       /* the last server that could not be reached, and why */
};

void aep__source_trouble_set(struct aep__source_trouble *trouble, const char *problem);
/** Kafka did not answer: what is known of its servers says more than `problem`. */
void aep__source_trouble_silent(struct aep__source_trouble *trouble, const char *problem);
void aep__source_trouble_clear(struct aep__source_trouble *trouble);
/** A topic cannot be read. */
void aep__source_trouble_of_topic(struct aep__source_trouble *trouble, const char *topic,
                                  const char *why);
/** Takes an error that librdkafka tells of. */
void aep__source_trouble_take(struct aep__source_trouble *trouble, rd_kafka_event_t *event);

#endif

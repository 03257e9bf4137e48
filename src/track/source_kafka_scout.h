/* SPDX-License-Identifier: Apache-2.0 */
/* The scout: asks Kafka which partitions there are and where they begin and end, in a thread of its own,
 * since librdkafka waits for such answers.
 *
 *     ask ─▶ thread: cluster's id ▶ topics' partitions ▶ their offsets ─▶ report ─▶ descriptor ─▶ take
 *
 * A round comes every second, and at once when one is asked for. The scout has a client of its own, since a
 * broker answers each connection in order, and a fetch waits for news. */
#ifndef AEP_TRACK_SOURCE_KAFKA_SCOUT_H
#define AEP_TRACK_SOURCE_KAFKA_SCOUT_H

#include "track/source_kafka_topics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEP__SCOUT_CLUSTER 64 /* bytes of a cluster's id */

/** A partition and its offsets. */
struct aep__bounds {
    unsigned topic; /* its index */
    int32_t id;
    int64_t begin, end;
    int64_t since; /* of the first event not older than the scout's since_us; end: none is */
};

enum aep__topic_state { AEP__TOPIC_PRESENT, AEP__TOPIC_MISSING, AEP__TOPIC_UNCLEAR };

/** What a round found. */
struct aep__scouting {
    uint64_t round;
    int64_t began_us;      /* wall clock */
    int64_t began_mono_us; /* monotonic */
    char cluster[AEP__SCOUT_CLUSTER];
    char problem[256];             /* why Kafka did not answer; "": it did */
    char trouble[256];             /* why a topic or partition is left out; "": none is */
    enum aep__topic_state *topics; /* each one's */
    struct aep__bounds *list;
    size_t count;
};

void aep__scouting_done(struct aep__scouting *scouting);

struct aep__scout;

/** Starts the thread.
 * @rk        a consumer that does nothing else; owned from now on, even on an error
 * @like      the topics, of another client
 * @event_fd  an eventfd, which is rung with each report; borrowed
 * Errors: AEP_ENOMEM */
int aep__scout_start(struct aep__scout **ret, rd_kafka_t *rk, const struct aep__source_topics *like,
                     int64_t since_us, int event_fd, aep_error *err);
/** Waits for the round that is under way, 2 s at most. */
void aep__scout_stop(struct aep__scout *scout);
/** Asks for a round that begins from now on; returns its number. */
uint64_t aep__scout_ask(struct aep__scout *scout);
/** The newest report, once; false: none has come. Free it. */
bool aep__scout_take(struct aep__scout *scout, struct aep__scouting *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A source: Kafka's topics, each partition read from where the store says that it was read to. Offsets are
 * stored with the rows, so each store reads everything; trackers that share one share the partitions
 * (source_kafka_group.h).
 *
 *     kafka:CLUSTER:TOPIC:PARTITION    the offset of the next event, and the time of the one before
 *     kafka                            up to when everything has been read
 *
 * The first time a partition is read from track.backfill ago. Nothing here waits for Kafka. */
#ifndef AEP_TRACK_SOURCE_KAFKA_H
#define AEP_TRACK_SOURCE_KAFKA_H

#include "base/log.h"
#include "config/config.h"
#include "track/ingest.h"

#include <stdbool.h>
#include <stdint.h>

struct aep__source_kafka;

/** Makes the client, which connects by itself.
 * @config, @log  borrowed
 * @place         the path of the files that belong to the store on this machine; borrowed
 * Errors: AEP_ECONFIG names the option; AEP_ENOMEM, AEP_EIO */
int aep__source_kafka_open(struct aep__source_kafka **ret, const aep_config *config,
                           const char *place, struct aep__log *log, aep_error *err);
void aep__source_kafka_close(struct aep__source_kafka *source);

/** Forgets the positions: they are the store's, which may be another one next time. */
void aep__source_kafka_rewind(struct aep__source_kafka *source);
/** A transaction begins, and the one before it has been committed. */
void aep__source_kafka_turn(struct aep__source_kafka *source);
/** Takes at most `most` events into the store, within its transaction, and puts the positions. Sets how
 * many, and whether that was all there is for now. Errors: the store's; roll back and rewind then. */
int aep__source_kafka_read(struct aep__source_kafka *source, struct aep__ingest *ingest,
                           unsigned most, unsigned *ret_count, bool *ret_end, aep_error *err);
/** Puts up to when everything has been read, within a transaction. Errors: the store's */
int aep__source_kafka_note(struct aep__source_kafka *source, struct aep__store *store,
                           aep_error *err);

/** Asks Kafka for where the partitions end now: until then it is awaited. */
void aep__source_kafka_ask(struct aep__source_kafka *source);
/** Whether what was asked for has not been read yet, and Kafka answers. */
bool aep__source_kafka_awaited(const struct aep__source_kafka *source);
/** Readable when there may be something to read. */
int aep__source_kafka_fd(const struct aep__source_kafka *source);
/** Takes note that it was. */
void aep__source_kafka_drain(struct aep__source_kafka *source);

struct aep__kafka_status {
    const char *servers;
    int64_t as_of_us;    /* the wall clock up to which everything has been read; 0: not known */
    int64_t problem_us;  /* since when there is one */
    const char *problem; /* why Kafka cannot be read; "": it can */
    const char *trouble; /* the same of a topic, while the others are read; "" */
    uint64_t missed;     /* events that retention had removed before they were read */
};
void aep__source_kafka_status(const struct aep__source_kafka *source,
                              struct aep__kafka_status *ret);

struct aep__kafka_partition {
    const char *topic;
    int32_t id;
    int64_t next, end; /* offsets: what is read next, where the partition ended when asked last */
};
/** The partitions, from 0 on; false: there is none of that number. */
bool aep__source_kafka_partition(const struct aep__source_kafka *source, size_t number,
                                 struct aep__kafka_partition *ret);

#endif

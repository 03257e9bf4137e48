/* SPDX-License-Identifier: Apache-2.0 */
/* The partitions that the Kafka source reads, each from where the store says that it was read to:
 *
 *     found by the scout ─▶ started ─▶ read ──▶ out of range, or no longer there
 *              ▲                                        │
 *              └── a round that began after that ◀──────┘
 *
 * What retention has removed before it was read is counted as missed. A topic that has been deleted and
 * made again is read from its beginning: its end is before the position, or the event before the position
 * is another one than it was. */
#ifndef AEP_TRACK_SOURCE_KAFKA_PARTITION_H
#define AEP_TRACK_SOURCE_KAFKA_PARTITION_H

#include "base/log.h"
#include "track/merge.h"
#include "track/source_kafka_group.h"
#include "track/source_kafka_scout.h"
#include "track/source_kafka_trouble.h"
#include "track/store.h"

struct aep__partition {
    unsigned topic;
    int32_t id;
    bool ours; /* else another tracker of the store reads it, and `next` is how far that is */
    struct aep__lane *lane; /* what has been fetched from `next` on; NULL: it is not read */
    bool fetches;           /* librdkafka fetches more of it */
    bool checks; /* the event before `next` is to come first: it shows that the topic is the same */
    bool barred; /* it may not be read, and need not be: it is tried now and then */
    bool dirty;  /* `next` has to be put */
    bool anew;   /* the topic has been made again */
    uint64_t after;  /* it starts with a report of that round or later */
    int64_t next;    /* offset of the next event; what is stored, or will be with the transaction */
    int64_t stamp;   /* milliseconds, of the event before; 0: not known */
    int64_t end;     /* as the scout said */
    int64_t mark;    /* `next`, */
    int64_t mark_us; /* at that time (monotonic) */
    uint64_t turn;   /* in which the store agreed to `next` */
    int64_t told;    /* offset that the group knows */
};

/** Zero it, and set what is borrowed. */
struct aep__partitions {
    struct aep__log *log;                    /* borrowed, */
    const struct aep__source_topics *topics; /* as are these, */
    rd_kafka_queue_t *events;                /* where what is fetched comes, */
    struct aep__scout *scout;
    struct aep__source_trouble *trouble; /* and this */
    struct aep__source_group *group;     /* NULL: all are ours */
    struct aep__merge merge;             /* of what has been fetched */
    uint64_t turn;                       /* the transaction's number */
    int64_t told_us;                     /* when the group was told (monotonic) */
    struct aep__partition *list;
    size_t count;
    char cluster[AEP__SCOUT_CLUSTER];
    uint64_t round;  /* the scout's newest */
    uint64_t wanted; /* the scout's round that is waited for */
    uint64_t missed; /* events that retention had removed before they were read */
    uint64_t untold; /* of these, not yet counted in the store */
};

/** Takes a report: starts what is new, passes what has been removed, forgets topics that are gone.
 * Errors: the store's */
int aep__partitions_take(struct aep__partitions *partitions, const struct aep__scouting *report,
                         struct aep__store *store, aep_error *err);
/** Takes what the group has told: stops those that are no longer ours; the others come with the next
 * report. Errors: the store's */
int aep__partitions_share(struct aep__partitions *partitions, struct aep__store *store,
                          aep_error *err);
/** Looks how far those have been read that are not ours. Errors: the store's */
int aep__partitions_refresh(struct aep__partitions *partitions, struct aep__store *store,
                            aep_error *err);
/** A transaction begins, and the one before it is stored: tells the group, now and then. */
void aep__partitions_turn(struct aep__partitions *partitions);
/** Whether the store still stands where we are, once in each transaction: another tracker may have read on,
 * if we were thought to be dead. If not, it starts again from there. 1, 0, -1: *err */
int aep__partition_confirm(struct aep__partitions *partitions, struct aep__partition *partition,
                           struct aep__store *store, aep_error *err);
/** Puts the positions that have moved, within a transaction. Errors: the store's */
int aep__partitions_put(struct aep__partitions *partitions, struct aep__store *store,
                        aep_error *err);
/** Stops all and forgets their positions. */
void aep__partitions_forget(struct aep__partitions *partitions);
void aep__partitions_done(struct aep__partitions *partitions);

/** NULL: it is not known. */
struct aep__partition *aep__partitions_find(struct aep__partitions *partitions, const char *topic,
                                            int32_t id);
/** The one that has the lane. */
struct aep__partition *aep__partitions_of(struct aep__partitions *partitions,
                                          const struct aep__lane *lane);
/** Has librdkafka fetch what comes after its lane, or no more; it may be that already. */
void aep__partition_fetch(struct aep__partitions *partitions, struct aep__partition *partition,
                          bool fetches);
/** It goes on at an offset; the event before that has the stamp. */
void aep__partition_move(struct aep__partition *partition, int64_t next, int64_t stamp);
/** It stops, to be started by a round that begins after now. */
void aep__partition_restart(struct aep__partitions *partitions, struct aep__partition *partition);
/** It stops, since it may not be read: whether all has been read does not depend on it. */
void aep__partition_bar(struct aep__partitions *partitions, struct aep__partition *partition);
/** Whether its event at an offset is one that has been fetched before: the one before the position comes
 * first, and shows whether it is still the topic that was read. */
bool aep__partition_check(struct aep__partitions *partitions, struct aep__partition *partition,
                          int64_t offset, int64_t stamp);
/** Whether all have been read up to where they ended by the last report. */
bool aep__partitions_ended(const struct aep__partitions *partitions);

#endif

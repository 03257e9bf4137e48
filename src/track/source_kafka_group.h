/* SPDX-License-Identifier: Apache-2.0 */
/* The consumer group of the trackers that share a store: it says which of them reads which partition. Its
 * client fetches nothing: partitions are read from where the store says that they were read to, and
 * offsets are committed to the group only for tools that show its lag.
 *
 *     group.id            aep-tracker-IDENTITY, of the store
 *     group.instance.id   HOST-DIGEST, of this tracker's place: its successor gets its partitions at
 *                         once; those of a host that is gone go to others after SESSION_MS */
#ifndef AEP_TRACK_SOURCE_KAFKA_GROUP_H
#define AEP_TRACK_SOURCE_KAFKA_GROUP_H

#include "config/config.h"
#include "track/source_kafka_topics.h"

#include <stdbool.h>
#include <stdint.h>

struct aep__source_group;

/** Joins it, in the background.
 * @identity  the store's
 * @place     the path of the files that belong to it on this machine
 * @event_fd  an eventfd, which is rung when there is news; borrowed
 * Errors: AEP_ECONFIG names the option; AEP_ENOMEM */
int aep__group_join(struct aep__source_group **ret, const aep_config *config, const char *identity,
                    const char *place, const struct aep__source_topics *topics, int event_fd,
                    aep_error *err);
void aep__group_leave(struct aep__source_group *group);
/** Takes its news; true: which partitions are ours has changed. */
bool aep__group_look(struct aep__source_group *group);
bool aep__group_owns(const struct aep__source_group *group, const char *topic, int32_t id);
/** Why it cannot be joined; "": it can. */
const char *aep__group_problem(const struct aep__source_group *group);
const char *aep__group_id(const struct aep__source_group *group);

/** Notes an offset to commit, then commits those that were noted, in the background. */
void aep__group_note(struct aep__source_group *group, const char *topic, int32_t id,
                     int64_t offset);
void aep__group_commit(struct aep__source_group *group);

#endif

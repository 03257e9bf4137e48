/* SPDX-License-Identifier: Apache-2.0 */
/* What a tracker reads, as its options say: which sources, and which topics of Kafka. A reader whose options
 * say otherwise can learn so. */
#ifndef AEP_TRACK_READING_H
#define AEP_TRACK_READING_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

#define AEP__READING_TOPICS_MAX 128

/** What the consumer group of a store is called, before the store's identity. */
#define AEP__READING_GROUP "aep-tracker-"

/** Whether track.sources has the word ("spool", "kafka") or, unset, the mode implies it. */
bool aep__reading_wants(const aep_config *config, const char *source);

struct aep__reading_topics {
    char *list[AEP__READING_TOPICS_MAX]; /* no two are the same */
    bool spare[AEP__READING_TOPICS_MAX]; /* of the topic.layout that is not in use, and not in
                                            track.topics: nothing is missed where it may not be read */
    size_t count;
    size_t own; /* the first of these are aep's; the rest those of track.topics */
};

/** The topics of the four kinds, the single one, and those of track.topics. Free them, on an error too.
 * Errors: AEP_ECONFIG one of them is no topic's name, or there are too many; AEP_ENOMEM */
int aep__reading_topics(struct aep__reading_topics *ret, const aep_config *config, aep_error *err);
void aep__reading_topics_done(struct aep__reading_topics *topics);

/** What is read, in a line that another process can compare with its own; no secrets.
 * @asks  of a reader: a source that neither track.sources nor the mode is about is left open */
void aep__reading_settings(const aep_config *config, bool asks, struct aep__buf *out);
/** Names what differs between the tracker's line and the one that is asked about; false: nothing does. */
bool aep__reading_differs(const char *settings, const char *asked, char *names, size_t size);

#endif

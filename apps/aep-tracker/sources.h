/* SPDX-License-Identifier: Apache-2.0 */
/* What a tracker reads: the spools of its configuration and its readers, and what appears beside them;
 * and Kafka. Each is read from where the store stands to its end, again and again. */
#ifndef AEP_APP_TRACKER_SOURCES_H
#define AEP_APP_TRACKER_SOURCES_H

#include "base/log.h"
#include "config/config.h"
#include "track/source_kafka.h"
#include "track/source_spool.h"

#include <poll.h>

struct aep__sources {
    struct aep__log *log;     /* borrowed */
    struct aep__store *store; /* borrowed, while it looks for spools */
    char **owns; /* spools' folders, which need not be there: they and what is beside them */
    size_t own_count;
    struct aep__source_spool **list;
    size_t count;
    bool spools;                     /* they are read */
    struct aep__source_kafka *kafka; /* NULL: it is not read, */
    char kafka_problem[384];         /* because of this, unless it is "" */
    int watch_fd;                    /* inotify: something has appeared beside them; -1: none */
    int64_t look_us;                 /* monotonic: when to look for spools again */
    int64_t lively_us;               /* until then more often */
    int64_t listen_us;               /* when to listen to watch_fd again */
};

void aep__sources_init(struct aep__sources *sources, struct aep__log *log);
void aep__sources_done(struct aep__sources *sources);
/** Begins with what track.sources says. */
void aep__sources_begin(struct aep__sources *sources, const aep_config *config, const char *place);
/** Has this spool and those beside it read too. Errors: AEP_ENOMEM */
int aep__sources_add(struct aep__sources *sources, const char *own, aep_error *err);

/** Opens what is new, and forgets what has been removed. */
void aep__sources_look(struct aep__sources *sources, struct aep__store *store);
/** Closes all, since the store does not stand where they do. */
void aep__sources_close(struct aep__sources *sources);
/** Takes events of all of them into the store, within its transaction: at most so many, and for at
 * most a tenth of a second. Sets how many there were, and whether each one's end was reached. Errors: the store's; close them then. */
int aep__sources_read(struct aep__sources *sources, struct aep__ingest *ingest, unsigned most,
                      unsigned *ret_count, bool *ret_end, aep_error *err);
/** The wall clock up to which all that they held has been read; 0: some have not been read yet.
 * @now_us  what it is where there are none */
int64_t aep__sources_as_of(const struct aep__sources *sources, int64_t now_us);

/** Notes up to when each was read, within a transaction. Errors: the store's. */
int aep__sources_note(struct aep__sources *sources, struct aep__store *store, aep_error *err);

/** Somebody wants all that they hold now: whether that is so has to be asked of Kafka. */
void aep__sources_ask(struct aep__sources *sources);
/** Whether there is no answer yet, or it has not been read; what is there for now has been. */
bool aep__sources_awaited(const struct aep__sources *sources);
/** Why the sources cannot all be read up to now; NULL: they can. */
const char *aep__sources_behind(const struct aep__sources *sources);

/** What poll(2) is to watch for them: at most aep__sources_polls_max() entries; their number. */
size_t aep__sources_polls_max(const struct aep__sources *sources);
size_t aep__sources_polls(const struct aep__sources *sources, struct pollfd *polls);
/** Whether there may be something to read; takes note of it. */
bool aep__sources_polled(struct aep__sources *sources, const struct pollfd *polls, size_t count);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The tracker: the only writer of a store.
 *
 *     signals, spools, readers ─ poll(2) ─▶ turn: look for spools ▶ read a batch ▶ commit ▶ tell readers ▶ retention
 *
 * One thread. What a turn reads is one transaction, with the positions up to which it was read: killed
 * at whatever instant, the next tracker goes on where the store stands. */
#ifndef AEP_APP_TRACKER_TRACKER_H
#define AEP_APP_TRACKER_TRACKER_H

#include "keeping.h"
#include "server.h"
#include "sources.h"
#include "writer.h"

#include "base/log.h"
#include "config/config.h"
#include "serve/serve.h"
#include "upgrade/successor.h"

/* What it leaves to the program that it becomes. */
#define AEP__TRACKER_LOCK_LEFT "aep-tracker.lock"
#define AEP__TRACKER_HTTP_LEFT "aep-tracker.http"

struct aep__tracker {
    const aep_config *config; /* borrowed */
    const char *path;         /* of the store, or of the files of one elsewhere; borrowed */
    struct aep__buf name;     /* of the store, in messages */
    int dir_fd, lock_fd, signal_fd;
    struct aep__log log;
    struct aep__writer writer;
    struct aep__sources sources;
    struct aep__server server;
    struct aep__keeping keeping;
    struct pollfd *polls;
    size_t polls_max;
    uint64_t events;          /* taken since it began */
    int64_t as_of_us;         /* wall clock: everything up to then is stored; 0: not known */
    int64_t active_us;        /* monotonic: the last news or reader */
    int64_t looked_us;        /* at what happens only now and then */
    int64_t turn_us;          /* when the last turn began */
    bool more;                /* there is more to read */
    bool dirty;               /* there may be */
    bool unindexed;           /* the store may have texts that its index does not have */
    int64_t index_us;         /* monotonic: when to index more of them */
    struct aep__serve *serve; /* NULL: it runs in the background */
    int64_t spools_us;        /* monotonic: when the server was told which spools there are */
    const char *ending;       /* why it ends; NULL: it does not */
    struct aep__successor successor;
    int http_fd; /* left to its successor; -1: it has none, or does not serve */
};

/** Takes the store: its lock, its socket. AEP_ESTATE: another one has the lock. On an error there is
 * nothing to end.
 * @lock_fd  that this process held as another program; closed if it is another store's; -1: none
 * @serve  takes over a server, which begins to answer; NULL: it runs in the background. With AEP_ESTATE it
 *         stays the caller's
 * Other errors: AEP_EIO, AEP_ECONFIG, AEP_ENOMEM */
int aep__tracker_take(struct aep__tracker *tracker, const aep_config *config, const char *store,
                      int lock_fd, struct aep__serve *serve, aep_error *err);
/** Runs it to its end. If another program has taken the place of its own, becomes that one instead of
 * returning.
 * @settings  passed on to that; NULL: it finds its own */
void aep__tracker_go(struct aep__tracker *tracker, const aep_config *settings);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The server's own state, all of it its thread's but for what `mutex` guards. */
#ifndef AEP_SERVE_INSIDE_H
#define AEP_SERVE_INSIDE_H

#include "serve/access.h"
#include "serve/feed.h"
#include "serve/http.h"
#include "serve/serve.h"
#include "serve/states.h"

#include "track/meter.h"
#include "track/row.h"
#include "track/store.h"

#include <pthread.h>
#include <stdatomic.h>

#define AEP__ETAG_SIZE 64

struct aep__serve {
    struct aep__buf where, address, link;
    struct aep__access access;
    struct aep__http http;
    struct aep__feed feed;
    int listen_fd, bell_fd;
    int listener; /* the same, which http has closed once this ends */
    pthread_t thread;
    bool started;
    atomic_bool ending;

    pthread_mutex_t mutex;
    struct aep__serve_news told; /* under the mutex */
    struct aep__buf told_spools;

    struct aep__serve_news news; /* as it was when this turn began */
    struct aep__buf spools;
    struct aep__store *store;      /* NULL: not open */
    unsigned store_number;         /* how often another one was opened */
    aep_error trouble;             /* why it cannot be; AEP_OK: it can */
    int64_t retry_us;              /* monotonic: not opened before then */
    struct aep__row_fields fields; /* all */
    struct aep__states states;
    struct aep__meter meter; /* of the tracker's thread, with a lock of its own */
};

/** The store, opened if it is not, or if another one has its name; NULL: *err says why not. */
struct aep__store *aep__serve_store(struct aep__serve *serve, aep_error *err);
/** Why nothing can be stored or read; "": it can. */
const char *aep__serve_problem(const struct aep__serve *serve);
/** From when executions are seen. */
struct aep__view aep__serve_view(const struct aep__serve *serve);
int64_t aep__serve_lag_ms(const struct aep__serve *serve);
/** Begins an object with "as_of" and "lag_ms", and a comma. */
void aep__serve_add_head(const struct aep__serve *serve, struct aep__buf *out);
/** What changes with the store, the states, the query and that moment, and nothing else. AEP_OK, or the store's. */
int aep__serve_etag(struct aep__serve *serve, struct aep__store *store, const char *target,
                    int64_t moment, char etag[AEP__ETAG_SIZE], aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Silence: executions that have come to be in another state by the clock alone. */
#ifndef AEP_SERVE_SILENCE_H
#define AEP_SERVE_SILENCE_H

#include "serve/feed.h"

#include "track/store.h"

/** Notes those that are stalled now. Errors: the store's */
int aep__silence_begin(struct aep__feed *feed, struct aep__store *store, aep_error *err);
/** Shows those that are stalled now and were not, and those that were and are not. Errors: the store's */
int aep__silence_look(struct aep__feed *feed, struct aep__store *store, aep_error *err);
void aep__silence_done(struct aep__feed *feed);

/** Who waits, of the newest thousand that do. Errors: the store's */
struct aep__waits {
    unsigned human;    /* for an answer or a permission */
    int64_t oldest_us; /* since when the one waits that has waited longest; AEP__UNKNOWN_US: none */
};
int aep__waits_find(struct aep__serve *serve, struct aep__store *store, struct aep__waits *ret,
                    aep_error *err);
/** Appends "states":{…},"needs_you":N: executions by state, and how many wait for a person. */
int aep__states_add(struct aep__buf *out, struct aep__serve *serve, struct aep__store *store,
                    aep_error *err);

#endif

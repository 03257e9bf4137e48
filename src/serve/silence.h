/* SPDX-License-Identifier: Apache-2.0 */
/* Silence: executions that are in another state than before by the clock alone. */
#ifndef AEP_SERVE_SILENCE_H
#define AEP_SERVE_SILENCE_H

#include "serve/feed.h"
#include "serve/stream.h"

#include "track/store.h"

/** Shows those whose state has changed since the clock was at feed->clock_us; where there are too many,
 * everything is to be read again. Errors: the store's */
int aep__silence_look(struct aep__feed *feed, struct aep__store *store, aep_error *err);
/** Shows one that has come back all that are silent: when they became so is in no change. False: there are
 * too many, or the store cannot be read. */
bool aep__silence_replay(struct aep__stream *stream, struct aep__store *store);

#endif

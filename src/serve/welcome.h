/* SPDX-License-Identifier: Apache-2.0 */
/* The welcome: what a stream begins with: hello; then, for one that has come back, what it has missed,
 * or a reset. */
#ifndef AEP_SERVE_WELCOME_H
#define AEP_SERVE_WELCOME_H

#include "serve/stream.h"

struct aep__store;

/** @store    NULL: it cannot be read
 * @last_id  from where on it wants changes; NULL: from now on */
void aep__welcome(struct aep__stream *stream, struct aep__store *store, const char *last_id);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Renewal: when the relay makes its client anew, in the same process, from the cursor on.
 *
 *     broken    a fatal error                                  after a second
 *     refused   login or TLS failed, or no client can be made  when what the settings rest on has
 *                                                              changed; else once a minute
 *     away      not connected, for whatever reason             when it has changed
 *
 * What they rest on: their values, and what is in the files that they name (settings.h). A client
 * reads those once, when it is made. */
#ifndef AEP_RELAY_RENEWAL_H
#define AEP_RELAY_RENEWAL_H

#include "aep/aep.h"

#include <stdbool.h>
#include <stdint.h>

struct aep__relay;

struct aep__renewal {
    bool broken;
    int64_t looked_us, tried_us; /* for a change; to make one. Monotonic */
};

/** Makes the first client. A relay in the foreground fails where none can be made; another one lives
 * on without, so that publishers do not start one after the other.
 * Errors: AEP_ECONFIG names the property; AEP_ENOMEM */
int aep__renewal_begin(struct aep__relay *relay, aep_error *err);
/** The client has failed for good. */
void aep__renewal_broken(struct aep__relay *relay);
/** Renews the client if it is time for that. Once in each turn. */
void aep__renewal_step(struct aep__relay *relay);

#endif

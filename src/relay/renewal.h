/* SPDX-License-Identifier: Apache-2.0 */
/* Renewal: when the relay replaces its client, in the same process, and continues from the cursor.
 *
 *     broken    a fatal error                                  after a second
 *     refused   login or TLS failed, or no client can be made  when what the settings rest on has
 *                                                              changed; else once a minute, unless
 *                                                              another broker still takes events
 *     away      not connected, for whatever reason             when it has changed
 *
 * What the settings rest on: their values, and the contents of the files that they name (settings.h).
 * A client reads those files once, when it is made. */
#ifndef AEP_RELAY_RENEWAL_H
#define AEP_RELAY_RENEWAL_H

#include "aep/aep.h"

#include <stdbool.h>
#include <stdint.h>

struct aep__relay;

struct aep__renewal {
    bool broken;
    int64_t looked_us, tried_us; /* last look for a change, last try to make a client; monotonic */
    int64_t acked_us;            /* last acknowledgement */
};

/** Makes the first client. If that fails, the relay runs on without one, so that neither publishers nor
 * a service manager start one relay after another. Errors: AEP_ENOMEM */
int aep__renewal_begin(struct aep__relay *relay, aep_error *err);
/** The client has failed for good. */
void aep__renewal_broken(struct aep__relay *relay);
/** Renews the client if it is time to. Call it once per turn. */
void aep__renewal_step(struct aep__relay *relay);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The state of an accepted event, in a word and in JSON. */
#ifndef AEP_APP_RECEIPT_H
#define AEP_APP_RECEIPT_H

#include "aep/aep.h"
#include "session.h"

#include "base/buf.h"

/** The state for what aep_publisher_wait() returned: acked (in local mode spooled: there is nobody
 * to acknowledge), deferred, parked, dead, failed. */
const char *aep__receipt_state(const struct aep__session *session, int code);
/** Appends `"event_id":"…","correlation_id":"…","state":"…","segment":N,"offset":N`. */
void aep__receipt_add(struct aep__buf *out, const aep_receipt *receipt, const char *state);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* An event's way from the caller to the disk. */
#ifndef AEP_CLIENT_PUBLISH_H
#define AEP_CLIENT_PUBLISH_H

#include "client/publisher.h"
#include "event/envelope.h"
#include "event/facts.h"
#include "event/trace.h"

/** What to publish: one of the two. */
struct aep__input {
    const struct aep__facts *facts; /* of the four kinds */
    const aep_event *any;
};

/** What became of it. */
struct aep__sent {
    aep_position position;
    uint64_t spool;
    char event_id[AEP_ID_SIZE];
    char correlation_id[AEP_CORRELATION_ID_SIZE];
    char session_id[AEP_CORRELATION_ID_SIZE];
    char traceparent[AEP__TRACEPARENT_SIZE]; /* of the header; a longer one is cut */
    int64_t timestamp_us;
};

/** Builds, appends, rings; looks for a relay, whether or not the event was accepted. What that leaves
 * to be done is aep__publish_end()'s. With events disabled it only makes ids.
 * Errors: as aep_publish_started() */
int aep__publish(aep_publisher *pub, const struct aep__input *input, struct aep__sent *ret,
                 aep_error *err);

/** Counts an event that is refused before it is built, and looks for a relay, as above. Returns
 * code. */
int aep__publish_refused(aep_publisher *pub, int code);

/** What follows them once no lock is held, a run's included: starts the relay that was found missing,
 * and runs the log callback, which may publish. Returns code. */
int aep__publish_end(aep_publisher *pub, int code);

/** Fills a caller's receipt, which may be NULL. */
void aep__receipt_fill(aep_receipt *receipt, const struct aep__sent *sent);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* An event's way from the caller to the disk. */
#ifndef AEP_CLIENT_PUBLISH_H
#define AEP_CLIENT_PUBLISH_H

#include "client/publisher.h"
#include "event/envelope.h"
#include "event/facts.h"
#include "event/trace.h"

/** Does something around the append of an event, under the process's lock: notes in the roll that an
 * execution starts or ends. */
struct aep__witness {
    /** The event is ready to be appended. Errors: it is refused */
    int (*before)(void *user, struct aep__process *process, const struct aep__envelope *envelope,
                  aep_error *err);
    /** It was appended (AEP_OK), was not, or perhaps was (AEP_EIO). Only after a before() that returned
     * AEP_OK. */
    void (*after)(void *user, struct aep__process *process, int result);
};

/** What to publish: one of the two. */
struct aep__input {
    const struct aep__facts *facts; /* of the four kinds */
    const aep_event *any;
    const struct aep__witness *witness; /* NULL: none */
    void *user;                         /* the witness's */
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

/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay tells of itself: the status file, and statistics as JSON over the control socket. */
#ifndef AEP_RELAY_REPORT_H
#define AEP_RELAY_REPORT_H

#include "base/buf.h"
#include "spool/status.h"

struct aep__relay;

struct aep__report {
    int fd; /* -1: none could be made yet */
    struct aep__status status;
};

/** As soon as the lock is held: opens the status file, on a full disk again with each write, and
 * takes back what the last relay said of the broker. */
void aep__report_start(struct aep__relay *relay);
void aep__report_done(struct aep__relay *relay);
/** Writes status and counters. */
void aep__report_write(struct aep__relay *relay);
/** Writes only that it cannot work, and why: for a relay that ends before it began. */
void aep__report_failure(const struct aep__spool *spool, const char *reason);
/** Appends the statistics, a JSON object. */
void aep__report_json(struct aep__relay *relay, struct aep__buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay reports: the status file, and statistics as JSON over the control socket. */
#ifndef AEP_RELAY_REPORT_H
#define AEP_RELAY_REPORT_H

#include "base/buf.h"
#include "spool/status.h"

struct aep__relay;

struct aep__report {
    int fd; /* -1: none could be made yet */
    struct aep__status status;
};

/** Once the lock is held: opens the status file (on a full disk, again at each write) and withdraws
 * what the last relay reported of the broker. */
void aep__report_start(struct aep__relay *relay);
void aep__report_done(struct aep__relay *relay);
/** Writes status and counters. */
void aep__report_write(struct aep__relay *relay);
/** Writes only that the relay cannot work, and why, if it ends before it has started. */
void aep__report_failure(const struct aep__spool *spool, const char *reason);
/** Appends the statistics, a JSON object. */
void aep__report_json(struct aep__relay *relay, struct aep__buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's log: relay.log in the spool folder, and relay.log.1 with the older lines. A repeated
 * line is written once per interval, with the number of times it was suppressed.
 *
 *     2025-11-13T14:30:00.123456Z 4711 warning topic x is missing: its records are parked
 *
 * It writes nothing secret: the library's own texts contain no passwords. Never fails; blocks only
 * on the local disk. */
#ifndef AEP_RELAY_LOG_H
#define AEP_RELAY_LOG_H

#include "spool/spool.h"

#define AEP__LOG_MEMORY 32 /* different lines whose repetition is noticed */

struct aep__log_seen {
    uint64_t hash;
    int64_t until_us;
    unsigned left_out;
};

struct aep__log {
    const struct aep__spool *spool; /* borrowed; NULL: to standard error only */
    int fd;
    bool to_stderr;
    struct aep__log_seen seen[AEP__LOG_MEMORY];
};

void aep__log_init(struct aep__log *log, const struct aep__spool *spool, bool to_stderr);
void aep__log_done(struct aep__log *log);
void aep__log_write(struct aep__log *log, enum aep_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a program in the background: relay.log in the spool's folder, tracker.log beside the
 * store, each 256 KiB at most, and NAME.1 with the older lines. A repeated line is written once per
 * interval, with the number of times it was suppressed.
 *
 *     2025-11-13T14:30:00.123456Z 4711 warning topic x is missing: its records are parked
 *
 * It writes nothing secret: the library's own texts contain no passwords. Never fails; blocks only
 * on the local disk. */
#ifndef AEP_BASE_LOG_H
#define AEP_BASE_LOG_H

#include "aep/aep.h"

#include <stdbool.h>
#include <stdint.h>

#define AEP__LOG_NAME_SIZE 256
#define AEP__LOG_MEMORY 32 /* different lines whose repetition is noticed */

struct aep__log_seen {
    uint64_t hash;
    int64_t until_us;
    unsigned left_out;
};

struct aep__log {
    int dir_fd; /* borrowed; -1: to standard error only */
    char name[AEP__LOG_NAME_SIZE], old_name[AEP__LOG_NAME_SIZE + 2];
    int fd;
    bool to_stderr;
    struct aep__log_seen seen[AEP__LOG_MEMORY];
};

void aep__log_init(struct aep__log *log, int dir_fd, const char *name, bool to_stderr);
void aep__log_done(struct aep__log *log);
void aep__log_write(struct aep__log *log, enum aep_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

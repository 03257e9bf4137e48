/* SPDX-License-Identifier: Apache-2.0 */
/* The status file: what the relay reports about itself, the broker and delivery. It is one block
 * with a CRC, written by one pwrite and read by one pread, so that anyone can read it without a
 * connection. */
#ifndef AEP_SPOOL_STATUS_H
#define AEP_SPOOL_STATUS_H

#include "spool/spool.h"

/* Ends the reason while events are ahead of the broker's clock; aep doctor looks for it. */
#define AEP__STATUS_CLOCKS_DIFFER "compare the clocks"
#define AEP__STATUS_STOPPED "is stopped: kill -CONT" /* in the reason while the relay is stopped */
#define AEP__LATENCY_BUCKETS 40                      /* bucket i: up to 2^(i/2) * 32 microseconds */

struct aep__status {
    uint64_t magic;   /* "AEPSTAT1" */
    uint64_t version; /* 1 */
    int64_t written_us;
    int64_t started_us;
    int64_t pid;
    int64_t broker;                    /* enum aep_broker_state */
    int64_t broker_since_us;           /* wall clock */
    uint64_t segment, offset, ordinal; /* acknowledged up to here: the relay's cursor */
    uint64_t in_flight;                /* records handed to librdkafka and not finished */
    uint64_t parked_now;               /* records waiting in parked logs */
    uint64_t dead_now;                 /* records in the dead-letter log */
    uint64_t parked_bytes, dead_bytes;
    uint64_t latency[AEP__LATENCY_BUCKETS]; /* record timestamp → acknowledged */
    char reason[160];                       /* why it is not connected */
    char version_text[64];                  /* aep's and librdkafka's */
};

/** Whether other settings may help the relay that wrote this: login or TLS failed, or no client can
 * be made. */
static inline bool aep__status_refused(const struct aep__status *status)
{
    return status->broker == AEP_BROKER_AUTH_FAILED || status->broker == AEP_BROKER_MISCONFIGURED;
}

/** Whether the relay that wrote this is stopped, by a signal or a debugger. */
bool aep__status_stopped(const struct aep__status *status);

/** Opens the file for aep__status_write(); creates it if needed. -1 with errno. */
int aep__status_open(const struct aep__spool *spool);
/** Fills in magic, version, written_us. -1 with errno. */
int aep__status_write(int fd, struct aep__status *status);
/** Reads the status; retries while it is being written. If the relay is stopped (SIGSTOP), the
 * broker's state is UNKNOWN, and the reason says why. Errors: AEP_ESTATE no status has been
 * written yet. */
int aep__status_read(const struct aep__spool *spool, struct aep__status *ret, aep_error *err);

#endif

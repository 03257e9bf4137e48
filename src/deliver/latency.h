/* SPDX-License-Identifier: Apache-2.0 */
/* Latency from a record's timestamp to its acknowledgement, as a histogram with two buckets per
 * doubling: bucket i holds up to 2^(i/2) * 32 us. */
#ifndef AEP_DELIVER_LATENCY_H
#define AEP_DELIVER_LATENCY_H

#include "spool/status.h"

#include <stdint.h>

struct aep__latency {
    uint64_t buckets[AEP__LATENCY_BUCKETS];
};

void aep__latency_add(struct aep__latency *latency, int64_t latency_us);
/** The upper bound, in microseconds, of the bucket that holds this percentile (0 to 1); 0: no
 * data. */
uint64_t aep__latency_percentile(const uint64_t buckets[AEP__LATENCY_BUCKETS], double share);

#endif

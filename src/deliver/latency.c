/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/latency.h"

#define FIRST_BUCKET_US 32.0

static unsigned find_bucket(int64_t latency_us)
{
    uint64_t units = latency_us <= 32 ? 0 : (uint64_t)(latency_us - 1) / 32; /* ceil - 1 */
    if (units == 0)
        return 0;
    unsigned doublings = 63 - (unsigned)__builtin_clzll(units);
    /* above 2^(d + 1/2)? compare squares: (units / 2^d)^2 against 2 */
    double part = (double)latency_us / FIRST_BUCKET_US / (double)(1ULL << doublings);
    unsigned bucket = doublings * 2 + (part * part > 2.0 ? 2 : 1);
    return bucket < AEP__LATENCY_BUCKETS ? bucket : AEP__LATENCY_BUCKETS - 1;
}

void aep__latency_add(struct aep__latency *latency, int64_t latency_us)
{
    latency->buckets[find_bucket(latency_us)]++;
}

uint64_t aep__latency_percentile(const uint64_t buckets[AEP__LATENCY_BUCKETS], double share)
{
    uint64_t total = 0, below = 0;
    for (unsigned i = 0; i < AEP__LATENCY_BUCKETS; i++)
        total += buckets[i];
    for (unsigned i = 0; i < AEP__LATENCY_BUCKETS; i++) {
        below += buckets[i];
        if (total && (double)below >= share * (double)total) {
            double bound = FIRST_BUCKET_US * (double)(1ULL << i / 2);
            return (uint64_t)(i % 2 ? bound * 1.41421356 : bound);
        }
    }
    return 0;
}

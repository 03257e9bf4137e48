/* SPDX-License-Identifier: Apache-2.0 */
/* Records that left the spool purged or lost, so that they are neither in Kafka nor in a side log:
 * their positions, for waiters that ask later. Only the newest AEP__MISSED_RANGES ranges are
 * kept. */
#ifndef AEP_DELIVER_MISSED_H
#define AEP_DELIVER_MISSED_H

#include "spool/fate.h"

#include <stdint.h>

#define AEP__MISSED_RANGES 256

struct aep__missed_range {
    uint64_t segment, begin, end; /* of the records, whole */
    enum aep__fate fate;
};

struct aep__missed {
    struct aep__missed_range ranges[AEP__MISSED_RANGES];
    uint64_t count; /* ever added; the newest is at count - 1, modulo the capacity */
};

void aep__missed_add(struct aep__missed *missed, struct aep__missed_range range);
/** The fate of the record that ends there; AEP__FATE_ACKED if it is not in any range. */
enum aep__fate aep__missed_fate(const struct aep__missed *missed, uint64_t segment, uint64_t end);

#endif

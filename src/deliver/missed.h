/* SPDX-License-Identifier: Apache-2.0 */
/* Where records stood that left the spool without Kafka or a side log having them: purged or lost.
 * For waiters that ask later; the newest AEP__MISSED_RANGES stretches are remembered. */
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
    uint64_t count; /* ever added; the newest stand at count - 1, modulo the capacity */
};

void aep__missed_add(struct aep__missed *missed, struct aep__missed_range range);
/** What became of the record that ends there; AEP__FATE_ACKED: it is not among them. */
enum aep__fate aep__missed_fate(const struct aep__missed *missed, uint64_t segment, uint64_t end);

#endif

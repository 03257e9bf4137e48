/* SPDX-License-Identifier: Apache-2.0 */
/* Gaps: how long an agent, or one of its tools, usually is silent between two events: the last 200 of
 * a tenant's agent. From them comes its patience: how much silence is nothing unusual. */
#ifndef AEP_TRACK_GAPS_H
#define AEP_TRACK_GAPS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define AEP__GAPS_MAX 200
#define AEP__GAPS_BYTES (4 + AEP__GAPS_MAX * 4)

struct aep__gaps {
    uint16_t count, next; /* a ring */
    uint32_t ms[AEP__GAPS_MAX];
};

/** Gaps below zero count as none. */
void aep__gaps_add(struct aep__gaps *gaps, int64_t gap_us);
/** The 99th percentile, microseconds; -1 with fewer than 20. */
int64_t aep__gaps_usual_us(const struct aep__gaps *gaps);
/** Whether it stays so with another gap; false: perhaps not. */
bool aep__gaps_stays(const struct aep__gaps *gaps, int64_t usual_us, int64_t gap_us);
/** 4 times that, 1 to 30 minutes; 10 minutes with fewer than 20. */
int64_t aep__gaps_patience_us(int64_t usual_us);

void aep__gaps_pack(const struct aep__gaps *gaps, char bytes[AEP__GAPS_BYTES]);
/** What is no ring of gaps becomes an empty one. */
void aep__gaps_unpack(struct aep__gaps *gaps, struct aep__slice bytes);

#endif

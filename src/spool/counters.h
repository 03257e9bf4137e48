/* SPDX-License-Identifier: Apache-2.0 */
/* Counters that survive processes: cumulative numbers in preallocated slots of one file. A process
 * that counts something claims a slot with a lock that dies with it, and adds to the slot with
 * pwrite; the spool's counters are the sums over all slots. */
#ifndef AEP_SPOOL_COUNTERS_H
#define AEP_SPOOL_COUNTERS_H

#include "spool/spool.h"

enum aep__counter {
#define AEP__COUNTER_ENUM(name, text) AEP__COUNT_##name,
    /* clang-format off */
    AEP_COUNTERS(AEP__COUNTER_ENUM)
    AEP__COUNTER_COUNT,
/* clang-format on */
#undef AEP__COUNTER_ENUM
};

struct aep__counters {
    const struct aep__spool *spool; /* borrowed */
    int fd;                         /* -1: nothing counted yet */
    struct aep__os_file file;       /* what fd was when it was opened */
    int slot;                       /* -1: all slots were taken; kept in memory until one is free */
    uint64_t values[AEP__COUNTER_COUNT];  /* of our slot */
    uint64_t pending[AEP__COUNTER_COUNT]; /* not yet written */
};

/** Opens the file; creates it, with its blocks, if it is missing. -1 with errno. */
int aep__counters_open(const struct aep__spool *spool);
/** Whether the file was cut short, holds numbers that nobody counted, or is not ours. */
bool aep__counters_damaged(const struct aep__spool *spool);
/** Repairs it: missing or damaged counters start from 0 again. 0, or -1 with errno. */
int aep__counters_mend(const struct aep__spool *spool);
void aep__counters_init(struct aep__counters *counters, const struct aep__spool *spool);
void aep__counters_done(struct aep__counters *counters);
/** In a forked child: drops the slot, which stays the parent's. */
void aep__counters_forked(struct aep__counters *counters);
/** Adds and writes at once. Never fails: what cannot be written is kept and retried. */
void aep__counters_add(struct aep__counters *counters, enum aep__counter counter, uint64_t amount);
/** Sums all slots. Errors: AEP_ESPOOL. */
int aep__counters_sum(const struct aep__spool *spool, aep_stats *ret, aep_error *err);

/** Names and texts, indexed by enum aep__counter. */
extern const char *const aep__counter_names[AEP__COUNTER_COUNT];
extern const char *const aep__counter_texts[AEP__COUNTER_COUNT];

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* In which order executions stand on a screen. The order of attention:
 *
 *     waits for a human    the longest wait first
 *     stalled              the longest silence first
 *     failed just now      the newest first, and so on
 *     runs, or waits for something else
 *     the rest */
#ifndef AEP_EXECUTIONS_ATTENTION_H
#define AEP_EXECUTIONS_ATTENTION_H

#include "track/row.h"

enum aep__attention {
    AEP__ATTENTION_HUMAN,
    AEP__ATTENTION_STALLED,
    AEP__ATTENTION_FAILED,
    AEP__ATTENTION_RUNNING,
    AEP__ATTENTION_REST,
};

enum aep__attention aep__attention_of(const struct aep__tracked *execution, int64_t clock_us);
/** Whether it waits for a person: for input, or for a permission. */
bool aep__attention_needs_human(const struct aep__tracked *execution, int64_t clock_us);

/** What an execution is sorted by. */
struct aep__place {
    const struct aep__tracked *execution;
    enum aep__attention attention; /* its own, or that of a descendant that wants more */
    enum aep__state state;
    int64_t since_us;
};

/** A way to sort; below 0: `one` stands above. */
struct aep__sorting {
    const char *name;
    int (*compare)(const struct aep__place *one, const struct aep__place *other);
};
#define AEP__SORTING_COUNT 5
extern const struct aep__sorting aep__sortings[AEP__SORTING_COUNT];

#endif

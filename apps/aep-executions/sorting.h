/* SPDX-License-Identifier: Apache-2.0 */
/* In which order executions stand on the screen: that of the store's lists (track/sort.h), or one of
 * their members'. */
#ifndef AEP_EXECUTIONS_SORTING_H
#define AEP_EXECUTIONS_SORTING_H

#include "brief.h"

#include "track/sort.h"

/** What an execution is sorted by. */
struct aep__place {
    const struct aep__brief *brief;
    const char *agent; /* NULL: unknown */
    int64_t started_at, last_event_at;
    struct aep__rank rank; /* of attention: its own, or that of a descendant that wants more */
    enum aep__state state;
};

/** A way to sort; below 0: `one` stands above. */
struct aep__sorting {
    const char *name;
    int (*compare)(const struct aep__place *one, const struct aep__place *other);
};
#define AEP__SORTING_COUNT 5
extern const struct aep__sorting aep__sortings[AEP__SORTING_COUNT];

#endif

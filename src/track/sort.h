/* SPDX-License-Identifier: Apache-2.0 */
/* The orders in which executions are listed. An order is a row of segments, each with an order of time of
 * its own. That of attention:
 *
 *     human       waits for a person     the longest wait first
 *     stalled                            the one that stalled first
 *     failed      within the last hour   the newest end first
 *     running     or waits for another   the newest start first
 *     abandoned   by silence             the newest first
 *     rest                               the newest start first
 *
 * That of states has a segment for each, the newest start first.
 *
 * A store lists segment by segment; a cursor is a place in one of them. */
#ifndef AEP_TRACK_SORT_H
#define AEP_TRACK_SORT_H

#include "track/state.h"

enum aep__sort {
    AEP__SORT_STARTED, /* or by the last event, where the start is not known; the newest first */
    AEP__SORT_LAST_EVENT,
    AEP__SORT_ATTENTION,
    AEP__SORT_STATE,
    AEP__SORT_COUNT,
};

enum aep__attention {
    AEP__ATTENTION_HUMAN,
    AEP__ATTENTION_STALLED,
    AEP__ATTENTION_FAILED,
    AEP__ATTENTION_RUNNING,
    AEP__ATTENTION_ABANDONED,
    AEP__ATTENTION_REST,
    AEP__ATTENTION_COUNT,
};
#define AEP__SEGMENTS_MAX 6                         /* that an order has */
#define AEP__ATTENTION_FRESH_US INT64_C(3600000000) /* how long a failure wants attention */

/** "started", …; and back: AEP_EINVAL names the nearest. */
const char *aep__sort_word(enum aep__sort sort);
int aep__sort_find(const char *word, enum aep__sort *ret, aep_error *err);

/** Where an execution stands. */
struct aep__rank {
    unsigned segment;
    int64_t value;  /* a time */
    bool ascending; /* the segment's order: the earliest is first */
};
struct aep__rank aep__sort_rank(enum aep__sort sort, const struct aep__tracked *execution,
                                int64_t clock_us);
/** Below 0: `one` stands first, 0: neither does. */
int aep__rank_compare(const struct aep__rank *one, const struct aep__rank *other);
/** Whether it waits for a person: for an answer, or for a permission. */
bool aep__needs_human(const struct aep__tracked *execution, int64_t clock_us);

#endif

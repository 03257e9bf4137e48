/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an execution is one that a filter means: the same rule as the stores' lists, for those who are
 * told of changes one by one. */
#ifndef AEP_TRACK_MATCH_H
#define AEP_TRACK_MATCH_H

#include "track/contains.h"
#include "track/filter.h"

bool aep__match(const struct aep__filter *filter, const struct aep__tracked *execution,
                int64_t clock_us, struct aep__contains *contains);
/** Whether a text matches a pattern, in which only * is special. */
bool aep__match_pattern(const char *pattern, const char *text);

#endif

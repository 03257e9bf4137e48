/* SPDX-License-Identifier: Apache-2.0 */
/* The worst: an execution's fate is that of the one of its events that fared worst, and how many of them
 * fared so is counted. So a change of one event's fate is a number, but where the last of those that
 * fared so badly gets better: then all are looked at. */
#ifndef AEP_TRACK_WORST_H
#define AEP_TRACK_WORST_H

#include "track/store.h"

/** It has no events yet. */
void aep__worst_begin(struct aep__tracked *execution);
/** It has one more event. */
void aep__worst_add(struct aep__tracked *execution, enum aep__fate fate);
/** So many of its events have another fate than they had. False: aep__worst_find() has to look. */
bool aep__worst_change(struct aep__tracked *execution, enum aep__fate was, enum aep__fate fate,
                       int64_t count);
/** Looks at all its events. Errors: the store's */
int aep__worst_find(struct aep__store *store, struct aep__tracked *execution, aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Folds an execution again from the events that the store has of it. One whose events' bodies retention
 * has dropped stays as it is. */
#ifndef AEP_TRACK_REFOLD_H
#define AEP_TRACK_REFOLD_H

#include "track/store.h"

/** Errors: the store's; AEP_ENOMEM */
int aep__refold(struct aep__store *store, struct aep__observer *observer,
                struct aep__tracked *execution, aep_error *err);

#endif

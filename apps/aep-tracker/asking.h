/* SPDX-License-Identifier: Apache-2.0 */
/* `aep tracker status` and `stop`: what a person asks of the tracker. */
#ifndef AEP_APP_TRACKER_ASKING_H
#define AEP_APP_TRACKER_ASKING_H

#include "aep/options.h"
#include "base/buf.h"

#include <stdbool.h>

int aep__tracker_show(struct aep__args *args);
int aep__tracker_stop(struct aep__args *args);

/** Whether the store's tracker is an `aep serve`; appends its address. */
bool aep__tracker_serves(const char *store, struct aep__buf *ret_address);
/** Asks the store's tracker to stop, and waits for its end. Errors: AEP_ERELAY it does not end */
int aep__tracker_end(const char *store, const char *name, aep_error *err);

#endif

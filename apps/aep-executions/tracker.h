/* SPDX-License-Identifier: Apache-2.0 */
/* The tracker, as readers of its store see it: one is started if none runs, and asked to catch up. */
#ifndef AEP_APP_EXECUTIONS_TRACKER_H
#define AEP_APP_EXECUTIONS_TRACKER_H

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

#define AEP__TRACKER_DIFFERS 256

/** Makes sure that a tracker lives, and waits at most wait_ms until the store has everything that the
 * sources held when this was called.
 * @config         loaded
 * @ret_as_of_us   always set: the store has everything up to then (wall clock); 0: not known
 * @ret_differs    in which of its options the tracker reads something else than these say; "": none
 * Errors: AEP_EDEFERRED not in time, or it cannot be stored; AEP_ERELAY no tracker can be started; AEP_ECONFIG, AEP_EIO there
 * can be no store at that path; AEP_ENOMEM. What the store has can be read all the same. */
int aep__tracker_sync(const aep_config *config, int wait_ms, int64_t *ret_as_of_us,
                      char ret_differs[AEP__TRACKER_DIFFERS], aep_error *err);

/** Tells the tracker that retention is to leave an execution alone, or no longer. 1 it is stored; 0:
 * there is no execution of that id; -1: AEP_ERELAY no tracker answers; AEP_EIO it cannot be stored */
int aep__tracker_pin(const aep_config *config, const char *id, bool pinned, aep_error *err);

#endif

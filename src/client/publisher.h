/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher: opening it, and access to the state of one process (handle.h has the picture).
 *
 * A forked child finds the slot empty; its first call makes a new aep__process from the read-only
 * half, before it takes any lock. It neither uses nor closes what it inherited, since a
 * descriptor's number may belong to another file by then. Nothing runs at fork itself, so an
 * unloaded library leaves no handler behind. */
#ifndef AEP_CLIENT_PUBLISHER_H
#define AEP_CLIENT_PUBLISHER_H

#include "aep/aep.h"
#include "client/handle.h"
#include "client/process.h"

/** This process's state; creates it if there is none. Lock it before use. Errors: as
 * aep_publisher_open() */
int aep__publisher_process(aep_publisher *pub, struct aep__process **ret, aep_error *err);
/** The same if it exists; else NULL. */
struct aep__process *aep__publisher_process_made(const aep_publisher *pub);

/** For a caller that publishes an event again until there is room for it: such tries are not counted
 * as refused. If it gives up, aep__publish_refused() counts the event. Call it after opening. */
void aep__publisher_try_again(aep_publisher *pub);

/** Frees only the handle, which must not be NULL. */
void aep__publisher_free(aep_publisher *pub);

/** Starts a relay; if that fails, remembers why. Do not hold the lock. Errors: AEP_ERELAY */
int aep__publisher_start_relay(aep_publisher *pub, struct aep__process *process, aep_error *err);

#endif

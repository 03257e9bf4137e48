/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher: opening it, and the way to what belongs to one process (handle.h has the picture).
 *
 * A forked child finds the slot empty and makes an aep__process of its own on its first call, from
 * the read-only half, before it takes any lock; what it inherited is neither used nor closed, since
 * a descriptor's number may be another file's by then. Nothing runs at fork itself, so that a
 * library that is unloaded leaves no handler behind. */
#ifndef AEP_CLIENT_PUBLISHER_H
#define AEP_CLIENT_PUBLISHER_H

#include "aep/aep.h"
#include "client/handle.h"
#include "client/process.h"

/** This process's state, made if there is none. Lock it before use. Errors: as
 * aep_publisher_open() */
int aep__publisher_process(aep_publisher *pub, struct aep__process **ret, aep_error *err);
/** The same if it has been made already; else NULL. */
struct aep__process *aep__publisher_process_made(const aep_publisher *pub);

/** Frees the handle alone; NULL is not fine. */
void aep__publisher_free(aep_publisher *pub);

/** Starts a relay and remembers why it could not. Not under the lock. Errors: AEP_ERELAY */
int aep__publisher_start_relay(aep_publisher *pub, struct aep__process *process, aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a spool's relay for something, through its control socket. */
#ifndef AEP_APP_ASK_H
#define AEP_APP_ASK_H

#include "options.h"

#include "spool/spool.h"

/** Whether a relay runs for this spool. */
bool aep__ask_alive(const struct aep__spool *spool);
/** The same, but if none runs, waits a little for one that was started a moment ago. */
bool aep__ask_coming(const struct aep__spool *spool);
/** Starts one if none runs, with the configuration of these arguments, and waits until it can be
 * asked. Errors: AEP_ERELAY, AEP_ECONFIG, AEP_EINVAL. */
int aep__ask_start(const struct aep__args *args, const struct aep__spool *spool, aep_error *err);

/** Sends a request (control.h) and waits for its answer, whose words behind the id are put into
 * reply. The request has the id 1. Errors: AEP_ERELAY none can be reached, or it answers with an
 * error, or is stopped (SIGSTOP); AEP_EDEFERRED no answer in timeout_ms. */
int aep__ask(const struct aep__spool *spool, const char *request, int timeout_ms, char *reply,
             size_t size, aep_error *err);

/** Asks it to end, and waits until none runs: one that takes over meanwhile is asked, too. Errors: as aep__ask(); AEP_ERELAY also if it has not
 * ended after timeout_ms. */
int aep__ask_stop(const struct aep__spool *spool, int timeout_ms, aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What `aep hook AGENT` does, from the bytes that an agent gave to events in the spool.
 *
 *     bytes ─▶ step ─▶ session's file: lock, read ─▶ follow ─▶ events ─▶ write, unlock
 *                        └─ not had in 20 ms: a progress event that says what the step says
 *
 * Nothing fails here as far as the agent is concerned: what goes wrong is counted and logged (log.h). */
#ifndef AEP_HOOK_HOOK_H
#define AEP_HOOK_HOOK_H

#include "aep/aep.h"
#include "base/os_process.h"
#include "hook/step.h"

struct aep__hook_host {
    aep_publisher *pub; /* NULL: none could be opened: */
    aep_error problem;
    int spool_fd; /* the spool's folder; else the state folder; -1: there is none */
    bool capture_tools;
    bool owner_known; /* another process stands for the agent's: */
    struct aep__os_process owner;
};

/** Opens the publisher: local mode where no broker is configured. What fails is each call's error.
 * @config  borrowed; what was set as an argument, to which the mode may be added; NULL: out of memory */
void aep__hook_host_open(struct aep__hook_host *host, aep_config *config);
/** One call of a hook. */
void aep__hook_host_take(struct aep__hook_host *host, const struct aep__hook_call *call);
/** Closes it, with what a publisher does then: starts a relay, syncs. A hook process just exits. */
void aep__hook_host_close(struct aep__hook_host *host);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher: what never changes after opening, and a way to what belongs to one process.
 *
 *     aep_publisher ── slot (a page that a fork empties) ──▶ aep__process: mutex, spool, buffers
 *        │ read-only
 *        └── config, folder, switches
 *
 * A forked child finds the slot empty and makes an aep__process of its own on its first call, from
 * the read-only half, before it takes any lock; what it inherited is neither used nor closed, since
 * a descriptor's number may be another file's by then. Nothing runs at fork itself, so that a
 * library that is unloaded leaves no handler behind. */
#ifndef AEP_CLIENT_PUBLISHER_H
#define AEP_CLIENT_PUBLISHER_H

#include "aep/aep.h"
#include "client/process.h"
#include "config/config.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum aep__sync { AEP__SYNC_BATCH, AEP__SYNC_ALWAYS, AEP__SYNC_NEVER };

struct aep__slot {
    _Atomic(struct aep__process *) process; /* NULL: none yet in this process */
};

struct aep_publisher {
    aep_config *config;             /* loaded */
    char *dir;                      /* the spool's folder; "" when events are disabled */
    char *traceparent, *tracestate; /* of the environment; NULL: none */
    bool enabled, local;
    bool relay_auto; /* relay.mode=auto, and this process may start programs */
    enum aep__sync sync;
    int64_t log_every_us;
    aep_log_fn log;
    void *log_user;
    bool wiped; /* the slot lies in a page that a fork empties */
    struct aep__slot *slot;
    struct aep__process *first; /* the process that opened it: whose, if it is not the slot's */
};

/** This process's state, made if there is none. Lock it before use. Errors: as
 * aep_publisher_open() */
int aep__publisher_process(aep_publisher *pub, struct aep__process **ret, aep_error *err);
/** The same if it has been made already; else NULL. */
struct aep__process *aep__publisher_process_made(const aep_publisher *pub);

/** Starts a relay and remembers why it could not. Not under the lock. Errors: AEP_ERELAY */
int aep__publisher_start_relay(aep_publisher *pub, struct aep__process *process, aep_error *err);

#endif

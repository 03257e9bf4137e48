/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher's handle: what never changes after opening, and a way to what belongs to one process.
 *
 *     aep_publisher ── slot (a page that a fork empties) ──▶ aep__process: mutex, spool, buffers
 *        │ read-only
 *        └── config, folder, switches */
#ifndef AEP_CLIENT_HANDLE_H
#define AEP_CLIENT_HANDLE_H

#include "aep/aep.h"
#include "config/config.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct aep__process;

enum aep__sync { AEP__SYNC_BATCH, AEP__SYNC_ALWAYS, AEP__SYNC_NEVER };

struct aep__slot {
    _Atomic(struct aep__process *) process; /* NULL: none yet in this process */
};

struct aep_publisher {
    aep_config *config;             /* loaded */
    char *dir;                      /* the spool's folder; "" when events are disabled */
    char *traceparent, *tracestate; /* of the environment; NULL: none */
    bool enabled, local;
    bool tries_again; /* an event for which there is no room is not lost: counts no AEP_EFULL */
    bool relay_auto;  /* relay.mode=auto, and this process may start programs */
    enum aep__sync sync;
    int64_t log_every_us;
    aep_log_fn log;
    void *log_user;
    bool wiped; /* the slot lies in a page that a fork empties */
    struct aep__slot *slot;
    struct aep__process *first; /* the process that opened it: whose, if it is not the slot's */
};

#endif

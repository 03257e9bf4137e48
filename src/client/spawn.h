/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a program of ours, the relay or the tracker, from within any program, without the program
 * noticing.
 *
 *     aep-relay --spool FOLDER        aep-tracker --store FILE
 *
 * Descriptor 0 is one end of a socketpair that holds the settings (config/pass.h), written before
 * it begins. Its environment is a short list of harmless variables; its arguments contain no secret.
 *
 * Where one runs already the new one ends at once; but if the holder of a spool's lock cannot log in
 * to Kafka and a new relay can, that asks the holder to yield. */
#ifndef AEP_CLIENT_SPAWN_H
#define AEP_CLIENT_SPAWN_H

#include "aep/aep.h"
#include "base/os.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

#define AEP__RELAY_PROGRAM "aep-relay"
#define AEP__RELAY_OPTION "--spool"
/* What glibc reads, once, when the relay begins. A Kafka message with headers is some twenty small
 * blocks; all that are in flight stay in the thread's free lists, or malloc and free take a quarter
 * of the relay's CPU time. */
#define AEP__RELAY_MALLOC "GLIBC_TUNABLES"
#define AEP__RELAY_MALLOC_VALUE "glibc.malloc.tcache_count=20000:glibc.malloc.tcache_max=128"

struct aep__spawned {
    const char *program;
    const char *noun;      /* in messages */
    const char *option;    /* names what it works on */
    enum aep__option path; /* that says where the program is; AEP__OPT_COUNT: none does */
    const char *setting;   /* a variable more, NAME=VALUE; NULL: none */
};
extern const struct aep__spawned aep__spawned_relay, aep__spawned_tracker;

/** Starts one for the spool's folder or the store's file, with this (loaded) config.
 * Errors: AEP_ERELAY the program is not there or cannot be run, or this process may start none;
 * AEP_ENOMEM
 * @ret  for aep__os_reap()
 * Threads: any; waits until the program has been executed (about a millisecond). */
int aep__spawn(const struct aep__spawned *what, const aep_config *config, const char *subject,
               struct aep__os_child *ret, aep_error *err);

/** Whether this process may start programs: a setuid or setgid one never does. */
bool aep__spawn_allowed(void);

/** Finds the program that came with this library: where its option says, else relative to the
 * library or the program.
 * Errors: AEP_ERELAY */
int aep__spawn_find(const struct aep__spawned *what, const aep_config *config, char *path,
                    size_t size, aep_error *err);

#endif

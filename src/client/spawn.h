/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a relay from within any program, without the program noticing.
 *
 *     aep-relay --spool FOLDER
 *
 * Descriptor 0 is one end of a SOCK_STREAM socketpair that holds, written before the relay begins:
 *
 *     u32, little-endian: length | that many bytes of aep__config_pack()
 *
 * Its environment is a short list of harmless variables; its arguments contain no secret. If
 * another relay holds the spool's lock, the new one is a contender: if it can log in to Kafka and
 * the holder cannot, it asks the holder to yield; otherwise it exits at once. */
#ifndef AEP_CLIENT_SPAWN_H
#define AEP_CLIENT_SPAWN_H

#include "aep/aep.h"
#include "base/os.h"

#include <stdbool.h>
#include <stddef.h>

#define AEP__RELAY_PROGRAM "aep-relay"
#define AEP__RELAY_OPTION "--spool"
/* What glibc reads, once, when the relay begins. A Kafka message with headers is some twenty small
 * blocks; all that are in flight stay in the thread's free lists, or malloc and free take a quarter
 * of the relay's CPU time. */
#define AEP__RELAY_MALLOC "GLIBC_TUNABLES"
#define AEP__RELAY_MALLOC_VALUE "glibc.malloc.tcache_count=20000:glibc.malloc.tcache_max=128"

/** Starts a relay for the spool in `dir`, with this (loaded) config.
 * Errors: AEP_ERELAY the program is not there or cannot be run, or this process may start none.
 * @ret  for aep__os_reap()
 * Threads: any; waits until the program has been executed (about a millisecond). */
int aep__relay_start(const aep_config *config, const char *dir, struct aep__os_child *ret,
                     aep_error *err);

/** Whether this process may start programs: a setuid or setgid one never does. */
bool aep__relay_allowed(void);

/** Finds the relay program of this library: relay.path, else relative to the library or the
 * program.
 * Errors: AEP_ERELAY names the places. */
int aep__relay_find(const aep_config *config, char *path, size_t size, aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: connections until the head of their request is there, whole.
 *
 *     listen ─ accept ─▶ waiting, within 10 s ─ head ─▶ checked ─▶ http (libmicrohttpd)
 *                           │                              └─ malformed: 400, closed
 *                           └─ the oldest makes room for a new one
 *
 * The head is looked at in the kernel's buffer, byte by byte, by one strict grammar (RFC 9112 §2.2, §3,
 * §5). What a proxy before us could read in another way than libmicrohttpd (which versions before 1.0 do
 * leniently) is never given to it; and a connection without a request costs a descriptor, and nothing
 * else. */
#ifndef AEP_SERVE_GATE_H
#define AEP_SERVE_GATE_H

#include "aep/aep.h"

#include <stdbool.h>
#include <stdint.h>

#define AEP__HEAD_MAX 16384 /* bytes of a request's head */

struct aep__http;

struct aep__gate {
    struct aep__http *http;
    int listen_fd, fd;                /* fd: to poll for reading */
    struct aep__caller *first, *last; /* in the order in which they came */
    unsigned count;
    bool rests; /* until the next look: there is no descriptor for another one */
    char *head; /* memory */
};

/** Takes over a socket that listens; initialised to zero before. Errors: AEP_EIO, AEP_ENOMEM */
int aep__gate_open(struct aep__gate *gate, struct aep__http *http, int listen_fd, aep_error *err);
/** Does what there is to do, without waiting: accepts, checks heads, hands connections on. */
void aep__gate_turn(struct aep__gate *gate);
/** Ends those that have waited for too long. */
void aep__gate_look(struct aep__gate *gate, int64_t now_us);
/** Ends the one that has waited longest; false: none waits. */
bool aep__gate_make_room(struct aep__gate *gate);
/** Takes no more connections. */
void aep__gate_quiesce(struct aep__gate *gate);
void aep__gate_close(struct aep__gate *gate);

#endif

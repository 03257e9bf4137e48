/* SPDX-License-Identifier: Apache-2.0 */
/* The door: what is refused before anything is looked up. */
#ifndef AEP_SERVE_DOOR_H
#define AEP_SERVE_DOOR_H

#include "serve/reply.h"

/** Whether the request is one that everybody reads in the same way: one Host, no body. If not, that has
 * been said, and the connection is to be closed. */
bool aep__door_framing(struct aep__peer *peer);
/** Sends a refusal by hand: libmicrohttpd has not had the request, or would wait for its body.
 * @status  "400 Bad Request" */
void aep__door_refuse(int fd, const char *status, const char *why);
/** Whether it names us; if not, it is replied so. */
bool aep__door_host(struct aep__call *call);
/** Whether it may have this route; if not, it is replied so. */
bool aep__door_token(struct aep__call *call);
/** Replies that there is no such address.
 * @allowed  methods that it has; NULL: there is none */
void aep__door_lost(struct aep__call *call, const char *method, const char *allowed);

#endif

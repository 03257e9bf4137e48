/* SPDX-License-Identifier: Apache-2.0 */
/* Where a server listens: HOST:PORT, as text and as a socket. */
#ifndef AEP_SERVE_LISTEN_H
#define AEP_SERVE_LISTEN_H

#include "aep/aep.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct aep__listen_address {
    char host[256]; /* as it is written in a URL: [::1] */
    uint16_t port;
    bool loopback; /* no other machine reaches it */
    struct sockaddr_storage address;
    socklen_t len;
};

/** Reads HOST:PORT, [ADDRESS]:PORT or :PORT (all addresses); a name is looked up.
 * Errors: AEP_EINVAL */
int aep__listen_read(struct aep__listen_address *ret, const char *text, aep_error *err);
/** Listens, unless *ret_fd does so already (else -1); port 0 becomes the one that the system has chosen.
 * Errors: AEP_EIO */
int aep__listen_open(struct aep__listen_address *address, int *ret_fd, aep_error *err);

#endif

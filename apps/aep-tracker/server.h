/* SPDX-License-Identifier: Apache-2.0 */
/* The tracker's end of the link (track/link.h): who is connected, and who waits for what is read. */
#ifndef AEP_APP_TRACKER_SERVER_H
#define AEP_APP_TRACKER_SERVER_H

#include "aep/aep.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEP__SERVER_CLIENTS 256

struct aep__tracker;

struct aep__server {
    int listen_fd; /* -1: it does not listen */
    size_t count, syncing;
    struct aep__server_client {
        int fd;
        bool sync; /* it waits for "synced" */
    } clients[AEP__SERVER_CLIENTS];
};

void aep__server_init(struct aep__server *server);
/** Listens, unless it does and the socket has its name. Errors: AEP_EIO */
int aep__server_listen(struct aep__server *server, const char *store, aep_error *err);
/** Removes the name, and hangs up. */
void aep__server_stop(struct aep__server *server, const char *store);

#define AEP__SERVER_POLLS (1 + AEP__SERVER_CLIENTS)
size_t aep__server_polls(const struct aep__server *server, struct pollfd *polls);
/** Takes calls and lines. */
void aep__server_serve(struct aep__tracker *tracker, const struct pollfd *polls, size_t count);
/** Everything is stored up to then: whoever waits for that is told.
 * @behind  why that is not up to now; NULL: it is */
void aep__server_synced(struct aep__server *server, int64_t as_of_us, const char *behind);
/** It cannot be stored for now: the same. */
void aep__server_failed(struct aep__server *server, const char *why);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket's server (spool/control.h describes the protocol). It answers waiters when
 * their records are finished, and drops a client that does not read its answers.
 *
 * Where the limit of open files is reached a call is taken with the descriptor in reserve and ended
 * at once, so that the caller knows; and none is taken for a while. */
#ifndef AEP_RELAY_SERVER_H
#define AEP_RELAY_SERVER_H

#include "aep/aep.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEP__SERVER_CLIENTS 900

struct aep__relay;

enum aep__waiting {
    AEP__WAITS_RECORD,
    AEP__WAITS_FLUSH,
    AEP__WAITS_PURGE,
    AEP__WAITS_BROKER,
};

struct aep__question {
    struct aep__question *next;
    uint64_t id;
    enum aep__waiting what;
    aep_position position;
    uint64_t purged;                  /* records that the command itself dropped */
    enum aep_broker_state other_than; /* the state that the client knows */
};

struct aep__client {
    int fd; /* -1: gone */
    struct aep__question *questions;
    size_t open; /* of them; at most AEP__CONTROL_QUESTIONS */
};

struct aep__server {
    int listen_fd;  /* -1: not listening */
    int reserve_fd; /* given up to take a client's call and end it where no descriptor is left */
    size_t limit;   /* of clients: as many as the limit of open files leaves, AEP__SERVER_CLIENTS */
    int64_t deaf_until_us; /* no client is taken before: it was in vain */
    struct aep__client *clients;
    size_t count, capacity;
    size_t waiting;  /* questions of all clients, */
    size_t watching; /* of them for the broker's state, which may never change */
};

/** Under the lock. Errors: AEP_ESPOOL. */
int aep__server_start(struct aep__relay *relay, aep_error *err);
/** Under the lock: closes everything, unlinks the socket. */
void aep__server_stop(struct aep__relay *relay, bool unlink);
/** Descriptors to poll: the listener, then one for each client. */
size_t aep__server_polls(struct aep__relay *relay, struct pollfd *polls);
/** Serves what poll(2) found, polls as aep__server_polls() filled them in. */
void aep__server_serve(struct aep__relay *relay, const struct pollfd *polls, size_t count);
/** Answers waits for a record: call before finished flights are popped. */
void aep__server_tell_waits(struct aep__relay *relay);
/** Answers waits for everything below a position: call after the cursor has moved. */
void aep__server_tell_flushes(struct aep__relay *relay);
/** Answers waits for another broker state: call after the status was written. */
void aep__server_tell_broker(struct aep__relay *relay);

#endif

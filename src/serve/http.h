/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP: libmicrohttpd without threads of its own. Whoever owns this polls a descriptor and calls turn;
 * every callback runs within that, so that nothing needs a lock.
 *
 *     gate ─ connection, with the head of its request ─ door ─ route ─ check ─ answer ─ reply ─ end
 *
 * What could be read in two ways by us and by a proxy before us (request smuggling) has no effect: it does
 * not pass the gate; a connection has one request, and whatever follows it is not read. No request has a
 * body, and one that says so is refused. Memory is bounded by the number of connections, the size of a
 * request's head, and the bytes of replies that are on their way. Where connections run out, the one
 * that has waited longest without a request makes room; where bytes do, the reply that has been on its
 * way longest. */
#ifndef AEP_SERVE_HTTP_H
#define AEP_SERVE_HTTP_H

#include "aep/aep.h"
#include "base/buf.h"
#include "serve/gate.h"
#include "serve/request.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define AEP__FLIGHT_BYTES (UINT64_C(32) << 20) /* of replies on their way */

struct aep__serve;
struct MHD_Daemon;
struct MHD_Connection;

enum aep__peer_stage {
    AEP__PEER_NEW,     /* its request is about to be read */
    AEP__PEER_REPLIES, /* a reply is on its way */
    AEP__PEER_STREAMS, /* until one side hangs up */
    AEP__PEER_STAGE_COUNT,
};

/** A connection. */
struct aep__peer {
    struct aep__peer *previous, *next; /* in the order of since_us */
    struct aep__http *http;
    struct MHD_Connection *connection;
    int fd;
    enum aep__peer_stage stage;
    int64_t since_us;       /* monotonic: since when it is in that stage */
    bool late;              /* it was at the last look */
    bool hung_up;           /* by us */
    size_t reply_bytes;     /* of the reply */
    bool replied;           /* to this request: a reply is queued */
    struct aep__buf target; /* of the request */
};

struct aep__http {
    struct aep__serve *serve;
    struct MHD_Daemon *daemon;
    int fd;                /* to poll for reading, as that of the gate */
    struct aep__gate gate; /* connections that are not peers yet */
    struct aep__peer *first, *last;
    unsigned peers, peers_max;
    int64_t looked_us;
    struct aep__request request; /* that is being answered */
    uint64_t reply_bytes;        /* of replies on their way */
};

/** Answers on a socket that listens, which it takes over; initialised to zero before.
 * Errors: AEP_EIO, AEP_ENOMEM */
int aep__http_open(struct aep__http *http, struct aep__serve *serve, int listen_fd, aep_error *err);
/** Does what there is to do, without waiting. */
void aep__http_turn(struct aep__http *http);
/** In how many ms there is more to do at the latest; -1: once a descriptor is readable. */
int aep__http_wait_ms(const struct aep__http *http);
/** Takes no more calls. */
void aep__http_quiesce(struct aep__http *http);
void aep__http_close(struct aep__http *http);

/** Takes over a connection that has sent the head of its request. */
void aep__http_take(struct aep__http *http, int fd, const struct sockaddr *address, socklen_t len);

/** Where more bytes of replies are on their way than may be, ends those that have taken longest. */
void aep__http_make_room(struct aep__http *http);

void aep__peer_enter(struct aep__peer *peer, enum aep__peer_stage stage);
/** Ends the connection, at the next turn. */
void aep__peer_hang_up(struct aep__peer *peer);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http.h"

#include "serve/door.h"
#include "serve/reply.h"
#include "serve/inside.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS 2048
#define FILES 64         /* descriptors of others in this process */
#define HEAD_BYTES 24576 /* of a request's head, and what a connection needs to be answered */
#if MHD_VERSION >= 0x01000000
#define STRICT MHD_OPTION_CLIENT_DISCIPLINE_LVL
#else
#define STRICT MHD_OPTION_STRICT_FOR_CLIENT
#endif
#define LOOK_US 250000 /* between two looks at who is late */

/* How long a connection may be in a stage. */
static const int64_t stage_us[AEP__PEER_STAGE_COUNT] = {
    [AEP__PEER_NEW] = 10000000,
    [AEP__PEER_REPLIES] = 60000000,
    [AEP__PEER_STREAMS] = INT64_MAX,
};

/* ---- connections ---------------------------------------------------------------------------- */

static void unlink_peer(struct aep__peer *peer)
{
    struct aep__http *http = peer->http;
    *(peer->previous ? &peer->previous->next : &http->first) = peer->next;
    *(peer->next ? &peer->next->previous : &http->last) = peer->previous;
}

static void append_peer(struct aep__peer *peer)
{
    struct aep__http *http = peer->http;
    peer->previous = http->last;
    peer->next = NULL;
    *(http->last ? &http->last->next : &http->first) = peer;
    http->last = peer;
}

void aep__peer_enter(struct aep__peer *peer, enum aep__peer_stage stage)
{
    unlink_peer(peer);
    append_peer(peer);
    peer->stage = stage;
    peer->late = false;
    peer->since_us = aep__clock_mono_us();
}

/* libmicrohttpd sees that the other side has gone, and frees what it has. */
void aep__peer_hang_up(struct aep__peer *peer)
{
    if (!peer->hung_up)
        shutdown(peer->fd, SHUT_RDWR);
    peer->hung_up = true;
}

void aep__http_make_room(struct aep__http *http)
{
    uint64_t over =
        http->reply_bytes > AEP__FLIGHT_BYTES ? http->reply_bytes - AEP__FLIGHT_BYTES : 0;
    for (struct aep__peer *peer = http->first; over > 0 && peer; peer = peer->next) {
        if (peer->stage != AEP__PEER_REPLIES)
            continue;
        aep__peer_hang_up(peer);
        over -= peer->reply_bytes < over ? peer->reply_bytes : over;
    }
}

static void take_peer(struct aep__http *http, struct MHD_Connection *connection, void **ret)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct aep__peer *peer = calloc(1, sizeof *peer);
    *ret = peer;
    if (!peer)
        return;
    *peer = (struct aep__peer){.http = http,
                               .connection = connection,
                               .fd = info->connect_fd,
                               .since_us = aep__clock_mono_us()};
    append_peer(peer);
    http->peers++;
}

static void drop_peer(struct aep__peer *peer)
{
    unlink_peer(peer);
    peer->http->peers--;
    aep__buf_done(&peer->target);
    free(peer);
}

static void on_connection(void *user, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        take_peer(user, connection, context);
    else if (*context)
        drop_peer(*context);
}

static struct aep__peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* At the second look: it may be we who are late, and what it has sent is read in between. */
static void hang_up_late(struct aep__http *http)
{
    int64_t now_us = aep__clock_mono_us();
    if (now_us < http->looked_us + LOOK_US)
        return;
    http->looked_us = now_us;
    aep__gate_look(&http->gate, now_us);
    for (struct aep__peer *peer = http->first; peer; peer = peer->next) {
        bool late = now_us - peer->since_us > stage_us[peer->stage];
        if (late && peer->late)
            aep__peer_hang_up(peer);
        peer->late = late;
    }
}

/* ---- requests ------------------------------------------------------------------------------- */

/* The target as it was sent: what libmicrohttpd makes of it has lost the difference of / and %2F. */
static void *on_target(void *user, const char *target, struct MHD_Connection *connection)
{
    struct aep__peer *peer = peer_of(connection);
    (void)user;
    if (peer) {
        peer->replied = false;
        aep__buf_clear(&peer->target);
        aep__buf_text(&peer->target, target);
    }
    return NULL;
}

static size_t keep_escapes(void *user, struct MHD_Connection *connection, char *text)
{
    (void)user, (void)connection;
    return strlen(text);
}

static void answer(struct aep__peer *peer, const char *method)
{
    struct aep__http *http = peer->http;
    struct aep__call call = {.serve = http->serve, .peer = peer, .request = &http->request};
    const char *allowed;
    aep_error err;
    aep__peer_enter(peer, AEP__PEER_REPLIES);
    if (aep__request_read(&http->request, aep__buf_string(&peer->target), &err) != AEP_OK) {
        aep__reply_error(&call, MHD_HTTP_BAD_REQUEST, "%s", err.text);
        return;
    }
    if (!aep__door_host(&call))
        return;
    call.route = aep__route_find(&http->request, method, &call.given, &allowed);
    if (!call.route) {
        aep__door_lost(&call, method, allowed);
        return;
    }
    if (!aep__door_token(&call))
        return;
    if (aep__route_check(call.route, &http->request, &err) != AEP_OK)
        aep__reply_error(&call, MHD_HTTP_BAD_REQUEST, "%s", err.text);
    else
        call.route->answer(&call);
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **context)
{
    struct aep__peer *peer = peer_of(connection);
    (void)user, (void)url, (void)version, (void)upload;
    if (!peer || *upload_size > 0)
        return MHD_NO;
    if (!*context) { /* the head is here, and nothing has been made of what may follow it */
        *context = peer;
        return aep__door_framing(peer) ? MHD_YES : MHD_NO;
    }
    answer(peer, method);
    return peer->replied ? MHD_YES : MHD_NO;
}

static void say_nothing(void *user, const char *format, va_list args)
{
    (void)user, (void)format, (void)args;
}

/* ---- life ----------------------------------------------------------------------------------- */

/* As many connections as there may be descriptors. */
static unsigned count_connections(void)
{
    struct rlimit files;
    rlim_t want = CONNECTIONS + FILES;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return 256;
    if (files.rlim_cur < want) {
        files.rlim_cur = files.rlim_max < want ? files.rlim_max : want;
        setrlimit(RLIMIT_NOFILE, &files);
        getrlimit(RLIMIT_NOFILE, &files);
    }
    if (files.rlim_cur >= want)
        return CONNECTIONS;
    return files.rlim_cur > FILES + 16 ? (unsigned)files.rlim_cur - FILES : 16;
}

int aep__http_open(struct aep__http *http, struct aep__serve *serve, int listen_fd, aep_error *err)
{
    http->serve = serve;
    http->peers_max = count_connections();
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET, 0,
        NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL,
        MHD_OPTION_CONNECTION_LIMIT, http->peers_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEAD_BYTES, MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)4096,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_URI_LOG_CALLBACK, on_target,
        NULL, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_SIGPIPE_HANDLED_BY_APP,
        1, STRICT, 1, MHD_OPTION_END);
    int code = http->daemon ? AEP_OK
                            : aep__error(err, AEP_EIO, "listen", "the HTTP server does not start");
    if (code == AEP_OK)
        code = aep__gate_open(&http->gate, http, listen_fd, err);
    else
        close(listen_fd);
    if (code != AEP_OK)
        return code;
    http->fd = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return AEP_OK;
}

void aep__http_turn(struct aep__http *http)
{
    aep__gate_turn(&http->gate);
    hang_up_late(http);
    MHD_run(http->daemon);
}

int aep__http_wait_ms(const struct aep__http *http)
{
    MHD_UNSIGNED_LONG_LONG ms;
    bool looks = http->peers > 0 || http->gate.count > 0 || http->gate.rests;
    int look_ms = looks ? LOOK_US / 1000 : -1;
    if (MHD_get_timeout(http->daemon, &ms) != MHD_YES)
        return look_ms;
    return look_ms < 0 || ms < (unsigned)look_ms ? (int)(ms > 60000 ? 60000 : ms) : look_ms;
}

void aep__http_take(struct aep__http *http, int fd, const struct sockaddr *address, socklen_t len)
{
    MHD_add_connection(http->daemon, fd, address, len); /* where it cannot, it has closed it */
}

void aep__http_quiesce(struct aep__http *http)
{
    aep__gate_quiesce(&http->gate);
}

void aep__http_close(struct aep__http *http)
{
    if (!http->daemon)
        return;
    aep__gate_close(&http->gate);
    MHD_stop_daemon(http->daemon);
    http->daemon = NULL;
    aep__request_done(&http->request);
}

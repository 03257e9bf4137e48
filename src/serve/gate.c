/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/gate.h"

#include "serve/door.h"
#include "serve/head.h"
#include "serve/http.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/os.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 64        /* in a turn */
#define HEAD_US 10000000 /* within which the head has to be there */

struct aep__caller {
    struct aep__caller *previous, *next;
    int fd;
    bool late; /* it was at the last look */
    int64_t since_us;
    struct sockaddr_storage address;
    socklen_t address_len;
};

static int watch(const struct aep__gate *gate, int fd, uint32_t events, void *of)
{
    struct epoll_event event = {.events = events, .data.ptr = of};
    return epoll_ctl(gate->fd, EPOLL_CTL_ADD, fd, &event);
}

/* While it rests, those that call wait in the kernel's queue. */
static void set_rests(struct aep__gate *gate, bool rests)
{
    struct epoll_event event = {.events = rests ? 0 : EPOLLIN};
    if (gate->listen_fd >= 0 && gate->rests != rests)
        epoll_ctl(gate->fd, EPOLL_CTL_MOD, gate->listen_fd, &event);
    gate->rests = rests;
}

int aep__gate_open(struct aep__gate *gate, struct aep__http *http, int listen_fd, aep_error *err)
{
    *gate = (struct aep__gate){.http = http, .listen_fd = listen_fd};
    gate->head = malloc(AEP__HEAD_MAX + 1);
    gate->fd = aep__os_above(epoll_create1(EPOLL_CLOEXEC));
    if (!gate->head)
        return aep__error_memory(err);
    if (gate->fd < 0 || watch(gate, listen_fd, EPOLLIN, NULL) < 0)
        return aep__error_errno(err, AEP_EIO, "listen", "cannot wait for connections");
    return AEP_OK;
}

/* ---- those that wait ------------------------------------------------------------------------ */

/* Its descriptor stays open. */
static void forget(struct aep__gate *gate, struct aep__caller *caller)
{
    *(caller->previous ? &caller->previous->next : &gate->first) = caller->next;
    *(caller->next ? &caller->next->previous : &gate->last) = caller->previous;
    gate->count--;
    free(caller);
}

static void end(struct aep__gate *gate, struct aep__caller *caller)
{
    close(caller->fd);
    forget(gate, caller);
}

bool aep__gate_make_room(struct aep__gate *gate)
{
    bool waits = gate->first != NULL;
    if (waits)
        end(gate, gate->first);
    return waits;
}

/* At the second look: it may be we who are late, and what it has sent is looked at in between. */
void aep__gate_look(struct aep__gate *gate, int64_t now_us)
{
    struct aep__caller *next;
    set_rests(gate, false);
    for (struct aep__caller *caller = gate->first; caller; caller = next) {
        next = caller->next;
        bool late = now_us - caller->since_us > HEAD_US;
        if (!late)
            break;
        if (caller->late)
            end(gate, caller);
        else
            caller->late = true;
    }
}

/* ---- heads ---------------------------------------------------------------------------------- */

/* What has not been read when a connection is closed resets it, with what has been sent. */
static void refuse(struct aep__gate *gate, struct aep__caller *caller, const char *status,
                   const char *why)
{
    aep__door_refuse(caller->fd, status, why);
    shutdown(caller->fd, SHUT_WR);
    for (int i = 0; i < 8 && recv(caller->fd, gate->head, AEP__HEAD_MAX, MSG_DONTWAIT) > 0; i++)
        ;
    end(gate, caller);
}

static void hand_on(struct aep__gate *gate, struct aep__caller *caller)
{
    int fd = caller->fd;
    struct sockaddr_storage address = caller->address;
    socklen_t len = caller->address_len;
    epoll_ctl(gate->fd, EPOLL_CTL_DEL, fd, NULL);
    forget(gate, caller);
    aep__http_take(gate->http, fd, (struct sockaddr *)&address, len);
}

static void look_at_head(struct aep__gate *gate, struct aep__caller *caller, bool over)
{
    ssize_t len = recv(caller->fd, gate->head, AEP__HEAD_MAX + 1, MSG_PEEK | MSG_DONTWAIT);
    if (len < 0 && (errno == EAGAIN || errno == EINTR) && !over)
        return;
    enum aep__head head = len > 0 ? aep__head_check(gate->head, (size_t)len) : AEP__HEAD_PART;
    if (head == AEP__HEAD_WHOLE)
        hand_on(gate, caller);
    else if (head == AEP__HEAD_MALFORMED)
        refuse(gate, caller, "400 Bad Request", "the request is malformed");
    else if (len > AEP__HEAD_MAX)
        refuse(gate, caller, "431 Request Header Fields Too Large", "the request is too large");
    else if (len <= 0 || over) /* there will be no more of it */
        end(gate, caller);
}

/* ---- accepting ------------------------------------------------------------------------------ */

static void turn_away(int fd)
{
    aep__door_refuse(fd, "503 Service Unavailable", "there are too many connections");
    shutdown(fd, SHUT_WR);
    close(fd);
}

static void add(struct aep__gate *gate, int fd, const struct sockaddr_storage *address,
                socklen_t address_len)
{
    struct aep__caller *caller = calloc(1, sizeof *caller);
    if (!caller || watch(gate, fd, EPOLLIN | EPOLLRDHUP | EPOLLET, caller) < 0) {
        free(caller);
        close(fd);
        return;
    }
    *caller = (struct aep__caller){.previous = gate->last,
                                   .fd = fd,
                                   .since_us = aep__clock_mono_us(),
                                   .address = *address,
                                   .address_len = address_len};
    *(gate->last ? &gate->last->next : &gate->first) = caller;
    gate->last = caller;
    gate->count++;
}

static bool is_exhausted(int problem)
{
    return problem == EMFILE || problem == ENFILE || problem == ENOBUFS || problem == ENOMEM;
}

static void accept_some(struct aep__gate *gate)
{
    for (int i = 0; i < EVENTS; i++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        int fd = aep__os_above(accept4(gate->listen_fd, (struct sockaddr *)&address, &len,
                                       SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (fd < 0) { /* where descriptors are exhausted, it is the first that surely waits */
            set_rests(gate, i == 0 && is_exhausted(errno) && !aep__gate_make_room(gate));
            return;
        }
        if (gate->count + gate->http->peers < gate->http->peers_max || aep__gate_make_room(gate))
            add(gate, fd, &address, len);
        else
            turn_away(fd);
    }
}

/* Those that make room may have events of this turn still to come: accepting comes last. */
void aep__gate_turn(struct aep__gate *gate)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(gate->fd, events, EVENTS, 0);
    bool calls = false;
    for (int i = 0; i < count; i++) {
        if (!events[i].data.ptr)
            calls = true;
        else
            look_at_head(gate, events[i].data.ptr,
                         events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
    }
    if (calls && gate->listen_fd >= 0)
        accept_some(gate);
}

/* ---- the end -------------------------------------------------------------------------------- */

void aep__gate_quiesce(struct aep__gate *gate)
{
    if (gate->listen_fd >= 0) {
        epoll_ctl(gate->fd, EPOLL_CTL_DEL, gate->listen_fd, NULL); /* it may listen on elsewhere */
        close(gate->listen_fd);
    }
    gate->listen_fd = -1;
}

void aep__gate_close(struct aep__gate *gate)
{
    aep__gate_quiesce(gate);
    while (aep__gate_make_room(gate))
        ;
    if (gate->fd >= 0)
        close(gate->fd);
    gate->fd = -1;
    free(gate->head);
    gate->head = NULL;
}

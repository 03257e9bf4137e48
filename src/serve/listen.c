/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/listen.h"

#include "base/error.h"
#include "base/os.h"
#include "config/value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEND_BYTES 131072 /* of the kernel's, for each connection: they inherit it */

static int refuse(const char *text, const char *why, aep_error *err)
{
    char quoted[AEP__QUOTE_SIZE];
    return aep__error(err, AEP_EINVAL, "listen", "--listen: %s %s; write it as 127.0.0.1:7450",
                      aep__quote(text, quoted), why);
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static int look_up(struct aep__listen_address *ret, const char *host, const char *port,
                   const char *text, aep_error *err)
{
    struct addrinfo *found = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int problem = getaddrinfo(*host ? host : NULL, port, &hints, &found);
    if (problem || !found)
        return refuse(text, "is no address of this machine", err);
    memcpy(&ret->address, found->ai_addr, found->ai_addrlen);
    ret->len = found->ai_addrlen;
    ret->loopback = is_loopback(&ret->address);
    freeaddrinfo(found);
    return AEP_OK;
}

int aep__listen_read(struct aep__listen_address *ret, const char *text, aep_error *err)
{
    char host[256];
    const char *colon = strrchr(text, ':');
    char *end;
    *ret = (struct aep__listen_address){0};
    if (!colon || colon - text >= (ptrdiff_t)sizeof host)
        return refuse(text, "has no port", err);
    long port = strtol(colon + 1, &end, 10);
    if (!colon[1] || *end || strspn(colon + 1, "0123456789") != strlen(colon + 1) || port > 65535)
        return refuse(text, "has no port from 0 to 65535", err);
    snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    bool bracketed = host[0] == '[' && host[strlen(host) - 1] == ']';
    if (!bracketed && strchr(host, ':'))
        return refuse(text, "needs brackets around the address", err);
    snprintf(ret->host, sizeof ret->host, "%s", *host ? host : "localhost");
    if (bracketed) {
        host[strlen(host) - 1] = '\0';
        memmove(host, host + 1, strlen(host));
    }
    ret->port = (uint16_t)port;
    return look_up(ret, host, colon + 1, text, err);
}

static void take_port(struct aep__listen_address *address, int fd)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &len) == 0)
        address->port =
            ntohs(bound.ss_family == AF_INET ? ((struct sockaddr_in *)&bound)->sin_port
                                             : ((struct sockaddr_in6 *)&bound)->sin6_port);
}

int aep__listen_open(struct aep__listen_address *address, int *ret_fd, aep_error *err)
{
    if (*ret_fd >= 0) {
        take_port(address, *ret_fd);
        return AEP_OK;
    }
    int on = 1, bytes = SEND_BYTES,
        fd = aep__os_above(
            socket(address->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address->address, address->len) < 0 ||
        listen(fd, SOMAXCONN) < 0) {
        int problem = errno;
        if (fd >= 0)
            close(fd);
        errno = problem;
        return aep__error_errno(err, AEP_EIO, "listen", "cannot listen on %s:%u%s", address->host,
                                (unsigned)address->port,
                                problem == EADDRINUSE ? " (--listen 127.0.0.1:0 takes a free port)"
                                                      : "");
    }
    take_port(address, fd);
    *ret_fd = fd;
    return AEP_OK;
}

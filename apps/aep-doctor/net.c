/* SPDX-License-Identifier: Apache-2.0 */
#include "net.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aep/amount.h"

#include "base/clock.h"
#include "base/error.h"

/* 0, or the error. */
static int finish_connect(int fd, int timeout_ms)
{
    int error = ETIMEDOUT;
    socklen_t size = sizeof error;
    if (poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, timeout_ms) > 0)
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

static int try_connect(const struct addrinfo *address, int timeout_ms)
{
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    address->ai_protocol);
    if (fd < 0)
        return errno;
    int error = connect(fd, address->ai_addr, address->ai_addrlen) < 0 ? errno : 0;
    if (error == EINPROGRESS)
        error = finish_connect(fd, timeout_ms);
    close(fd);
    return error;
}

static void try_address(struct aep__reach *reach, const struct addrinfo *address, int timeout_ms)
{
    char text[NI_MAXHOST] = "?";
    getnameinfo(address->ai_addr, address->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    int64_t begin_us = aep__clock_mono_us();
    int error = try_connect(address, timeout_ms);
    double took_ms = (double)(aep__clock_mono_us() - begin_us) / 1000;
    if (error) {
        aep__buf_format(&reach->text, "%s: %s\n", text, aep__errno_text(error));
        return;
    }
    aep__buf_format(&reach->text, "%s: connected in %s\n", text, aep__amount_ms(took_ms).text);
    reach->best_ms = reach->reached && reach->best_ms < took_ms ? reach->best_ms : took_ms;
    reach->reached = true;
}

void aep__reach_try(struct aep__reach *reach, const char *host, const char *port, int family,
                    int timeout_ms)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    *reach = (struct aep__reach){0};
    int error = getaddrinfo(host, port, &hints, &addresses);
    if (error) {
        aep__buf_format(&reach->text, "%s: %s\n", host, gai_strerror(error));
        return;
    }
    reach->resolved = true;
    for (const struct addrinfo *at = addresses; at; at = at->ai_next)
        try_address(reach, at, timeout_ms);
    freeaddrinfo(addresses);
}

void aep__reach_done(struct aep__reach *reach)
{
    aep__buf_done(&reach->text);
}

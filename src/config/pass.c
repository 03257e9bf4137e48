/* SPDX-License-Identifier: Apache-2.0 */
#include "config/pass.h"

#include "base/clock.h"
#include "base/endian.h"
#include "base/error.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

int aep__config_send(int fd, const aep_config *config, aep_error *err)
{
    struct aep__buf data = {0};
    char length[4] = {0};
    aep__buf_add(&data, length, sizeof length);
    aep__config_pack(config, &data);
    int result = data.failed ? aep__error_memory(err) : AEP_OK;
    if (result == AEP_OK) {
        int room = (int)data.len * 2 + 4096;
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        aep__put32(data.data, (uint32_t)(data.len - sizeof length));
        ssize_t sent = send(fd, data.data, data.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0 && (size_t)sent < data.len)
            errno = EMSGSIZE;
        if (sent != (ssize_t)data.len)
            result = aep__error_errno(err, AEP_ERELAY, NULL, "cannot pass the settings on");
    }
    if (data.data)
        explicit_bzero(data.data, data.cap);
    aep__buf_done(&data);
    return result;
}

#define DEADLINE_US 5000000
#define LENGTH_MAX (4 * 1024 * 1024)

/* Receives exactly len bytes. */
static int receive(int fd, char *data, size_t len, int64_t deadline_us, aep_error *err)
{
    while (len > 0) {
        int64_t left_us = deadline_us - aep__clock_mono_us();
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        if (left_us <= 0 || poll(&readable, 1, (int)(left_us / 1000) + 1) == 0)
            return aep__error(err, AEP_EIO, NULL, "the settings did not arrive in time");
        ssize_t got = recv(fd, data, len, 0);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0)
            return aep__error(err, AEP_EIO, NULL, "the settings ended before they were whole");
        data += got;
        len -= (size_t)got;
    }
    return AEP_OK;
}

int aep__config_receive(int fd, aep_config **ret, aep_error *err)
{
    char head[4];
    struct aep__buf buf = {0};
    int64_t deadline_us = aep__clock_mono_us() + DEADLINE_US;
    int result = receive(fd, head, sizeof head, deadline_us, err);
    if (result != AEP_OK)
        return result;
    size_t len = aep__get32(head);
    if (len > LENGTH_MAX)
        return aep__error(err, AEP_ECONFIG, NULL, "settings of %zu bytes", len);
    if (!aep__buf_reserve(&buf, len))
        return aep__error_memory(err);
    result = receive(fd, buf.data, len, deadline_us, err);
    if (result == AEP_OK)
        result = aep__config_unpack_loaded(buf.data, len, ret, err);
    if (buf.data)
        explicit_bzero(buf.data, buf.cap);
    aep__buf_done(&buf);
    return result;
}

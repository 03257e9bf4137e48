/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/settings.h"

#include "base/clock.h"
#include "base/endian.h"
#include "base/error.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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

int aep__settings_receive(int fd, aep_config **ret, aep_error *err)
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
        result = aep__config_unpack(buf.data, len, ret, err);
    aep__buf_done(&buf);
    return result;
}

/* ---- fingerprint ---- */

#define CONTENT_MAX (1024 * 1024)

/* Adds a file's contents, or for anything else, such as a folder of certificates, when it last
 * changed. */
static void add_content(struct aep__buf *pair, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0) {
        aep__buf_format(pair, "\n%d", errno);
    } else if (!S_ISREG(st.st_mode)) {
        aep__buf_format(pair, "\n%lld.%09ld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    } else if (aep__buf_reserve(pair, CONTENT_MAX)) {
        ssize_t got;
        size_t end = pair->len + CONTENT_MAX;
        while (pair->len < end && (got = read(fd, pair->data + pair->len, end - pair->len)) > 0)
            pair->len += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
}

/* Adds one setting; the order in which they come does not matter. */
static int mix(void *user, const char *name, const char *value)
{
    uint8_t *sum = user, hash[16];
    struct aep__buf pair = {0};
    aep__buf_text(&pair, name);
    aep__buf_byte(&pair, '=');
    aep__buf_text(&pair, value);
    if (value[0] == '/')
        add_content(&pair, value);
    aep__hash128(pair.failed ? "" : pair.data, pair.failed ? 0 : pair.len, hash);
    if (pair.data)
        explicit_bzero(pair.data, pair.cap);
    aep__buf_done(&pair);
    for (size_t i = 0; i < sizeof hash; i++)
        sum[i] ^= hash[i];
    return 0;
}

/* A password file that cannot be read changes the sum by what it does not add. */
void aep__settings_fingerprint(const aep_config *config, char text[33])
{
    uint8_t sum[16] = {0};
    aep__config_each_kafka(config, mix, sum, NULL);
    for (size_t i = 0; i < sizeof sum; i++)
        snprintf(text + 2 * i, 3, "%02x", sum[i]);
}

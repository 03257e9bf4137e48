/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/settings.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

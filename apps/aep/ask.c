/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include "runnable.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "client/spawn.h"
#include "config/config.h"
#include "spool/bell.h"
#include "spool/control.h"
#include "spool/status.h"

#define START_MS 10000
#define RETRY_MS 1000   /* how long a relay that was started may take to come up */
#define CONNECT_MS 5000 /* how long a relay that holds the lock may take to listen */
#define LATELY_MS 2000  /* how long a relay that was started may take to lock */
#define PAUSE_MS 1000   /* how long a relay may be silent before we look whether it is stopped */
#define STEP_MS 10      /* between two looks at the lock: it has no descriptor to wait on */

bool aep__ask_alive(const struct aep__spool *spool)
{
    int fd = aep__lock_open(spool);
    bool alive = fd >= 0 && aep__lock_held(fd);
    if (fd >= 0)
        close(fd);
    return alive;
}

bool aep__ask_coming(const struct aep__spool *spool)
{
    int fd = aep__lock_open(spool);
    bool held = fd >= 0 && aep__lock_held(fd);
    while (fd >= 0 && !held && aep__lock_tried(fd, LATELY_MS)) {
        poll(NULL, 0, STEP_MS);
        held = aep__lock_held(fd);
    }
    if (fd >= 0)
        close(fd);
    return held;
}

static bool is_listening(const struct aep__spool *spool)
{
    int fd = aep__control_connect(spool);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Whether the relay cannot answer because somebody stopped it (SIGSTOP, a debugger); err says so. */
static bool is_stopped(const struct aep__spool *spool, aep_error *err)
{
    struct aep__status status;
    bool stopped = aep__status_read(spool, &status, NULL) == AEP_OK && aep__status_stopped(&status);
    if (stopped)
        aep__error(err, AEP_ERELAY, "", "%s", status.reason);
    return stopped;
}

/* False if a relay that somebody, perhaps a publisher, started a moment ago is still coming up. */
static bool may_start(const struct aep__spool *spool)
{
    int fd = aep__lock_open(spool);
    bool may = fd >= 0 && !aep__lock_held(fd) && aep__lock_may_start(fd, RETRY_MS);
    if (fd >= 0)
        close(fd);
    return may;
}

static int start(const aep_config *config, const struct aep__spool *spool, aep_error *err)
{
    struct aep__os_child relay;
    int64_t end_us = aep__clock_mono_us() + START_MS * INT64_C(1000);
    int code = AEP_OK;
    bool again = false;
    while (code == AEP_OK && !is_listening(spool)) {
        if (aep__clock_mono_us() >= end_us)
            return is_stopped(spool, err)
                       ? AEP_ERELAY
                       : aep__error(err, AEP_ERELAY, "",
                                    "the relay was started but does not answer; see %s/relay.log",
                                    spool->path);
        if (may_start(spool)) {
            if (again) /* the first has not come up */
                code = aep__runnable_relay(config, err);
            if (code == AEP_OK)
                code = aep__spawn(&aep__spawned_relay, config, spool->path, &relay, err);
            again = true;
        }
        poll(NULL, 0, STEP_MS);
    }
    return code;
}

int aep__ask_start(const struct aep__args *args, const struct aep__spool *spool, aep_error *err)
{
    aep_config *arguments = NULL, *config = NULL;
    if (is_listening(spool))
        return AEP_OK;
    int code = aep__args_config(args, &arguments, err);
    if (code == AEP_OK)
        code = aep__config_resolve(arguments, &config, err);
    if (code == AEP_OK)
        code = start(config, spool, err);
    aep_config_free(arguments);
    aep_config_free(config);
    return code;
}

/* Waits for the answer to request 1. A relay that hangs up while it lies there unread resets the connection
 * (unix(7)): it does not know of the request. */
static int receive(const struct aep__spool *spool, int fd, int64_t end_us,
                   char text[AEP__CONTROL_MAX], bool *ret_unread, aep_error *err)
{
    for (;;) {
        ssize_t n = aep__control_receive(fd, text, AEP__CONTROL_MAX);
        if (n > 0)
            return AEP_OK;
        *ret_unread = n < 0 && errno == ECONNRESET;
        if (n == 0 || errno != EAGAIN)
            return aep__error(err, AEP_ERELAY, "", "the relay ended before it answered");
        int64_t left_us = end_us - aep__clock_mono_us();
        if (left_us <= 0)
            return aep__error(err, AEP_EDEFERRED, "", "no answer from the relay yet");
        int left_ms = (int)(left_us / 1000) + 1;
        int ready = poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1,
                         left_ms < PAUSE_MS ? left_ms : PAUSE_MS);
        if (ready == 0 && is_stopped(spool, err))
            return AEP_ERELAY;
    }
}

/* A relay takes the lock first and listens a little later. -1: errno. */
static int connect_relay(const struct aep__spool *spool)
{
    int64_t end_us = aep__clock_mono_us() + CONNECT_MS * INT64_C(1000);
    for (;;) {
        int fd = aep__control_connect(spool), saved = errno;
        if (fd >= 0 || !aep__ask_alive(spool) || aep__clock_mono_us() >= end_us) {
            errno = saved;
            return fd;
        }
        poll(NULL, 0, STEP_MS);
    }
}

static int refuse_connection(const struct aep__spool *spool, int error, aep_error *err)
{
    if (is_stopped(spool, err))
        return AEP_ERELAY;
    errno = error;
    return aep__error_errno(err, AEP_ERELAY, "", "no relay answers on %s", spool->path);
}

static int ask_once(const struct aep__spool *spool, const char *request, int64_t end_us,
                    char text[AEP__CONTROL_MAX], bool *ret_unread, aep_error *err)
{
    int code, fd = connect_relay(spool);
    *ret_unread = false;
    if (fd < 0)
        return refuse_connection(spool, errno, err);
    if (aep__control_send(fd, "%s", request)) {
        code = receive(spool, fd, end_us, text, ret_unread, err);
    } else {
        *ret_unread = errno == EPIPE || errno == ECONNRESET;
        code = aep__error(err, AEP_ERELAY, "", "the relay is busy: try again");
    }
    close(fd);
    return code;
}

/* One that becomes another program (upgrade/successor.h) hangs up, keeps the lock, and listens anew. */
int aep__ask(const struct aep__spool *spool, const char *request, int timeout_ms, char *reply,
             size_t size, aep_error *err)
{
    int64_t end_us = aep__clock_mono_us() + timeout_ms * INT64_C(1000);
    bool unread;
    int code;
    char *text = malloc(AEP__CONTROL_MAX);
    if (!text)
        return aep__error_memory(err);
    do
        code = ask_once(spool, request, end_us, text, &unread, err);
    while (unread && aep__ask_alive(spool) && aep__clock_mono_us() < end_us);
    if (code == AEP_OK) {
        const char *words = strchr(text, ' ');
        words = words ? words + 1 : text;
        if (strncmp(words, "error", 5) == 0)
            code = aep__error(err, AEP_ERELAY, "", "the relay refused: %s", words + 5);
        snprintf(reply, size, "%s", words);
    }
    free(text);
    return code;
}

int aep__ask_stop(const struct aep__spool *spool, int timeout_ms, aep_error *err)
{
    char reply[128];
    int64_t end_us = aep__clock_mono_us() + timeout_ms * INT64_C(1000);
    int code = aep__ask(spool, "stop 1", timeout_ms, reply, sizeof reply, err);
    for (int step = 1; code == AEP_OK && aep__ask_alive(spool); step++) {
        bool long_since = step % (PAUSE_MS / STEP_MS) == 0;
        if (long_since && is_stopped(spool, err))
            return AEP_ERELAY;
        if (long_since) /* one that was waiting for its place may have taken over */
            aep__ask(spool, "stop 1", PAUSE_MS, reply, sizeof reply, NULL);
        if (aep__clock_mono_us() >= end_us)
            return aep__error(err, AEP_ERELAY, "", "the relay has not ended in %d s",
                              timeout_ms / 1000);
        poll(NULL, 0, STEP_MS);
    }
    return code;
}

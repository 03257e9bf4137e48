/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/handover.h"

#include "base/clock.h"
#include "base/error.h"
#include "spool/bell.h"
#include "spool/boot.h"
#include "spool/control.h"

#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MS 2000
#define CONTEND_US 15000000 /* to log in */
#define RELEASE_US 10000000 /* for the holder to end */
#define LISTEN_US 5000000 /* for a holder to listen: it may have become another program just now */
#define RETRY_MS 10

static int keep_out(aep_error *err, const char *why)
{
    return aep__error(err, AEP_ESTATE, NULL, "another relay runs on this spool%s", why);
}

/* Sends a request and waits for "1 ok"; the connection stays open in *ret_fd. */
static bool ask(struct aep__relay *relay, const char *verb, const char *argument, int *ret_fd)
{
    char text[64] = "";
    *ret_fd = aep__control_connect(&relay->spool);
    struct pollfd answer = {.fd = *ret_fd, .events = POLLIN};
    return *ret_fd >= 0 && aep__control_send(*ret_fd, "%s 1 %s", verb, argument) &&
           poll(&answer, 1, ANSWER_MS) > 0 &&
           aep__control_receive(*ret_fd, text, sizeof text) > 0 && strcmp(text, "1 ok") == 0;
}

/* Waits until the holder has released the lock: it hangs up first, and unlocks moments later. */
static bool await_lock(struct aep__relay *relay, int fd)
{
    int64_t deadline_us = aep__clock_mono_us() + RELEASE_US;
    struct pollfd hangup = {.fd = fd, .events = POLLIN};
    poll(&hangup, 1, RELEASE_US / 1000);
    while (!aep__lock_take(relay->lock_fd)) {
        if (aep__clock_mono_us() >= deadline_us)
            return false;
        poll(NULL, 0, RETRY_MS);
    }
    return true;
}

static bool ask_for_lock(struct aep__relay *relay, const char *verb, const char *argument)
{
    int fd;
    bool taken = ask(relay, verb, argument, &fd) && await_lock(relay, fd);
    if (fd >= 0)
        close(fd);
    return taken;
}

static bool is_listening(struct aep__relay *relay)
{
    int fd = aep__control_connect(&relay->spool);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* The holder may be becoming another program, which listens a little later: asked in that moment it hangs
 * up, or does not listen. False: it listens, and keeps the lock. */
static bool replace_holder(struct aep__relay *relay)
{
    int64_t end_us = aep__clock_mono_us() + LISTEN_US;
    while (!ask_for_lock(relay, "stop", "automatic")) {
        if (aep__lock_take(relay->lock_fd))
            return true;
        if (is_listening(relay) || aep__clock_mono_us() >= end_us)
            return ask_for_lock(relay, "stop", "automatic");
        poll(NULL, 0, RETRY_MS);
    }
    return true;
}

/* Connects with our own settings. False: Kafka refuses them as it does the holder's. */
static bool can_log_in(struct aep__relay *relay)
{
    int64_t deadline_us = aep__clock_mono_us() + CONTEND_US;
    while (relay->broker.state == AEP_BROKER_UNKNOWN ||
           relay->broker.state == AEP_BROKER_UNREACHABLE) {
        int64_t left_us = deadline_us - aep__clock_mono_us();
        struct pollfd event = {.fd = relay->sink->ops->fd(relay->sink), .events = POLLIN};
        relay->sink->ops->verify(relay->sink);
        if (left_us <= 0 || poll(&event, 1, (int)(left_us / 1000) + 1) < 0)
            break;
        relay->sink->ops->serve(relay->sink, event.revents != 0);
    }
    return relay->broker.state == AEP_BROKER_CONNECTED;
}

static bool holder_refused(struct aep__relay *relay)
{
    struct aep__status status;
    return !relay->spool.local && aep__status_read(&relay->spool, &status, NULL) == AEP_OK &&
           aep__status_refused(&status);
}

/* Whether the holder would give way to these settings: not if they are its own, which failed. */
static bool worth_it(struct aep__relay *relay)
{
    int fd;
    bool would = ask(relay, "contend", relay->fingerprint, &fd);
    if (fd >= 0)
        close(fd);
    return would;
}

static int contend(struct aep__relay *relay, aep_error *err)
{
    if (!worth_it(relay))
        return keep_out(err, "");
    int result = aep__relay_make_sink(relay, err);
    if (result != AEP_OK)
        return result;
    if (can_log_in(relay) && ask_for_lock(relay, "yield", relay->fingerprint))
        return AEP_OK;
    relay->sink->ops->abandon(relay->sink);
    relay->sink->ops->free(relay->sink);
    relay->sink = NULL;
    return keep_out(err, "");
}

/* The lock that this process held as another program belongs to the descriptor, if it is this spool's. */
static void open_lock(struct aep__relay *relay)
{
    struct stat ours, left;
    int left_fd = relay->lock_fd;
    relay->lock_fd = aep__lock_open(&relay->spool);
    if (left_fd < 0)
        return;
    bool same = relay->lock_fd >= 0 && fstat(relay->lock_fd, &ours) == 0 &&
                fstat(left_fd, &left) == 0 && ours.st_dev == left.st_dev &&
                ours.st_ino == left.st_ino;
    close(same ? relay->lock_fd : left_fd);
    if (same)
        relay->lock_fd = left_fd;
}

static int take_lock(struct aep__relay *relay, aep_error *err)
{
    open_lock(relay);
    if (relay->lock_fd < 0)
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot open the lock of %s",
                                relay->spool.path);
    if (aep__lock_take(relay->lock_fd))
        return AEP_OK;
    if (relay->foreground)
        return replace_holder(relay) ? AEP_OK : keep_out(err, " and does not give way");
    return holder_refused(relay) ? contend(relay, err) : keep_out(err, "");
}

int aep__handover_take(struct aep__relay *relay, aep_error *err)
{
    int result = take_lock(relay, err);
    if (result == AEP_OK)
        aep__boot_vouch(&relay->spool, relay->lock_fd);
    return result;
}

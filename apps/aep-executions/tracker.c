/* SPDX-License-Identifier: Apache-2.0 */
#include "tracker.h"

#include "aep/runnable.h"
#include "aep/spools.h"

#include "base/clock.h"
#include "base/error.h"
#include "client/spawn.h"
#include "track/link.h"
#include "track/reading.h"
#include "track/store.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STEP_MS 5          /* between two looks for one that is starting */
#define ANSWER_MS 10000    /* to what is not read before it is done */
#define RESTART_US 1000000 /* how long one that was started may take to lock */

struct sync {
    const aep_config *config;
    const char *store, *spool;
    int64_t end_us, start_us; /* monotonic: when to give up; when to start another one */
    int64_t as_of_us;
    struct aep__buf settings;
    char *differs;
};

static int left_ms(const struct sync *sync)
{
    int64_t left_us = sync->end_us - aep__clock_mono_us();
    return left_us <= 0 ? 0 : (int)((left_us + 999) / 1000);
}

enum answer {
    CAUGHT_UP,
    BEHIND,   /* it has, up to as_of_us; err says why not up to now */
    FAILED,   /* err says why */
    NO_ANSWER /* in time, or it has ended before it had one */
};

static enum answer ask(struct sync *sync, int fd, aep_error *err)
{
    char line[AEP__LINK_LINE];
    if (!aep__link_send(fd, "settings %s", aep__buf_string(&sync->settings)) ||
        !aep__link_send(fd, "sync %s", sync->spool) ||
        aep__link_receive(fd, line, sizeof line, left_ms(sync)) <= 0)
        return NO_ANSWER;
    if (sscanf(line, "settings %255[^\n]", sync->differs) < 1)
        sync->differs[0] = '\0';
    if (aep__link_receive(fd, line, sizeof line, left_ms(sync)) <= 0)
        return NO_ANSWER;
    if (sscanf(line, "synced %" SCNd64, &sync->as_of_us) == 1)
        return CAUGHT_UP;
    int at = 0;
    if (sscanf(line, "behind %" SCNd64 " %n", &sync->as_of_us, &at) == 1 && at > 0) {
        aep__error(err, AEP_EDEFERRED, "", "Kafka cannot be read: %s", line + at);
        return BEHIND;
    }
    aep__error(err, AEP_EDEFERRED, "", "the tracker cannot store events: %s",
               strncmp(line, "failed ", 7) == 0 ? line + 7 : line);
    return FAILED;
}

static int start(struct sync *sync, aep_error *err)
{
    struct aep__os_child child;
    char path[PATH_MAX];
    int64_t now_us = aep__clock_mono_us();
    if (now_us < sync->start_us || aep__link_held(sync->store))
        return AEP_OK;
    if (sync->start_us > 0 && /* the first has not come up */
        aep__spawn_find(&aep__spawned_tracker, sync->config, path, sizeof path, NULL) == AEP_OK &&
        aep__runnable(path, err) != AEP_OK)
        return AEP_ERELAY;
    sync->start_us = now_us + RESTART_US;
    return aep__spawn(&aep__spawned_tracker, sync->config, sync->store, &child, err);
}

static int say_late(const struct sync *sync, aep_error *err)
{
    struct aep__buf who = {0};
    const char *where = aep__link_where(sync->config, sync->store);
    int code = aep__store_locked(where, &who)
                   ? aep__error(err, AEP_EDEFERRED, "",
                                "the tracker cannot store events: " AEP__STORE_LOCKED, where,
                                aep__buf_string(&who))
                   : aep__error(err, AEP_EDEFERRED, "", "the tracker has not caught up yet");
    aep__buf_done(&who);
    return code;
}

static int catch_up(struct sync *sync, aep_error *err)
{
    do {
        enum answer answer = NO_ANSWER;
        int code = AEP_OK, fd = aep__link_connect(sync->store);
        if (fd >= 0) {
            answer = ask(sync, fd, err);
            close(fd);
        } else {
            code = start(sync, err);
        }
        if (code != AEP_OK || answer != NO_ANSWER)
            return answer == FAILED || answer == BEHIND ? AEP_EDEFERRED : code;
        poll(NULL, 0, STEP_MS);
    } while (left_ms(sync) > 0);
    return say_late(sync, err);
}

static int64_t stored_as_of(const char *where)
{
    struct aep__store *reader;
    aep_error why;
    int64_t as_of_us = 0;
    if (aep__store_open(&reader, where, false, &why) != AEP_OK)
        return 0;
    if (reader->ops->get_count(reader, AEP__COUNT_AS_OF, &as_of_us, &why) != AEP_OK)
        as_of_us = 0;
    reader->ops->close(reader);
    return as_of_us;
}

int aep__tracker_sync(const aep_config *config, int wait_ms, int64_t *ret_as_of_us,
                      char ret_differs[AEP__TRACKER_DIFFERS], aep_error *err)
{
    struct aep__buf store = {0}, spool = {0};
    *ret_as_of_us = 0;
    ret_differs[0] = '\0';
    int code = aep__link_store(config, &store, err);
    if (code == AEP_OK)
        code = aep__link_prepare(aep__buf_string(&store), err);
    if (code == AEP_OK)
        code = aep__spools_own(config, &spool, err);
    struct sync sync = {.config = config,
                        .store = aep__buf_string(&store),
                        .spool = aep__buf_string(&spool),
                        .end_us = aep__clock_mono_us() + wait_ms * INT64_C(1000),
                        .differs = ret_differs};
    aep__reading_settings(config, true, &sync.settings);
    if (code == AEP_OK)
        code = catch_up(&sync, err);
    *ret_as_of_us = code == AEP_OK || sync.as_of_us > 0
                        ? sync.as_of_us
                        : stored_as_of(aep__link_where(config, sync.store));
    aep__buf_done(&store);
    aep__buf_done(&spool);
    aep__buf_done(&sync.settings);
    return code;
}

int aep__tracker_pin(const aep_config *config, const char *id, bool pinned, aep_error *err)
{
    char line[AEP__LINK_LINE] = "";
    struct aep__buf store = {0};
    if (aep__link_store(config, &store, err) != AEP_OK)
        return -1;
    int fd = aep__link_connect(aep__buf_string(&store));
    bool answered = fd >= 0 && aep__link_send(fd, "%s %s", pinned ? "pin" : "unpin", id) &&
                    aep__link_receive(fd, line, sizeof line, ANSWER_MS) > 0;
    if (fd >= 0)
        close(fd);
    aep__buf_done(&store);
    if (!answered)
        return aep__error(err, AEP_ERELAY, "", "the tracker does not answer: try again"), -1;
    if (strcmp(line, "done") == 0 || strcmp(line, "unknown") == 0)
        return line[0] == 'd';
    aep__error(err, AEP_EIO, "", "the tracker cannot store that: %s",
               strncmp(line, "failed ", 7) == 0 ? line + 7 : line);
    return -1;
}

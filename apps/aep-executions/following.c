/* SPDX-License-Identifier: Apache-2.0 */
#include "following.h"

#include "aep/spools.h"

#include "base/clock.h"
#include "base/error.h"
#include "client/spawn.h"
#include "track/link.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ASK_US 1000000     /* between two questions */
#define LOOK_US 100000     /* between two looks at the store */
#define LATE_US 3000000    /* an answer that takes longer: the tracker is behind */
#define RESTART_US 2000000 /* how long one that was started may take to listen */

int aep__following_open(struct aep__following *following, struct aep__reading *reading,
                        aep_error *err)
{
    *following = (struct aep__following){
        .reading = reading, .fd = -1, .changes = -1, .answered_us = aep__clock_mono_us()};
    int code = aep__link_store(reading->config, &following->store, err);
    if (code == AEP_OK)
        code = aep__spools_own(reading->config, &following->spool, err);
    return code;
}

void aep__following_close(struct aep__following *following)
{
    if (following->fd >= 0)
        close(following->fd);
    aep__buf_done(&following->store);
    aep__buf_done(&following->spool);
    following->fd = -1;
}

/* ---- the tracker ---------------------------------------------------------------------------- */

static void hang_up(struct aep__following *following)
{
    close(following->fd);
    following->fd = -1;
    following->asked = false;
}

static void start_tracker(struct aep__following *following, int64_t now_us)
{
    struct aep__os_child child;
    aep_error err;
    const char *store = aep__buf_string(&following->store);
    if (now_us < following->start_us || aep__link_held(store))
        return;
    following->start_us = now_us + RESTART_US;
    int code = aep__link_prepare(store, &err);
    if (code == AEP_OK)
        code = aep__spawn(&aep__spawned_tracker, following->reading->config, store, &child, &err);
    if (code != AEP_OK)
        snprintf(following->problem, sizeof following->problem, "%s", err.text);
}

static void take_answer(struct aep__following *following, const char *line, int64_t now_us)
{
    int64_t as_of_us;
    int at = 0;
    following->asked = false;
    if (sscanf(line, "synced %" SCNd64, &as_of_us) == 1) {
        following->answered_us = now_us;
        following->problem[0] = '\0';
        following->reading->view.clock_us = as_of_us;
    } else if (sscanf(line, "behind %" SCNd64 " %n", &as_of_us, &at) == 1 && at > 0) {
        following->answered_us = now_us;
        following->reading->view.clock_us = as_of_us ? as_of_us : AEP__UNKNOWN_US;
        snprintf(following->problem, sizeof following->problem, "Kafka cannot be read: %.200s",
                 line + at);
    } else {
        snprintf(following->problem, sizeof following->problem,
                 "the tracker cannot store events: %.200s",
                 strncmp(line, "failed ", 7) == 0 ? line + 7 : line);
    }
}

static void talk(struct aep__following *following, int64_t now_us)
{
    char line[AEP__LINK_LINE];
    if (following->fd < 0)
        following->fd = aep__link_connect(aep__buf_string(&following->store));
    if (following->fd < 0) {
        start_tracker(following, now_us);
        return;
    }
    int got = following->asked ? aep__link_receive(following->fd, line, sizeof line, 0) : 0;
    if (got > 0)
        take_answer(following, line, now_us);
    if (got >= 0 && !following->asked && now_us >= following->asked_us + ASK_US) {
        following->asked =
            aep__link_send(following->fd, "sync %s", aep__buf_string(&following->spool));
        following->asked_us = now_us;
        got = following->asked ? got : -1;
    }
    if (got < 0)
        hang_up(following);
    struct aep__view *view = &following->reading->view;
    view->behind = now_us > following->answered_us + LATE_US || following->problem[0];
}

/* ---- the store ------------------------------------------------------------------------------ */

/* One that was deleted is made again by the tracker. */
static bool reopen(struct aep__following *following)
{
    struct aep__store *store = following->reading->store, *made;
    aep_error why;
    const char *where =
        aep__link_where(following->reading->config, aep__buf_string(&following->store));
    if (store->ops->replaced(store, &why) <= 0 ||
        aep__store_open(&made, where, false, &why) != AEP_OK)
        return false;
    store->ops->close(store);
    following->reading->store = made;
    return true;
}

int aep__following_turn(struct aep__following *following, bool *ret_changed, aep_error *err)
{
    int64_t now_us = aep__clock_mono_us(), changes = following->changes;
    *ret_changed = following->reopened = false;
    talk(following, now_us);
    if (now_us < following->looked_us + LOOK_US)
        return AEP_OK;
    following->looked_us = now_us;
    following->reopened = *ret_changed = reopen(following);
    struct aep__store *store = following->reading->store;
    int code = store->ops->get_count(store, AEP__COUNT_CHANGES, &changes, err);
    *ret_changed |= changes != following->changes;
    following->changes = changes;
    return code;
}

int64_t aep__following_next_us(const struct aep__following *following)
{
    return following->looked_us + LOOK_US;
}

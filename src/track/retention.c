/* SPDX-License-Identifier: Apache-2.0 */
#include "track/retention.h"

#include "base/error.h"
#include "track/ids.h"
#include "track/tree.h"

#define ROWS 3 /* of an execution beside its events: itself, its tombstone or litter, its parent */
#define TOMBS 200        /* that are looked at */
#define EVENTS 4         /* that it has, if not more */
#define EVENT_BYTES 1024 /* that one takes, about */
#define TOMB_BYTES 256   /* and a tombstone: all of them a quarter of the limit */
#define USUAL_US                                                                                   \
    (30 * INT64_C(86400000000)) /* for tombstones, where executions are kept for ever */

/* A step under way. */
struct step {
    struct aep__retention *retention;
    struct aep__ingest *ingest;
    int64_t now_us;
    int64_t rows;  /* that it may still change */
    bool capped;   /* whatever has ended is to go, until */
    int64_t bytes; /* so much has gone */
    bool more;
};

static bool has_room(const struct step *step)
{
    return step->rows > 0;
}

/* Takes rows for an execution and its events. False: they have to wait for the next step. One that has
 * too many events for any step has a step of its own, and its events go later. */
static bool take_rows(struct step *step, int64_t rows, int64_t events, bool *ret_at_once)
{
    bool begun = step->rows < AEP__RETENTION_ROWS;
    *ret_at_once = rows + events <= step->rows;
    step->more = true;
    if (begun && !*ret_at_once) {
        step->rows = 0;
        return false;
    }
    step->rows = *ret_at_once ? step->rows - rows - events : 0;
    return true;
}

/* ---- events that are to go ---- */

static int sweep(struct step *step, aep_error *err)
{
    struct aep__store *store = step->ingest->store;
    uint64_t count = 0;
    int result = store->ops->sweep(store, (unsigned)step->rows, &count, err);
    step->rows -= (int64_t)count;
    step->more |= count > 0;
    return result;
}

/* ---- tombstones whose time has come ---- */

static int drop_tombs(struct step *step, aep_error *err)
{
    const struct aep__retention *retention = step->retention;
    struct aep__store *store = step->ingest->store;
    int64_t most = retention->max_bytes ? retention->max_bytes / 4 / TOMB_BYTES : INT64_MAX;
    uint64_t count = 0;
    int result = store->ops->drop_tombs(store, step->now_us, most, TOMBS, &count, err);
    step->rows -= (int64_t)count;
    step->more |= count > 0;
    return result;
}

/* ---- those that have expired ---- */

static int each_expired(struct step *step, enum aep__expiry what, int64_t before_us, int64_t most,
                        aep__ids_fn fn, aep_error *err)
{
    struct aep__store *store = step->ingest->store;
    struct aep__ids ids = {0};
    if (most <= 0)
        return AEP_OK;
    int result =
        store->ops->expired(store, what, before_us, (unsigned)most, aep__ids_keep, &ids, err);
    if (result == AEP_OK)
        result = aep__ids_each(&ids, store, fn, step, err);
    aep__ids_done(&ids);
    return result;
}

static int bury(void *user, struct aep__tracked *execution, aep_error *err)
{
    struct step *step = user;
    struct aep__store *store = step->ingest->store;
    struct aep__tree tree = aep__ingest_tree(step->ingest);
    int64_t keep_us = step->retention->executions_us ? step->retention->executions_us : USUAL_US;
    bool at_once, enough = step->capped && step->bytes <= 0;
    step->more = true;
    if (enough || !take_rows(step, ROWS + execution->children, execution->events, &at_once))
        return AEP_OK;
    step->bytes -= (execution->events + 1) * EVENT_BYTES;
    int result = store->ops->entomb(store, execution, step->now_us + 2 * keep_us, at_once, err);
    return result == AEP_OK ? aep__tree_remove(&tree, execution, false, err) : result;
}

static int bury_expired(struct step *step, aep_error *err)
{
    struct aep__retention *retention = step->retention;
    struct aep__store *store = step->ingest->store;
    bool litter = step->more; /* what is to go still takes room */
    int64_t before_us = retention->executions_us ? step->now_us - retention->executions_us : 0;
    int result = store->ops->bytes(store, &retention->bytes, err);
    if (result != AEP_OK)
        return result;
    bool over = retention->max_bytes > 0 && retention->bytes > retention->max_bytes;
    step->capped = over && !litter;
    step->bytes = retention->bytes - retention->max_bytes;
    if (step->capped)
        before_us = INT64_MAX;
    if (before_us > 0)
        result = each_expired(step, AEP__EXPIRY_EXECUTION, before_us, step->rows / (ROWS + EVENTS),
                              bury, err);
    retention->over = over;
    retention->stuck = step->capped && !step->more;
    return result;
}

/* ---- those whose bodies have ---- */

static int empty(void *user, struct aep__tracked *execution, aep_error *err)
{
    struct step *step = user;
    struct aep__store *store = step->ingest->store;
    bool at_once;
    if (!take_rows(step, ROWS, execution->events, &at_once))
        return AEP_OK;
    execution->emptied_at = step->now_us;
    int result = store->ops->put(store, execution, err);
    return result == AEP_OK ? store->ops->empty(store, execution->id, at_once, err) : result;
}

static int empty_expired(struct step *step, enum aep__expiry what, int64_t after_us, aep_error *err)
{
    return after_us > 0 ? each_expired(step, what, step->now_us - after_us,
                                       step->rows / (ROWS + EVENTS), empty, err)
                        : AEP_OK;
}

/* ---- days whose bodies have ---- */

/* Once few executions are left that are to be emptied: what has been need not outlive its day. */
static int sweep_days(struct step *step, aep_error *err)
{
    struct aep__store *store = step->ingest->store;
    int64_t bodies_us = step->retention->bodies_us;
    int64_t before_us = bodies_us > 0 ? step->now_us - bodies_us : INT64_MIN;
    uint64_t count = 0;
    int result = AEP_OK;
    if (step->rows >= AEP__RETENTION_ROWS / 2)
        result = store->ops->sweep_days(store, before_us, (unsigned)step->rows, &count, err);
    step->more |= count > 0;
    return result;
}

/* ---- a step ---- */

static int work(struct step *step, aep_error *err)
{
    const struct aep__retention *retention = step->retention;
    int result = sweep(step, err);
    if (result == AEP_OK && has_room(step))
        result = drop_tombs(step, err);
    if (result == AEP_OK && has_room(step))
        result = bury_expired(step, err);
    if (result == AEP_OK && has_room(step))
        result = empty_expired(step, AEP__EXPIRY_BODIES, retention->bodies_us, err);
    if (result == AEP_OK && has_room(step))
        result = empty_expired(step, AEP__EXPIRY_FAILED, retention->failed_bodies_us, err);
    if (result == AEP_OK && has_room(step))
        result = sweep_days(step, err);
    return result == AEP_OK ? aep__ingest_flush(step->ingest, err) : result;
}

int aep__retention_step(struct aep__retention *retention, struct aep__ingest *ingest,
                        int64_t now_us, bool *ret_more, aep_error *err)
{
    struct aep__store *store = ingest->store;
    struct step step = {
        .retention = retention, .ingest = ingest, .now_us = now_us, .rows = AEP__RETENTION_ROWS};
    int result = store->ops->begin(store, err);
    if (result == AEP_OK)
        result = work(&step, err);
    if (result == AEP_OK)
        result = store->ops->commit(store, err);
    if (result != AEP_OK)
        return result;
    int gave = step.more ? 0 : store->ops->give_back(store, err);
    *ret_more = step.more || gave > 0;
    return gave < 0 ? err->code : AEP_OK;
}

/* ---- pins ---- */

int aep__retention_pin(struct aep__ingest *ingest, const char *id, bool pinned, aep_error *err)
{
    struct aep__store *store = ingest->store;
    struct aep__tracked execution;
    aep__tracked_init(&execution);
    int found = store->ops->get(store, id, &execution, err);
    int result = AEP_OK;
    if (found > 0 && execution.pinned != pinned) {
        execution.pinned = pinned;
        result = store->ops->put(store, &execution, err);
    }
    aep__tracked_done(&execution);
    return result == AEP_OK ? found : -1;
}

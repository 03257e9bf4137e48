/* SPDX-License-Identifier: Apache-2.0 */
#include "track/refold.h"

#include "base/error.h"
#include "track/fold.h"

struct refold {
    struct aep__store *store;
    struct aep__observer *observer;
    const char *id;
    aep_error *err;
    aep__fold_fn fn;
    void *fold;
};

static bool give(void *user, const struct aep__stored_event *event)
{
    struct refold *refold = user;
    struct aep__observation observation;
    if (!event->body.data ||
        aep__observe(refold->observer, event->body, &observation) != AEP__REJECTED_NOT)
        return true;
    observation.sequence = event->sequence;
    observation.fate = event->fate;
    refold->fn(refold->fold, &observation);
    return true;
}

static int each(void *user, aep__fold_fn fn, void *fold)
{
    struct refold *refold = user;
    refold->fn = fn;
    refold->fold = fold;
    return refold->store->ops->events(refold->store, refold->id, NULL, give, refold, refold->err) ==
                   AEP_OK
               ? 0
               : -1;
}

int aep__refold(struct aep__store *store, struct aep__observer *observer,
                struct aep__tracked *execution, aep_error *err)
{
    struct refold refold = {.store = store, .observer = observer, .id = execution->id, .err = err};
    *err = (aep_error){0};
    if (aep__tracked_is_emptied(execution))
        return AEP_OK;
    if (aep__fold_again(execution, each, &refold) == 0)
        return AEP_OK;
    return err->code ? err->code : aep__error_memory(err);
}

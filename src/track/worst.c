/* SPDX-License-Identifier: Apache-2.0 */
#include "track/worst.h"

static const int badness[AEP__FATE_COUNT] = {
    [AEP__FATE_ACKED] = 0,  [AEP__FATE_ON_DISK] = 1, [AEP__FATE_PARKED] = 2,
    [AEP__FATE_PURGED] = 3, [AEP__FATE_LOST] = 4,    [AEP__FATE_DEAD] = 5,
};

/* Those that are acknowledged are not counted: there is nothing better. */
static void add(struct aep__tracked *execution, enum aep__fate fate, int64_t count)
{
    int more = badness[fate] - badness[execution->fate];
    if (more > 0) {
        execution->fate = fate;
        execution->fate_count = count;
    } else if (more == 0 && fate != AEP__FATE_ACKED) {
        execution->fate_count += count;
    }
}

void aep__worst_begin(struct aep__tracked *execution)
{
    execution->fate = AEP__FATE_ACKED;
    execution->fate_count = 0;
}

void aep__worst_add(struct aep__tracked *execution, enum aep__fate fate)
{
    add(execution, fate, 1);
}

/* Where the last one that was on disk is not there any more, all are acknowledged. */
bool aep__worst_change(struct aep__tracked *execution, enum aep__fate was, enum aep__fate fate,
                       int64_t count)
{
    if (was == (enum aep__fate)execution->fate && was != AEP__FATE_ACKED)
        execution->fate_count -= count;
    add(execution, fate, count);
    if (execution->fate_count == 0 && execution->fate == AEP__FATE_ON_DISK)
        execution->fate = AEP__FATE_ACKED;
    return execution->fate == AEP__FATE_ACKED || execution->fate_count > 0;
}

static bool count_event(void *user, const struct aep__stored_event *stored)
{
    add(user, stored->fate, 1);
    return true;
}

int aep__worst_find(struct aep__store *store, struct aep__tracked *execution, aep_error *err)
{
    aep__worst_begin(execution);
    return store->ops->events(store, execution->id, NULL, count_event, execution, err);
}

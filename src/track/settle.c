/* SPDX-License-Identifier: Apache-2.0 */
#include "track/settle.h"

#include "base/error.h"
#include "track/worst.h"

#include <stdlib.h>
#include <string.h>

/* An event that is settled: its execution's id, in `ids`, and the fate that it had. */
struct settled {
    size_t id;
    enum aep__fate was;
};

struct list {
    struct aep__buf ids, events; /* struct settled */
};

static bool note(void *user, const char *execution_id, enum aep__fate was)
{
    struct list *list = user;
    struct settled settled = {.id = list->ids.len, .was = was};
    aep__buf_add(&list->ids, execution_id, strlen(execution_id) + 1);
    aep__buf_add(&list->events, &settled, sizeof settled);
    return !list->ids.failed && !list->events.failed;
}

static int compare(const void *one, const void *other, void *ids)
{
    const struct settled *a = one, *b = other;
    return strcmp((const char *)ids + a->id, (const char *)ids + b->id);
}

int aep__settle_row(struct aep__store *store, struct aep__tracked *execution,
                    const struct aep__fate_change *changes, unsigned count, aep_error *err)
{
    bool known = true;
    int result = AEP_OK;
    for (unsigned i = 0; i < count; i++)
        if (changes[i].count > 0)
            known &=
                aep__worst_change(execution, changes[i].was, changes[i].fate, changes[i].count);
    if (!known)
        result = aep__worst_find(store, execution, err);
    return result == AEP_OK ? store->ops->put(store, execution, err) : result;
}

/* The events of one execution. */
static int settle_one(struct aep__store *store, const char *id, enum aep__fate fate,
                      const struct settled *events, size_t count, aep_error *err)
{
    struct aep__fate_change changes[AEP__FATE_COUNT];
    struct aep__tracked execution;
    for (int was = 0; was < AEP__FATE_COUNT; was++)
        changes[was] = (struct aep__fate_change){(enum aep__fate)was, fate, 0};
    for (size_t i = 0; i < count; i++)
        changes[events[i].was].count++;
    aep__tracked_init(&execution);
    int found = store->ops->get(store, id, &execution, err);
    int result = found < 0 ? err->code : AEP_OK;
    if (found > 0)
        result = aep__settle_row(store, &execution, changes, AEP__FATE_COUNT, err);
    aep__tracked_done(&execution);
    return result;
}

static int settle_each(struct aep__store *store, enum aep__fate fate, struct list *list,
                       aep_error *err)
{
    struct settled *events = (struct settled *)(void *)list->events.data;
    size_t count = list->events.len / sizeof *events, end;
    int result = AEP_OK;
    if (count > 1)
        qsort_r(events, count, sizeof *events, compare, list->ids.data);
    for (size_t begin = 0; result == AEP_OK && begin < count; begin = end) {
        const char *id = list->ids.data + events[begin].id;
        for (end = begin + 1; end < count && strcmp(list->ids.data + events[end].id, id) == 0;)
            end++;
        result = settle_one(store, id, fate, events + begin, end - begin, err);
    }
    return result;
}

int aep__settle(struct aep__store *store, const struct aep__settling *what, aep_position *ret_next,
                aep_error *err)
{
    struct list list = {0};
    int result = store->ops->settle(store, what, note, &list, ret_next, err);
    if (result == AEP_OK)
        result = settle_each(store, what->fate, &list, err);
    aep__buf_done(&list.ids);
    aep__buf_done(&list.events);
    return result;
}

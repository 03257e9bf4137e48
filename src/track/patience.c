/* SPDX-License-Identifier: Apache-2.0 */
#include "track/patience.h"

#include "base/error.h"
#include "base/hash.h"
#include "track/gaps.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS 64
#define TOOL_MARK "\x1f" /* between an agent's name and its tool's */

struct slot {
    char *tenant, *name; /* NULL: empty */
    struct aep__gaps gaps;
    bool changed;
};

struct aep__patience {
    struct aep__store *store;
    struct slot slots[SLOTS];
};

struct aep__patience *aep__patience_new(struct aep__store *store)
{
    struct aep__patience *patience = calloc(1, sizeof *patience);
    if (patience)
        patience->store = store;
    return patience;
}

static void empty(struct slot *slot)
{
    free(slot->tenant);
    free(slot->name);
    *slot = (struct slot){0};
}

void aep__patience_forget(struct aep__patience *patience)
{
    for (int i = 0; i < SLOTS; i++)
        empty(&patience->slots[i]);
}

void aep__patience_free(struct aep__patience *patience)
{
    if (!patience)
        return;
    aep__patience_forget(patience);
    free(patience);
}

static int write_slot(struct aep__patience *patience, struct slot *slot, aep_error *err)
{
    char bytes[AEP__GAPS_BYTES];
    if (!slot->changed)
        return AEP_OK;
    aep__gaps_pack(&slot->gaps, bytes);
    slot->changed = false;
    return patience->store->ops->put_gaps(patience->store, slot->tenant, slot->name,
                                          (struct aep__slice){bytes, sizeof bytes}, err);
}

int aep__patience_flush(struct aep__patience *patience, aep_error *err)
{
    int result = AEP_OK;
    for (int i = 0; result == AEP_OK && i < SLOTS; i++)
        result = write_slot(patience, &patience->slots[i], err);
    return result;
}

/* A slot for that name, read from the store; the one that had its place is written. */
static int fill(struct aep__patience *patience, struct slot *slot, const char *tenant,
                const char *name, aep_error *err)
{
    struct aep__buf bytes = {0};
    int result = write_slot(patience, slot, err);
    empty(slot);
    if (result != AEP_OK)
        return result;
    int found = patience->store->ops->get_gaps(patience->store, tenant, name, &bytes, err);
    if (found > 0)
        aep__gaps_unpack(&slot->gaps, (struct aep__slice){bytes.data, bytes.len});
    aep__buf_done(&bytes);
    if (found < 0)
        return err->code;
    slot->tenant = strdup(tenant);
    slot->name = strdup(name);
    if (slot->tenant && slot->name)
        return AEP_OK;
    empty(slot);
    return aep__error_memory(err);
}

static int find(struct aep__patience *patience, const struct aep__tracked *execution,
                struct slot **ret, aep_error *err)
{
    struct aep__buf name = {0};
    uint8_t hash[16];
    aep__buf_text(&name, execution->agent_name);
    if (execution->tool)
        aep__buf_format(&name, TOOL_MARK "%s", execution->tool);
    const char *text = aep__buf_string(&name);
    aep__hash128(text, name.len, hash);
    struct slot *slot = *ret = &patience->slots[hash[15] % SLOTS];
    int result = AEP_OK;
    if (!slot->name || strcmp(slot->name, text) != 0 ||
        strcmp(slot->tenant, execution->tenant_id) != 0)
        result = fill(patience, slot, execution->tenant_id, text, err);
    aep__buf_done(&name);
    return result;
}

int aep__patience_learn(struct aep__patience *patience, const struct aep__tracked *execution,
                        const struct aep__observation *event, aep_error *err)
{
    const struct aep__order *last = &execution->origins[AEP__ORIGIN_LAST];
    struct slot *slot;
    if (!aep__order_known(last) || !aep__order_before(last, &event->order) ||
        execution->outcome != AEP__ENDING_OPEN || execution->waiting)
        return AEP_OK;
    int result = find(patience, execution, &slot, err);
    if (result != AEP_OK)
        return result;
    aep__gaps_add(&slot->gaps, event->order.at_us - last->at_us);
    slot->changed = true;
    return AEP_OK;
}

int aep__patience_set(struct aep__patience *patience, struct aep__tracked *execution,
                      aep_error *err)
{
    struct slot *slot;
    if (!isnan(execution->expect_within_s) && execution->expect_within_s >= 0 &&
        execution->expect_within_s < 1e9) {
        execution->patience_us = (int64_t)(execution->expect_within_s * 1e6);
        return AEP_OK;
    }
    int result = find(patience, execution, &slot, err);
    if (result == AEP_OK)
        execution->patience_us = aep__gaps_patience_us(&slot->gaps);
    return result;
}

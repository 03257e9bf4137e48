/* SPDX-License-Identifier: Apache-2.0 */
#include "track/patience.h"

#include "base/crc32c.h"
#include "base/error.h"
#include "track/gaps.h"

#include <stdlib.h>
#include <string.h>

#define TOOL_MARK "\x1f" /* between an agent's name and its tool's */
#define SLOTS 2048       /* a power of two */
#define PROBES 4         /* slots in which a name may be */

/* Of a tenant's agent, or of a tool of its. Most events change the gaps, and few what is usual. */
struct slot {
    char *tenant, *agent, *tool; /* in one block of memory; tool NULL: the agent itself */
    uint32_t hash;
    uint32_t used;    /* when: the one used least recently makes room */
    int64_t usual_us; /* of the gaps, */
    bool measured;    /* if it is that */
    bool changed;     /* the store has others */
    struct aep__gaps gaps;
};

struct aep__patience {
    struct aep__store *store;
    uint32_t clock;
    struct slot *slots[SLOTS]; /* NULL: empty */
};

struct aep__patience *aep__patience_new(struct aep__store *store)
{
    struct aep__patience *patience = calloc(1, sizeof *patience);
    if (patience)
        patience->store = store;
    return patience;
}

void aep__patience_forget(struct aep__patience *patience)
{
    for (int i = 0; i < SLOTS; i++) {
        free(patience->slots[i]);
        patience->slots[i] = NULL;
    }
}

void aep__patience_free(struct aep__patience *patience)
{
    if (!patience)
        return;
    aep__patience_forget(patience);
    free(patience);
}

/* ---- between slots and store ---- */

/* What the store calls it. */
static void add_name(struct aep__buf *out, const struct slot *slot)
{
    aep__buf_text(out, slot->agent);
    if (slot->tool)
        aep__buf_format(out, TOOL_MARK "%s", slot->tool);
}

static int write_slot(struct aep__patience *patience, struct slot *slot, aep_error *err)
{
    char bytes[AEP__GAPS_BYTES];
    struct aep__buf name = {0};
    if (!slot || !slot->changed)
        return AEP_OK;
    add_name(&name, slot);
    const char *text = aep__buf_string(&name);
    aep__gaps_pack(&slot->gaps, bytes);
    int result =
        name.failed ? aep__error_memory(err)
                    : patience->store->ops->put_gaps(patience->store, slot->tenant, text,
                                                     (struct aep__slice){bytes, sizeof bytes}, err);
    slot->changed = result != AEP_OK;
    aep__buf_done(&name);
    return result;
}

int aep__patience_flush(struct aep__patience *patience, aep_error *err)
{
    int result = AEP_OK;
    for (int i = 0; result == AEP_OK && i < SLOTS; i++)
        result = write_slot(patience, patience->slots[i], err);
    return result;
}

static int read_slot(struct aep__patience *patience, struct slot *slot, aep_error *err)
{
    struct aep__buf name = {0}, bytes = {0};
    add_name(&name, slot);
    const char *text = aep__buf_string(&name);
    int found = name.failed ? -1
                            : patience->store->ops->get_gaps(patience->store, slot->tenant, text,
                                                             &bytes, err);
    int result = name.failed ? aep__error_memory(err) : found < 0 ? err->code : AEP_OK;
    if (found > 0)
        aep__gaps_unpack(&slot->gaps, (struct aep__slice){bytes.data, bytes.len});
    aep__buf_done(&name);
    aep__buf_done(&bytes);
    return result;
}

/* ---- finding ---- */

static char *keep(char **memory, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*memory, text, size);
    *memory += size;
    return copy;
}

static struct slot *new_slot(const struct aep__tracked *execution, uint32_t hash)
{
    const char *tool = execution->tool;
    struct slot *slot = malloc(sizeof *slot + strlen(execution->tenant_id) +
                               strlen(execution->agent_name) + (tool ? strlen(tool) : 0) + 3);
    if (!slot)
        return NULL;
    char *memory = (char *)(slot + 1);
    *slot = (struct slot){.hash = hash};
    slot->tenant = keep(&memory, execution->tenant_id);
    slot->agent = keep(&memory, execution->agent_name);
    slot->tool = tool ? keep(&memory, tool) : NULL;
    return slot;
}

static uint32_t add_hash(uint32_t hash, const char *text)
{
    return aep__crc32c(hash, text, strlen(text) + 1);
}

static bool is_of(const struct slot *slot, const struct aep__tracked *execution, uint32_t hash)
{
    return slot->hash == hash && strcmp(slot->agent, execution->agent_name) == 0 &&
           strcmp(slot->tenant, execution->tenant_id) == 0 &&
           (slot->tool && execution->tool ? strcmp(slot->tool, execution->tool) == 0
                                          : slot->tool == execution->tool);
}

/* Its slot, filled from the store; the one that had its place is written. */
static int find(struct aep__patience *patience, const struct aep__tracked *execution,
                struct slot **ret, aep_error *err)
{
    uint32_t hash = add_hash(add_hash(0, execution->tenant_id), execution->agent_name);
    struct slot **place = NULL;
    if (execution->tool)
        hash = add_hash(hash, execution->tool);
    for (uint32_t i = 0; i < PROBES; i++) {
        struct slot **at = &patience->slots[(hash + i) % SLOTS];
        if (*at && is_of(*at, execution, hash)) {
            (*at)->used = ++patience->clock;
            *ret = *at;
            return AEP_OK;
        }
        if (!place || (*place && (!*at || (*at)->used < (*place)->used)))
            place = at;
    }
    int result = write_slot(patience, *place, err);
    struct slot *slot = result == AEP_OK ? new_slot(execution, hash) : NULL;
    if (!slot)
        return result == AEP_OK ? aep__error_memory(err) : result;
    result = read_slot(patience, slot, err);
    if (result != AEP_OK) {
        free(slot);
        return result;
    }
    free(*place);
    slot->used = ++patience->clock;
    *ret = *place = slot;
    return AEP_OK;
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
    int64_t gap_us = event->order.at_us - last->at_us;
    slot->measured = slot->measured && aep__gaps_stays(&slot->gaps, slot->usual_us, gap_us);
    aep__gaps_add(&slot->gaps, gap_us);
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
        execution->usual_us = 0;
        return AEP_OK;
    }
    int result = find(patience, execution, &slot, err);
    if (result != AEP_OK)
        return result;
    if (!slot->measured)
        slot->usual_us = aep__gaps_usual_us(&slot->gaps);
    slot->measured = true;
    execution->patience_us = aep__gaps_patience_us(slot->usual_us);
    execution->usual_us = slot->usual_us > 0 ? slot->usual_us : 0;
    return AEP_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing: an id stands in its slot or behind it, with no free slot between. */
#include "ids.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t slot_of(const struct aep__ids *ids, const char *id)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; *id; id++)
        hash = (hash ^ (uint8_t)*id) * UINT64_C(0x100000001b3);
    return (hash ^ hash >> 32) & (ids->cap - 1);
}

/* Where it is, or would be. */
static size_t find(const struct aep__ids *ids, const char *id)
{
    size_t at = slot_of(ids, id);
    while (ids->slots[at].id && strcmp(ids->slots[at].id, id) != 0)
        at = (at + 1) & (ids->cap - 1);
    return at;
}

size_t aep__ids_find(const struct aep__ids *ids, const char *id)
{
    if (ids->cap == 0)
        return AEP__IDS_NONE;
    const struct aep__ids_slot *slot = &ids->slots[find(ids, id)];
    return slot->id ? slot->number : AEP__IDS_NONE;
}

static bool grow(struct aep__ids *ids)
{
    struct aep__ids more = {.cap = ids->cap ? ids->cap * 2 : 64};
    more.slots = calloc(more.cap, sizeof *more.slots);
    if (!more.slots)
        return false;
    for (size_t i = 0; i < ids->cap; i++)
        if (ids->slots[i].id)
            more.slots[find(&more, ids->slots[i].id)] = ids->slots[i];
    more.count = ids->count;
    free(ids->slots);
    *ids = more;
    return true;
}

bool aep__ids_set(struct aep__ids *ids, const char *id, size_t number)
{
    if ((ids->count + 1) * 3 > ids->cap * 2 && !grow(ids))
        return false;
    struct aep__ids_slot *slot = &ids->slots[find(ids, id)];
    ids->count += slot->id == NULL;
    *slot = (struct aep__ids_slot){id, number};
    return true;
}

void aep__ids_remove(struct aep__ids *ids, const char *id)
{
    if (aep__ids_find(ids, id) == AEP__IDS_NONE)
        return;
    size_t hole = find(ids, id), mask = ids->cap - 1;
    for (size_t at = (hole + 1) & mask; ids->slots[at].id; at = (at + 1) & mask)
        if (((at - slot_of(ids, ids->slots[at].id)) & mask) >= ((at - hole) & mask)) {
            ids->slots[hole] = ids->slots[at];
            hole = at;
        }
    ids->slots[hole].id = NULL;
    ids->count--;
}

void aep__ids_done(struct aep__ids *ids)
{
    free(ids->slots);
    *ids = (struct aep__ids){0};
}

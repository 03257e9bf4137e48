/* SPDX-License-Identifier: Apache-2.0 */
#include "track/merge.h"

#include <stdlib.h>
#include <string.h>

#define OVERHEAD 16 /* malloc's */
#define SHARE_MIN ((size_t)32 << 10)

/* ---- items ---- */

struct aep__merge_item *aep__merge_item(const void *value, size_t kept)
{
    struct aep__merge_item *item = malloc(sizeof *item + kept);
    if (!item)
        return NULL;
    *item = (struct aep__merge_item){.size = kept, .kept = kept};
    if (kept > 0)
        memcpy(item->value, value, kept);
    return item;
}

static size_t size_of(const struct aep__merge_item *item)
{
    return sizeof *item + item->kept + OVERHEAD;
}

/* ---- lanes ---- */

static void set_full(struct aep__merge *merge, struct aep__lane *lane, bool full)
{
    merge->full += (size_t)full - (size_t)lane->full;
    lane->full = full;
}

static bool is_behind(const struct aep__lane *lane)
{
    return lane->next < lane->end;
}

static void set_share(struct aep__merge *merge, size_t lanes)
{
    merge->share = merge->held_max / (lanes > 0 ? lanes : 1);
    if (merge->share < SHARE_MIN)
        merge->share = SHARE_MIN;
}

static struct aep__merge_item *pop(struct aep__merge *merge, struct aep__lane *lane)
{
    struct aep__merge_item *item = lane->first;
    lane->first = item->next;
    item->next = NULL;
    merge->held -= size_of(item);
    lane->held -= size_of(item);
    if (lane->full && lane->held <= merge->share / 2)
        set_full(merge, lane, false);
    return item;
}

struct aep__lane *aep__merge_open(struct aep__merge *merge, unsigned rank, int64_t next)
{
    struct aep__lane **lanes =
        realloc(merge->lanes, (merge->count + 1) * sizeof(struct aep__lane *));
    if (lanes)
        merge->lanes = lanes;
    struct aep__lane *lane = lanes ? malloc(sizeof *lane) : NULL;
    if (!lane)
        return NULL;
    *lane = (struct aep__lane){.rank = rank, .next = next, .end = next};
    merge->lanes[merge->count++] = lane;
    set_share(merge, merge->count);
    return lane;
}

void aep__merge_close(struct aep__merge *merge, struct aep__lane *lane)
{
    if (!lane)
        return;
    while (lane->first)
        free(pop(merge, lane));
    size_t i = 0;
    while (merge->lanes[i] != lane)
        i++;
    merge->lanes[i] = merge->lanes[--merge->count];
    free(lane);
}

void aep__merge_done(struct aep__merge *merge)
{
    while (merge->count > 0)
        aep__merge_close(merge, merge->lanes[0]);
    free(merge->lanes);
    merge->lanes = NULL;
}

void aep__merge_add(struct aep__merge *merge, struct aep__lane *lane, struct aep__merge_item *item)
{
    item->next = NULL;
    if (lane->first)
        lane->last->next = item;
    else
        lane->first = item;
    lane->last = item;
    lane->next = item->offset + !item->end;
    lane->dry_us = 0;
    lane->held += size_of(item);
    merge->held += size_of(item);
    if (lane->held >= merge->share)
        set_full(merge, lane, true);
}

void aep__merge_plan(struct aep__merge *merge)
{
    size_t behind = 0;
    for (size_t i = 0; i < merge->count; i++)
        behind += is_behind(merge->lanes[i]);
    set_share(merge, behind);
    merge->rests = merge->full > 0 || (merge->rests && behind > 0);
    for (size_t i = 0; i < merge->count; i++) {
        struct aep__lane *lane = merge->lanes[i];
        lane->wanted = !lane->full && (is_behind(lane) || !merge->rests);
    }
}

bool aep__merge_is_full(const struct aep__merge *merge)
{
    return merge->held >= merge->held_max;
}

/* ---- the order ---- */

/* A partition that nothing comes from is waited for only once. */
static bool is_awaited(struct aep__lane *lane, int64_t now_us)
{
    if (!is_behind(lane))
        return false;
    if (lane->dry_us == 0)
        lane->dry_us = now_us;
    return now_us - lane->dry_us < AEP__MERGE_WAIT_US;
}

static bool is_before(const struct aep__lane *one, const struct aep__lane *other)
{
    const struct aep__merge_item *item = one->first, *rival = other->first;
    if (item->end || rival->end)
        return item->end;
    return item->stamp != rival->stamp ? item->stamp < rival->stamp : one->rank < other->rank;
}

struct aep__merge_item *aep__merge_take(struct aep__merge *merge, int64_t now_us,
                                        struct aep__lane **ret_lane)
{
    struct aep__lane *first = NULL;
    bool awaited = false;
    for (size_t i = 0; i < merge->count; i++) {
        struct aep__lane *lane = merge->lanes[i];
        if (!lane->first)
            awaited |= is_awaited(lane, now_us);
        else if (!first || is_before(lane, first))
            first = lane;
    }
    if (!first || (awaited && !first->first->end && !aep__merge_is_full(merge)))
        return NULL;
    *ret_lane = first;
    return pop(merge, first);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/recent.h"

#include "base/clock.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define SPACING_US 250000

static struct aep__recent **bucket_of(struct aep__recents *recents, const char *id)
{
    uint8_t digest[16];
    aep__digest128(id, strlen(id), digest);
    return &recents->buckets[(digest[0] | digest[1] << 8) % AEP__RECENT_BUCKETS];
}

void aep__recents_add(struct aep__recents *recents, const char *id)
{
    size_t len = strlen(id) + 1;
    struct aep__recent *recent = malloc(sizeof *recent + len);
    if (!recent)
        return; /* it may be sent more often, then */
    struct aep__recent **bucket = bucket_of(recents, id);
    *recent = (struct aep__recent){.bucket_next = *bucket, .sent_us = aep__clock_mono_us()};
    memcpy(recent->id, id, len);
    *bucket = recent;
    *(recents->newest ? &recents->newest->next : &recents->oldest) = recent;
    recents->newest = recent;
}

bool aep__recents_hold(struct aep__recents *recents, const char *id, int64_t number)
{
    struct aep__recent *recent = *bucket_of(recents, id);
    while (recent && strcmp(recent->id, id) != 0)
        recent = recent->bucket_next;
    if (!recent || recent->held > 0)
        return recent != NULL;
    recent->held = number;
    recent->held_previous = recents->last_held;
    *(recents->last_held ? &recents->last_held->held_next : &recents->first_held) = recent;
    recents->last_held = recent;
    return true;
}

static void unlink_held(struct aep__recents *recents, struct aep__recent *recent)
{
    struct aep__recent *previous = recent->held_previous, *next = recent->held_next;
    *(previous ? &previous->held_next : &recents->first_held) = next;
    *(next ? &next->held_previous : &recents->last_held) = previous;
}

static struct aep__recent *take_oldest(struct aep__recents *recents)
{
    struct aep__recent *recent = recents->oldest, **at = bucket_of(recents, recent->id);
    while (*at != recent)
        at = &(*at)->bucket_next;
    *at = recent->bucket_next;
    recents->oldest = recent->next;
    if (!recents->oldest)
        recents->newest = NULL;
    if (recent->held > 0)
        unlink_held(recents, recent);
    return recent;
}

struct aep__recent *aep__recents_take(struct aep__recents *recents, int64_t now_us)
{
    bool over = recents->oldest && recents->oldest->sent_us + SPACING_US <= now_us;
    return over ? take_oldest(recents) : NULL;
}

int64_t aep__recents_held(const struct aep__recents *recents)
{
    return recents->first_held ? recents->first_held->held : 0;
}

int64_t aep__recents_due_us(const struct aep__recents *recents)
{
    return recents->first_held ? recents->oldest->sent_us + SPACING_US : INT64_MAX;
}

void aep__recents_forget(struct aep__recents *recents)
{
    while (recents->oldest)
        free(take_oldest(recents));
}

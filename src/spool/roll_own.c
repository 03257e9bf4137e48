/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/roll_own.h"

#include "spool/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORD_BITS 64
#define PLACE_BASE                                                                                 \
    (INT64_C(1) << 40) /* beyond the end of any file that a program is likely to have */
#define GROW_UNITS 8   /* at least, when the file has no unit free */

void aep__roll_own_init(struct aep__roll_own *own, const struct aep__spool *spool)
{
    *own = (struct aep__roll_own){.spool = spool, .fd = -1};
}

void aep__roll_own_close(struct aep__roll_own *own)
{
    if (own->fd >= 0 && aep__os_is(own->fd, &own->file)) /* else it is not ours to close */
        close(own->fd);
    own->fd = -1;
}

void aep__roll_own_lost(struct aep__roll_own *own)
{
    aep__roll_own_close(own);
    own->name[0] = '\0';
    own->units = own->next = own->open = 0;
    if (own->taken)
        memset(own->taken, 0, own->words * sizeof *own->taken);
}

void aep__roll_own_done(struct aep__roll_own *own)
{
    aep__roll_own_close(own);
    if (own->name[0] && own->open == 0)
        aep__roll_remove(own->spool, own->name);
    free(own->taken);
    own->taken = NULL;
    own->words = 0;
    own->name[0] = '\0';
}

/* ---- the file ---- */

static int make_file(struct aep__roll_own *own)
{
    struct aep__os_process self;
    aep__os_process_self(&self);
    own->fd = aep__roll_make(own->spool, &self, AEP__ROLL_OWN, NULL, own->name);
    if (own->fd < 0) {
        own->name[0] = '\0';
        return -1;
    }
    own->number++;
    own->next = 1;
    own->made = true;
    return 0;
}

/* Without randomness it is looked at more closely each time. */
static void place(struct aep__roll_own *own)
{
    uint32_t random;
    own->at = aep__os_random(&random, sizeof random) < 0 ? 0 : PLACE_BASE + random;
    if (own->at && lseek(own->fd, own->at, SEEK_SET) != own->at)
        own->at = 0;
}

static bool is_ours(struct aep__roll_own *own)
{
    if (own->fd < 0)
        return false;
    if (own->at && lseek(own->fd, 0, SEEK_CUR) == own->at)
        return true;
    if (!aep__os_is(own->fd, &own->file))
        return false;
    place(own);
    return true;
}

static int open_file(struct aep__roll_own *own)
{
    if (own->name[0]) {
        own->fd = aep__roll_open(own->spool, own->name);
        if (own->fd < 0 && errno != ENOENT)
            return -1;
        if (own->fd < 0)
            aep__roll_own_lost(own);
        else
            aep__roll_hold(own->fd);
    }
    if (own->fd < 0 && make_file(own) < 0)
        return -1;
    struct stat st;
    if (!aep__os_identify(own->fd, &own->file) || fstat(own->fd, &st) < 0)
        return -1;
    place(own);
    own->units = (uint32_t)(st.st_size / AEP__ROLL_UNIT_BYTES);
    return 0;
}

static int ensure_file(struct aep__roll_own *own)
{
    if (is_ours(own))
        return 0;
    own->fd = -1;
    return open_file(own);
}

bool aep__roll_own_ready(struct aep__roll_own *own)
{
    return own->name[0] && ensure_file(own) == 0;
}

void aep__roll_own_check(struct aep__roll_own *own)
{
    uint64_t size;
    bool named;
    struct aep__os_file file;
    if (own->fd < 0 || aep__segment_look_at(own->fd, &size, &named, &file) < 0 ||
        file.dev != own->file.dev || file.ino != own->file.ino)
        own->fd = -1;
    else if (!named)
        aep__roll_own_lost(own);
}

/* ---- units ---- */

static bool is_taken(const struct aep__roll_own *own, uint32_t unit)
{
    uint32_t word = unit / WORD_BITS;
    return word < own->words && (own->taken[word] >> unit % WORD_BITS & 1);
}

static void set_taken(struct aep__roll_own *own, uint32_t unit, uint32_t count, bool taken)
{
    for (uint32_t end = unit + count; unit < end; unit++) {
        uint64_t bit = UINT64_C(1) << unit % WORD_BITS;
        if (taken)
            own->taken[unit / WORD_BITS] |= bit;
        else
            own->taken[unit / WORD_BITS] &= ~bit;
    }
}

/* The first run of `count` free units at or behind `from`, before `end`; end: there is none. */
static uint32_t find_run(const struct aep__roll_own *own, uint32_t from, uint32_t end,
                         uint32_t count)
{
    uint32_t run = 0;
    for (uint32_t unit = from; unit < end; unit++) {
        if (unit % WORD_BITS == 0 && own->taken[unit / WORD_BITS] == UINT64_MAX) {
            run = 0;
            unit += WORD_BITS - 1;
            continue;
        }
        run = is_taken(own, unit) ? 0 : run + 1;
        if (run == count)
            return unit + 1 - count;
    }
    return end;
}

static int remember_more(struct aep__roll_own *own, uint32_t units)
{
    uint32_t words = (units + WORD_BITS - 1) / WORD_BITS;
    if (words <= own->words)
        return 0;
    words = words < own->words * 2 ? own->words * 2 : words;
    uint64_t *taken = realloc(own->taken, words * sizeof *taken);
    if (!taken) {
        errno = ENOMEM;
        return -1;
    }
    memset(taken + own->words, 0, (words - own->words) * sizeof *taken);
    own->taken = taken;
    own->words = words;
    return 0;
}

/* Behind what there is, so that a write never has to find room on the disk for what a reader needs. */
static int grow(struct aep__roll_own *own, uint32_t count)
{
    uint32_t more = own->units / 2 > GROW_UNITS ? own->units / 2 : GROW_UNITS;
    uint32_t units = own->units + (more > count ? more : count);
    off_t size = (off_t)units * AEP__ROLL_UNIT_BYTES;
    if (remember_more(own, units) < 0 ||
        aep__os_extend(own->fd, (off_t)own->units * AEP__ROLL_UNIT_BYTES, size) < 0)
        return -1;
    own->units = units;
    return 0;
}

static int find_units(struct aep__roll_own *own, uint32_t count, uint32_t *ret)
{
    if (remember_more(own, own->units) < 0)
        return -1;
    set_taken(own, 0, 1, true); /* the process's */
    uint32_t unit = find_run(own, own->next, own->units, count);
    if (unit == own->units)
        unit = find_run(own, 1, own->units, count);
    if (unit == own->units && grow(own, count) < 0)
        return -1;
    *ret = unit;
    return 0;
}

/* ---- entries ---- */

int aep__roll_own_enter(struct aep__roll_own *own, const struct aep__roll_area *area,
                        const struct aep__buf *body, struct aep__roll_place *ret)
{
    uint32_t unit, count = aep__roll_units(body->len);
    struct aep__roll_area whole = *area;
    if (ensure_file(own) < 0 || find_units(own, count, &unit) < 0)
        return -1;
    whole.body_bytes = (uint32_t)body->len;
    if (aep__roll_write(own->fd, unit, &whole, body) < 0)
        return -1;
    set_taken(own, unit, count, true);
    own->next = unit + count;
    own->open++;
    own->dirty = true;
    *ret = (struct aep__roll_place){own->number, unit, (uint32_t)body->len};
    return 0;
}

bool aep__roll_own_has(const struct aep__roll_own *own, const struct aep__roll_place *place)
{
    return place->number != 0 && place->number == own->number && own->name[0];
}

static bool speaks_of(const struct aep__roll_entry *entry, const uint8_t execution[16])
{
    return memcmp(entry->areas[AEP__ROLL_OWNER].execution, execution, 16) == 0;
}

/* What it says is the cheapest sign of whose file it is. */
int aep__roll_own_read(struct aep__roll_own *own, const struct aep__roll_place *place,
                       const uint8_t execution[16], struct aep__roll_entry *ret)
{
    if (!aep__roll_own_has(own, place))
        return 0;
    int got = own->fd < 0 ? -1 : aep__roll_read(own->fd, place->unit, ret);
    if (got == 1 && speaks_of(ret, execution))
        return 1;
    if (ensure_file(own) < 0)
        return -1;
    if (!aep__roll_own_has(own, place))
        return 0;
    got = aep__roll_read(own->fd, place->unit, ret);
    return got == 1 && !speaks_of(ret, execution) ? 0 : got;
}

int aep__roll_own_mark(struct aep__roll_own *own, const struct aep__roll_place *place,
                       const struct aep__roll_area *area)
{
    struct aep__roll_area whole = *area;
    if (!aep__roll_own_has(own, place)) {
        errno = ESTALE;
        return -1;
    }
    own->dirty = true;
    whole.body_bytes = place->body_bytes;
    return aep__roll_mark(own->fd, place->unit, AEP__ROLL_OWNER, &whole);
}

void aep__roll_own_sync(struct aep__roll_own *own)
{
    if (!own->dirty || own->fd < 0 || !aep__os_is(own->fd, &own->file))
        return;
    fdatasync(own->fd);
    int folder = own->made ? aep__roll_folder(own->spool, false) : -1;
    if (folder >= 0) {
        fsync(folder);
        close(folder);
        aep__spool_sync(own->spool);
    }
    own->dirty = own->made = false;
}

void aep__roll_own_leave(struct aep__roll_own *own, struct aep__roll_place *place)
{
    static const struct aep__roll_area none = {.state = AEP__ROLL_FREE};
    if (aep__roll_own_has(own, place) && own->fd >= 0) {
        aep__roll_mark(own->fd, place->unit, AEP__ROLL_OWNER, &none);
        set_taken(own, place->unit, aep__roll_units(place->body_bytes), false);
        own->open--;
    }
    *place = (struct aep__roll_place){0};
}

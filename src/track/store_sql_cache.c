/* SPDX-License-Identifier: Apache-2.0 */
/* Rows are kept as executions, and most changes of a row are written once, when the transaction ends: a
 * run's events come close together, and each changes its row, and those above it. What has been written
 * stays for the next transaction, unless another connection has written, too.
 *
 *     get ◀── cached, else the table
 *     put ──▶ cached ──▶ the table: at once if who it is or its place has changed, by which rows are
 *                        found; if it is new, before rows are looked for by these; else at the
 *                        commit, or when its slot is needed
 *
 * So a statement that looks for rows by id, key or place finds them, but may read what is old: what is
 * cached counts. Lists and counts have the rows written before. */
#include "track/store_sql.h"

#include "base/error.h"

#include <string.h>

#define WAYS 4 /* slots in which a row may be */

bool aep__sql_caches(const struct aep__sql *base)
{
    return base->write && aep__sql_in_transaction(base);
}

static uint32_t hash_of(const char *id)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; *id; id++)
        hash = (hash ^ (uint8_t)*id) * UINT64_C(0x100000001b3);
    return (uint32_t)(hash ^ hash >> 32);
}

/* The first of the slots in which a row may be. */
static struct aep__cached *slots_of(struct aep__sql *base, uint32_t hash)
{
    return &base->cache[hash % (AEP__CACHE_SIZE / WAYS) * WAYS];
}

struct aep__cached *aep__sql_cached(struct aep__sql *base, const char *id)
{
    const uint32_t hash = hash_of(id);
    struct aep__cached *slots = slots_of(base, hash);
    for (unsigned i = 0; i < WAYS; i++)
        if (slots[i].key && slots[i].hash == hash && strcmp(slots[i].row.id, id) == 0) {
            slots[i].used = ++base->cache_clock;
            return &slots[i];
        }
    return NULL;
}

/* The slot for a row that is not cached: an empty one, or that of the row that was used least recently. */
static struct aep__cached *make_room(struct aep__sql *base, uint32_t hash)
{
    struct aep__cached *slots = slots_of(base, hash), *oldest = slots;
    for (unsigned i = 1; i < WAYS && oldest->key; i++)
        if (!slots[i].key || slots[i].used < oldest->used)
            oldest = &slots[i];
    return oldest;
}

static void mark(struct aep__sql *base, struct aep__cached *cached, bool dirty)
{
    const struct aep__tracked *row = &cached->row;
    cached->dirty = dirty;
    base->parents[cached - base->cache] =
        cached->key && row->parent_known && row->parent_id ? hash_of(row->parent_id) | 1 : 0;
}

static void drop(struct aep__sql *base, struct aep__cached *cached)
{
    cached->key = 0;
    cached->unsaved = false;
    mark(base, cached, false);
    aep__buf_clear(&cached->place);
}

void aep__sql_drop(struct aep__sql *base, const char *id)
{
    struct aep__cached *cached = aep__sql_cached(base, id);
    if (cached)
        base->unsaved -= cached->unsaved;
    if (cached)
        drop(base, cached);
}

void aep__sql_forget(struct aep__sql *base)
{
    for (unsigned i = 0; i < AEP__CACHE_SIZE; i++)
        drop(base, &base->cache[i]);
    base->unsaved = 0;
}

void aep__sql_free_cache(struct aep__sql *base)
{
    for (unsigned i = 0; i < AEP__CACHE_SIZE; i++) {
        aep__tracked_done(&base->cache[i].row);
        aep__buf_done(&base->cache[i].place);
    }
}

/* ---- writing ---- */

static void note_ids(struct aep__sql *base, const struct aep__tracked *execution)
{
    aep__sql_note_fresh(base, AEP__FRESH_EXECUTION, execution->id);
    aep__sql_note_fresh(base, AEP__FRESH_NAMED, execution->parent_named);
    aep__sql_note_fresh(base, AEP__FRESH_CORRELATION, execution->correlation_id);
}

static int take_number(struct aep__sql *base, int64_t key, int64_t *ret_change, aep_error *err)
{
    int result = aep__sql_next_change(base, ret_change, err);
    return result == AEP_OK ? aep__sql_note_change(base, key, NULL, err) : result;
}

/* Each time it is written is a change. Sets the change's number, unless it has one (not 0). */
static int write_row(struct aep__sql *base, unsigned which, int64_t key,
                     const struct aep__tracked *execution, int64_t *ret_change, aep_error *err)
{
    char origins[AEP__ORIGINS_BYTES];
    int result = *ret_change ? AEP_OK : take_number(base, key, ret_change, err);
    struct aep__statement *statement = result == AEP_OK ? aep__sql_take(base, which, err) : NULL;
    if (!statement)
        return err->code;
    if (which == AEP__SQL_INSERT || (which - AEP__SQL_UPDATE) & 1U << AEP__GROUP_PLACE)
        note_ids(base, execution);
    aep__tracked_pack_origins(execution, origins);
    aep__sql_bind_row(statement, execution, origins, *ret_change);
    aep__sql_bind_int(statement, (int)AEP__COLUMN_COUNT + 1, key);
    return aep__sql_finish(base, which, statement, err);
}

static bool changes_place(struct aep__sql *base, const struct aep__cached *cached,
                          const struct aep__tracked *execution)
{
    aep__buf_clear(&base->place);
    aep__sql_add_place(&base->place, execution);
    return base->place.failed || cached->place.len != base->place.len ||
           memcmp(cached->place.data, base->place.data, base->place.len) != 0;
}

static unsigned changed_groups(struct aep__sql *base, const struct aep__cached *cached)
{
    const struct aep__tracked *row = &cached->row;
    unsigned groups = 0;
    if (cached->stalls_at != row->stalls_at || cached->abandons_at != row->abandons_at ||
        cached->waiting != row->waiting || cached->waiting_since != row->waiting_since ||
        cached->last_event_at != row->last_event_at)
        groups |= 1U << AEP__GROUP_SILENCE;
    if (cached->outcome != row->outcome || cached->ended_at != row->ended_at ||
        cached->pinned != row->pinned || cached->emptied_at != row->emptied_at)
        groups |= 1U << AEP__GROUP_OUTCOME;
    if (changes_place(base, cached, row))
        groups |= 1U << AEP__GROUP_PLACE;
    return groups;
}

/* Notes what is stored of it. */
static int note(struct aep__sql *base, struct aep__cached *cached, aep_error *err)
{
    const struct aep__tracked *row = &cached->row;
    aep__buf_clear(&cached->place);
    aep__sql_add_place(&cached->place, row);
    cached->stalls_at = row->stalls_at;
    cached->abandons_at = row->abandons_at;
    cached->waiting = row->waiting;
    cached->waiting_since = row->waiting_since;
    cached->last_event_at = row->last_event_at;
    cached->outcome = row->outcome;
    cached->ended_at = row->ended_at;
    cached->pinned = row->pinned;
    cached->emptied_at = row->emptied_at;
    mark(base, cached, false);
    if (!cached->place.failed && !row->failed)
        return AEP_OK;
    drop(base, cached);
    return aep__error_memory(err);
}

static int flush_one(struct aep__sql *base, struct aep__cached *cached, aep_error *err)
{
    if (!cached->dirty)
        return AEP_OK;
    unsigned which = AEP__SQL_INSERT;
    int64_t change = cached->unsaved && !cached->touched ? cached->row.change : 0;
    if (!cached->unsaved)
        which = AEP__SQL_UPDATE + (base->driver->whole_rows ? (1U << AEP__GROUP_COUNT) - 1
                                                            : changed_groups(base, cached));
    int result = write_row(base, which, cached->key, &cached->row, &change, err);
    if (result != AEP_OK)
        return result;
    cached->row.change = change;
    base->unsaved -= cached->unsaved;
    cached->unsaved = false;
    return note(base, cached, err);
}

int aep__sql_write_new(struct aep__sql *base, aep_error *err)
{
    int result = AEP_OK;
    for (unsigned i = 0; result == AEP_OK && base->unsaved > 0 && i < AEP__CACHE_SIZE; i++)
        if (base->cache[i].unsaved)
            result = flush_one(base, &base->cache[i], err);
    return result;
}

int aep__sql_flush_rows(struct aep__sql *base, aep_error *err)
{
    int result = AEP_OK;
    for (unsigned i = 0; result == AEP_OK && i < AEP__CACHE_SIZE; i++)
        result = flush_one(base, &base->cache[i], err);
    return result;
}

int64_t aep__sql_cached_children(const struct aep__sql *base, const char *parent,
                                 unsigned *ret_count, unsigned *ret_open)
{
    const uint32_t hash = hash_of(parent) | 1;
    const unsigned size = aep__sql_caches(base) ? AEP__CACHE_SIZE : 0;
    int64_t latest = AEP__UNKNOWN_US;
    *ret_count = *ret_open = 0;
    for (unsigned i = 0; i < size; i++) {
        const struct aep__tracked *row = &base->cache[i].row;
        if (base->parents[i] != hash || strcmp(row->parent_id, parent) != 0)
            continue;
        ++*ret_count;
        *ret_open += row->outcome == AEP__ENDING_OPEN;
        if (row->outcome == AEP__ENDING_OPEN && row->stalls_at > latest)
            latest = row->stalls_at;
    }
    return latest;
}

/* ---- keeping ---- */

int aep__sql_keep(struct aep__sql *base, int64_t key, const struct aep__tracked *execution,
                  aep_error *err)
{
    const uint32_t hash = hash_of(execution->id);
    struct aep__cached *cached = make_room(base, hash);
    int result = flush_one(base, cached, err);
    if (result != AEP_OK)
        return result;
    aep__tracked_copy(&cached->row, execution);
    cached->key = key;
    cached->hash = hash;
    cached->used = ++base->cache_clock;
    return note(base, cached, err);
}

/* Nobody else writes within a transaction: the greatest key need be asked for once. */
static int next_key(struct aep__sql *base, int64_t *ret, aep_error *err)
{
    if (base->last_key == 0) {
        struct aep__statement *statement = aep__sql_take(base, AEP__SQL_LAST_KEY, err);
        int found = statement ? aep__sql_step(statement, err) : -1;
        if (found > 0)
            base->last_key = aep__sql_int(statement, 0);
        if (statement)
            aep__sql_give(base, AEP__SQL_LAST_KEY, statement);
        if (found < 0)
            return err->code;
    }
    *ret = ++base->last_key;
    return AEP_OK;
}

int aep__sql_insert_row(struct aep__sql *base, const struct aep__tracked *execution, aep_error *err)
{
    int64_t key = 0;
    int result = next_key(base, &key, err);
    if (result == AEP_OK)
        result = aep__sql_keep(base, key, execution, err);
    if (result != AEP_OK)
        return result;
    struct aep__cached *cached = aep__sql_cached(base, execution->id);
    cached->unsaved = true;
    cached->touched = false;
    mark(base, cached, true);
    base->unsaved++;
    note_ids(base, execution);
    return take_number(base, key, &cached->row.change, err);
}

int aep__sql_change_row(struct aep__sql *base, struct aep__cached *cached,
                        const struct aep__tracked *execution, aep_error *err)
{
    int64_t change = cached->row.change;
    aep__tracked_copy(&cached->row, execution);
    cached->row.change = change;
    if (cached->row.failed) {
        drop(base, cached);
        return aep__error_memory(err);
    }
    mark(base, cached, true);
    cached->touched = true;
    if (cached->unsaved)
        note_ids(base, execution);
    else if (changes_place(base, cached, execution))
        return flush_one(base, cached, err);
    return AEP_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Rows are kept as executions, and most changes of a row are written once, when the transaction ends: a
 * run's events come close together, and each changes its row, and those above it. What has been written
 * stays for the next transaction, unless another connection has written, too.
 *
 *     get ◀── cached, else the table
 *     put ──▶ cached ──▶ the table: at once if it is new, or who it is or its place has changed, by
 *                        which rows are found; else at the commit, or when its slot is needed
 *
 * So a statement that looks for rows by id, key or place finds them, but may read what is old: what is
 * cached counts. Lists and counts have the rows written before. */
#include "track/store_sqlite.h"

#include "base/error.h"

#include <string.h>

bool aep__sqlite_caches(const struct aep__sqlite *sqlite)
{
    return sqlite->write && !sqlite3_get_autocommit(sqlite->db);
}

static struct aep__cached *slot_of(struct aep__sqlite *sqlite, const char *id)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; *id; id++)
        hash = (hash ^ (uint8_t)*id) * UINT64_C(0x100000001b3);
    return &sqlite->cache[(hash ^ hash >> 32) % AEP__CACHE_SIZE];
}

struct aep__cached *aep__sqlite_cached(struct aep__sqlite *sqlite, const char *id)
{
    struct aep__cached *cached = slot_of(sqlite, id);
    return cached->key && strcmp(cached->row.id, id) == 0 ? cached : NULL;
}

static void drop(struct aep__cached *cached)
{
    cached->key = 0;
    cached->dirty = false;
    aep__buf_clear(&cached->place);
}

void aep__sqlite_drop(struct aep__sqlite *sqlite, const char *id)
{
    struct aep__cached *cached = aep__sqlite_cached(sqlite, id);
    if (cached)
        drop(cached);
}

void aep__sqlite_forget(struct aep__sqlite *sqlite)
{
    for (unsigned i = 0; i < AEP__CACHE_SIZE; i++)
        drop(&sqlite->cache[i]);
}

void aep__sqlite_free_cache(struct aep__sqlite *sqlite)
{
    for (unsigned i = 0; i < AEP__CACHE_SIZE; i++) {
        aep__tracked_done(&sqlite->cache[i].row);
        aep__buf_done(&sqlite->cache[i].place);
    }
}

/* ---- writing ---- */

static void note_ids(struct aep__sqlite *sqlite, const struct aep__tracked *execution)
{
    aep__sqlite_note_fresh(sqlite, AEP__FRESH_EXECUTION, execution->id);
    aep__sqlite_note_fresh(sqlite, AEP__FRESH_NAMED, execution->parent_named);
    aep__sqlite_note_fresh(sqlite, AEP__FRESH_CORRELATION, execution->correlation_id);
}

static int write_row(struct aep__sqlite *sqlite, unsigned which, int64_t key,
                     const struct aep__tracked *execution, aep_error *err)
{
    char origins[AEP__ORIGINS_BYTES];
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, which, err);
    if (!statement)
        return err->code;
    if (which == AEP__SQL_INSERT || (which - AEP__SQL_UPDATE) & 1U << AEP__GROUP_PLACE)
        note_ids(sqlite, execution);
    aep__tracked_pack_origins(execution, origins);
    aep__sqlite_bind_row(statement, execution, origins);
    if (which != AEP__SQL_INSERT)
        aep__sqlite_bind_int(statement, (int)AEP__COLUMN_COUNT + 1, key);
    return aep__sqlite_finish(sqlite, which, statement, err);
}

static bool changes_place(struct aep__sqlite *sqlite, const struct aep__cached *cached,
                          const struct aep__tracked *execution)
{
    aep__buf_clear(&sqlite->place);
    aep__sqlite_add_place(&sqlite->place, execution);
    return sqlite->place.failed || cached->place.len != sqlite->place.len ||
           memcmp(cached->place.data, sqlite->place.data, sqlite->place.len) != 0;
}

static unsigned changed_groups(struct aep__sqlite *sqlite, const struct aep__cached *cached)
{
    const struct aep__tracked *row = &cached->row;
    unsigned groups = 0;
    if (cached->stalls_at != row->stalls_at || cached->abandons_at != row->abandons_at ||
        cached->waiting != row->waiting)
        groups |= 1U << AEP__GROUP_SILENCE;
    if (cached->minute != aep__sqlite_minute(row->last_event_at))
        groups |= 1U << AEP__GROUP_MINUTE;
    if (cached->outcome != row->outcome)
        groups |= 1U << AEP__GROUP_OUTCOME;
    if (changes_place(sqlite, cached, row))
        groups |= 1U << AEP__GROUP_PLACE;
    return groups;
}

/* Notes what is stored of it. */
static int note(struct aep__cached *cached, aep_error *err)
{
    const struct aep__tracked *row = &cached->row;
    aep__buf_clear(&cached->place);
    aep__sqlite_add_place(&cached->place, row);
    cached->stalls_at = row->stalls_at;
    cached->abandons_at = row->abandons_at;
    cached->waiting = row->waiting;
    cached->minute = aep__sqlite_minute(row->last_event_at);
    cached->outcome = row->outcome;
    cached->dirty = false;
    if (!cached->place.failed && !row->failed)
        return AEP_OK;
    drop(cached);
    return aep__error_memory(err);
}

static int flush_one(struct aep__sqlite *sqlite, struct aep__cached *cached, aep_error *err)
{
    if (!cached->dirty)
        return AEP_OK;
    int result = write_row(sqlite, AEP__SQL_UPDATE + changed_groups(sqlite, cached), cached->key,
                           &cached->row, err);
    return result == AEP_OK ? note(cached, err) : result;
}

int aep__sqlite_flush_rows(struct aep__sqlite *sqlite, aep_error *err)
{
    int result = AEP_OK;
    for (unsigned i = 0; result == AEP_OK && i < AEP__CACHE_SIZE; i++)
        result = flush_one(sqlite, &sqlite->cache[i], err);
    return result;
}

int64_t aep__sqlite_dirty_children(const struct aep__sqlite *sqlite, const char *parent)
{
    int64_t latest = AEP__UNKNOWN_US;
    for (unsigned i = 0; i < AEP__CACHE_SIZE; i++) {
        const struct aep__tracked *row = &sqlite->cache[i].row;
        if (sqlite->cache[i].dirty && row->parent_known && row->outcome == AEP__ENDING_OPEN &&
            row->stalls_at > latest && row->parent_id && strcmp(row->parent_id, parent) == 0)
            latest = row->stalls_at;
    }
    return latest;
}

/* ---- keeping ---- */

int aep__sqlite_keep(struct aep__sqlite *sqlite, int64_t key, const struct aep__tracked *execution,
                     aep_error *err)
{
    struct aep__cached *cached = slot_of(sqlite, execution->id);
    int result = flush_one(sqlite, cached, err);
    if (result != AEP_OK)
        return result;
    aep__tracked_copy(&cached->row, execution);
    cached->key = key;
    return note(cached, err);
}

int aep__sqlite_insert_row(struct aep__sqlite *sqlite, const struct aep__tracked *execution,
                           aep_error *err)
{
    int result = write_row(sqlite, AEP__SQL_INSERT, 0, execution, err);
    return result == AEP_OK
               ? aep__sqlite_keep(sqlite, sqlite3_last_insert_rowid(sqlite->db), execution, err)
               : result;
}

int aep__sqlite_change_row(struct aep__sqlite *sqlite, struct aep__cached *cached,
                           const struct aep__tracked *execution, aep_error *err)
{
    aep__tracked_copy(&cached->row, execution);
    if (cached->row.failed) {
        drop(cached);
        return aep__error_memory(err);
    }
    cached->dirty = true;
    return changes_place(sqlite, cached, execution) ? flush_one(sqlite, cached, err) : AEP_OK;
}

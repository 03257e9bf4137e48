/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of changes: an entry for each row that was written, and for each that was removed. What a
 * transaction has written is one row of the table. Numbers follow one another without a gap, so that the
 * first row after a given number shows whether the ring still has all changes after that number.
 *
 *     number   first   entries
 *     19       17      key 4 · removed "x" · key 4      the changes 17, 18 and 19
 *
 * A row may be written twice in one transaction, and a key be used again once its row has been removed:
 * an entry counts only if its number is that of the row. */
#include "track/store_sql.h"

#include "base/clock.h"
#include "base/endian.h"
#include "base/error.h"

#include <inttypes.h>
#include <string.h>

#define RING 100000 /* changes that are kept at least */

void aep__sql_begin_changes(struct aep__buf *sql)
{
    aep__buf_format(sql, "INSERT INTO counts VALUES ('" AEP__COUNT_CHANGES "', %" PRId64 ");",
                    aep__clock_wall_us());
}

/* Numbers that a transaction took and did not commit are seen nowhere: they are given out again. */
int aep__sql_next_change(struct aep__sql *base, int64_t *ret, aep_error *err)
{
    struct aep__store *store = &base->store;
    int result = base->change == 0
                     ? aep__sql_get_count(store, AEP__COUNT_CHANGES, &base->change, err)
                     : AEP_OK;
    if (result == AEP_OK)
        result = aep__sql_add_count(store, AEP__COUNT_CHANGES, 1, err);
    if (result == AEP_OK)
        *ret = ++base->change;
    return result;
}

/* An entry: the row's key, 8 bytes; of one that was removed less than 0, and then its id. */
int aep__sql_note_change(struct aep__sql *base, int64_t key, const char *removed, aep_error *err)
{
    char bytes[8];
    aep__put64(bytes, (uint64_t)(removed ? -key : key));
    aep__buf_add(&base->changes, bytes, sizeof bytes);
    if (removed)
        aep__buf_add(&base->changes, removed, strlen(removed) + 1);
    base->change_count++;
    return base->changes.failed ? aep__error_memory(err) : AEP_OK;
}

static int trim(struct aep__sql *base, aep_error *err)
{
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_TRIM_CHANGES, err);
    if (!statement)
        return err->code;
    aep__sql_bind_int(statement, 1, base->change - RING);
    return aep__sql_finish(base, AEP__SQL_TRIM_CHANGES, statement, err);
}

int aep__sql_flush_changes(struct aep__sql *base, aep_error *err)
{
    if (base->change_count == 0)
        return AEP_OK;
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_ADD_CHANGES, err);
    if (!statement)
        return err->code;
    aep__sql_bind_int(statement, 1, base->change);
    aep__sql_bind_int(statement, 2, base->change - base->change_count + 1);
    aep__sql_bind_blob(statement, 3, base->changes.data, base->changes.len);
    int result = aep__sql_finish(base, AEP__SQL_ADD_CHANGES, statement, err);
    if (result == AEP_OK)
        aep__sql_forget_changes(base);
    return result == AEP_OK ? trim(base, err) : result;
}

void aep__sql_forget_changes(struct aep__sql *base)
{
    aep__buf_clear(&base->changes);
    base->change_count = 0;
}

/* ---- reading ---- */

/* 1, 0 the ring does not reach back that far, -1. Stops where fn returns false. */
int aep__sql_walk_changes(struct aep__sql *base, int64_t after, aep__entry_fn fn, void *user,
                          aep_error *err)
{
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_CHANGES, err);
    if (!statement)
        return -1;
    aep__sql_bind_int(statement, 1, after);
    bool more = true, reaches = false;
    int found = 0;
    while (more && (found = aep__sql_step(statement, err)) > 0) {
        int64_t number = aep__sql_int(statement, 1);
        const char *at = aep__sql_blob(statement, 2);
        const char *end = at ? at + aep__sql_bytes(statement, 2) : NULL;
        if (!reaches && number > after + 1)
            break;
        reaches = true;
        for (; more && end - at >= 8; number++) {
            int64_t key = (int64_t)aep__get64(at);
            const char *removed = key < 0 ? at + 8 : NULL;
            at += 8 + (removed ? strnlen(removed, (size_t)(end - removed)) + 1 : 0);
            if (number > after)
                more = fn(user, number, removed ? -key : key, removed);
        }
    }
    aep__sql_give(base, AEP__SQL_CHANGES, statement);
    return found < 0 ? -1 : reaches;
}

/* An entry that is to be given. */
struct waiting {
    int64_t number, key;
    size_t removed; /* where its id is in `ids`, plus 1; 0: it was written */
};

struct giving {
    struct aep__sql *base;
    struct aep__many *many;
    struct waiting waiting[AEP__MANY_MAX];
    unsigned count;
    struct aep__buf ids;
    unsigned left;
    aep__changed_fn fn;
    void *user;
    aep_error *err;
    int result;
};

/* One whose row has another number is a later entry's, or a removed row's. */
static bool give_one(struct giving *giving, const struct waiting *entry)
{
    const struct aep__tracked *row =
        entry->removed ? NULL : aep__many_find(giving->many, entry->key);
    if (!entry->removed && (!row || row->change != entry->number))
        return true;
    const char *id = row ? row->id : giving->ids.data + entry->removed - 1;
    return giving->fn(giving->user, entry->number, id, row) && --giving->left > 0;
}

static bool give_waiting(struct giving *giving)
{
    bool more = true;
    giving->result = giving->ids.failed ? aep__error_memory(giving->err)
                                        : aep__many_read(giving->many, giving->base, giving->err);
    for (unsigned i = 0; more && giving->result == AEP_OK && i < giving->count; i++)
        more = give_one(giving, &giving->waiting[i]);
    giving->count = 0;
    aep__buf_clear(&giving->ids);
    return more && giving->result == AEP_OK;
}

static bool add_change(void *user, int64_t number, int64_t key, const char *removed)
{
    struct giving *giving = user;
    struct waiting *entry = &giving->waiting[giving->count++];
    *entry = (struct waiting){number, key, removed ? giving->ids.len + 1 : 0};
    if (removed)
        aep__buf_add(&giving->ids, removed, strlen(removed) + 1);
    else
        aep__many_add(giving->many, key);
    return giving->count < AEP__MANY_MAX && giving->count < giving->left ? true
                                                                         : give_waiting(giving);
}

int aep__sql_list_changes(struct aep__store *store, int64_t after, unsigned limit,
                          aep__changed_fn fn, void *user, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct giving giving = {
        .base = base, .left = limit ? limit : UINT32_MAX, .fn = fn, .user = user, .err = err};
    int64_t newest;
    int result = aep__sql_flush(base, err);
    if (result == AEP_OK)
        result = aep__sql_get_count(store, AEP__COUNT_CHANGES, &newest, err);
    if (result != AEP_OK)
        return -1;
    if (after >= newest)
        return after == newest;
    giving.many = aep__many_new(err);
    int found = giving.many ? aep__sql_walk_changes(base, after, add_change, &giving, err) : -1;
    if (found > 0 && giving.count > 0)
        give_waiting(&giving);
    aep__many_free(giving.many);
    aep__buf_done(&giving.ids);
    return giving.result != AEP_OK ? -1 : found;
}

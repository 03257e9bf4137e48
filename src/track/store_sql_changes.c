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

#include "base/endian.h"
#include "base/error.h"

#include <string.h>

#define RING 100000 /* changes that are kept at least */

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

struct giving {
    struct aep__sql *base;
    struct aep__tracked execution;
    unsigned left;
    aep__changed_fn fn;
    void *user;
    aep_error *err;
    bool failed;
};

static bool give_change(void *user, int64_t number, int64_t key, const char *removed)
{
    struct giving *giving = user;
    const struct aep__tracked *execution = removed ? NULL : &giving->execution;
    if (execution) {
        int found = aep__sql_get_by_key(giving->base, key, &giving->execution, giving->err);
        giving->failed = found < 0;
        if (found <= 0 || execution->change != number)
            return !giving->failed; /* a later entry has it */
    }
    return giving->fn(giving->user, number, removed ? removed : execution->id, execution) &&
           --giving->left > 0;
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
    aep__tracked_init(&giving.execution);
    int found = aep__sql_walk_changes(base, after, give_change, &giving, err);
    aep__tracked_done(&giving.execution);
    return giving.failed ? -1 : found;
}

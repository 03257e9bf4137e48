/* SPDX-License-Identifier: Apache-2.0 */
/* Retention. What is removed goes in two steps where an execution has more events than a transaction may
 * change:
 *
 *     entomb, empty   the execution's row; its events become litter
 *     sweep           litter, so many events at a time
 *
 * Tombstones have the order in which they were made: the oldest go first. */
#include "track/store_sql.h"

#include "base/error.h"
#include "base/id.h"

#include <string.h>

/* ---- what has expired ---- */

int aep__sql_expired(struct aep__store *store, enum aep__expiry what, int64_t before_us,
                     unsigned limit, aep__id_fn fn, void *user, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    static const unsigned statements[AEP__EXPIRY_COUNT] = {
        [AEP__EXPIRY_EXECUTION] = AEP__SQL_EXPIRED,
        [AEP__EXPIRY_BODIES] = AEP__SQL_BODIES_EXPIRED,
        [AEP__EXPIRY_FAILED] = AEP__SQL_FAILED_EXPIRED,
    };
    unsigned which = statements[what];
    int result = aep__sql_flush(base, err);
    struct aep__statement *statement = result == AEP_OK ? aep__sql_take(base, which, err) : NULL;
    if (!statement)
        return err->code;
    aep__sql_bind_int(statement, 1, before_us);
    aep__sql_bind_int(statement, 2, limit);
    if (what == AEP__EXPIRY_EXECUTION)
        aep__sql_bind_int(statement, 3, AEP__EXPIRY_CHILDREN);
    return aep__sql_give_ids(base, which, statement, fn, user, err);
}

/* ---- events that are to go ---- */

static int add_litter(struct aep__sql *base, const char *id, bool whole, aep_error *err)
{
    struct aep__sql_id execution = aep__sql_make_id(id);
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_ADD_LITTER, err);
    if (!statement)
        return err->code;
    aep__sql_bind_id(statement, 1, &execution);
    aep__sql_bind_int(statement, 2, whole);
    return aep__sql_finish(base, AEP__SQL_ADD_LITTER, statement, err);
}

/* Its events, or their bodies. */
static int drop_all(struct aep__sql *base, const char *id, bool whole, aep_error *err)
{
    unsigned which = whole ? AEP__SQL_DROP_EVENTS : AEP__SQL_DROP_BODIES;
    struct aep__sql_id execution = aep__sql_make_id(id);
    struct aep__statement *statement = aep__sql_take(base, which, err);
    if (!statement)
        return err->code;
    aep__sql_bind_id(statement, 1, &execution);
    return aep__sql_finish(base, which, statement, err);
}

static int drop(struct aep__sql *base, const char *id, bool whole, bool at_once, aep_error *err)
{
    return at_once ? drop_all(base, id, whole, err) : add_litter(base, id, whole, err);
}

/* Where bodies go by days, it is noted of whom they have gone. */
static int mark_emptied(struct aep__sql *base, const char *id, aep_error *err)
{
    struct aep__sql_id execution = aep__sql_make_id(id);
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_MARK_EMPTIED, err);
    if (!statement)
        return err->code;
    aep__sql_bind_id(statement, 1, &execution);
    return aep__sql_finish(base, AEP__SQL_MARK_EMPTIED, statement, err);
}

int aep__sql_empty(struct aep__store *store, const char *id, bool at_once, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    int result = base->driver->sweep_days ? mark_emptied(base, id, err) : AEP_OK;
    return result == AEP_OK ? drop(base, id, false, at_once, err) : result;
}

struct litter {
    int64_t key;
    struct aep__buf id;
    bool whole;
};

static int first_litter(struct aep__sql *base, struct litter *ret, aep_error *err)
{
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_FIRST_LITTER, err);
    if (!statement)
        return -1;
    int found = aep__sql_step(statement, err);
    aep__buf_clear(&ret->id);
    if (found > 0) {
        ret->key = aep__sql_int(statement, 0);
        aep__sql_add_id(statement, 1, &ret->id);
        ret->whole = aep__sql_int(statement, 2) != 0;
    }
    aep__sql_give(base, AEP__SQL_FIRST_LITTER, statement);
    if (ret->id.failed)
        aep__error_memory(err);
    return ret->id.failed ? -1 : found;
}

static int sweep_one(struct aep__sql *base, const struct litter *litter, unsigned limit,
                     uint64_t *ret_count, aep_error *err)
{
    unsigned which = litter->whole ? AEP__SQL_SWEEP_EVENTS : AEP__SQL_SWEEP_BODIES;
    struct aep__sql_id id = aep__sql_make_id(litter->id.data);
    struct aep__statement *statement = aep__sql_take(base, which, err);
    if (!statement)
        return err->code;
    aep__sql_bind_id(statement, 1, &id);
    aep__sql_bind_int(statement, 2, limit);
    int64_t changed = 0;
    int result = aep__sql_finish_counting(base, which, statement, &changed, err);
    *ret_count = (uint64_t)changed;
    if (result != AEP_OK || changed == limit)
        return result;
    statement = aep__sql_take(base, AEP__SQL_DROP_LITTER, err);
    if (!statement)
        return err->code;
    ++*ret_count;
    aep__sql_bind_int(statement, 1, litter->key);
    return aep__sql_finish(base, AEP__SQL_DROP_LITTER, statement, err);
}

int aep__sql_sweep(struct aep__store *store, unsigned limit, uint64_t *ret_count, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct litter litter = {0};
    int result = AEP_OK, found = 1;
    *ret_count = 0;
    while (result == AEP_OK && *ret_count < limit &&
           (found = first_litter(base, &litter, err)) > 0) {
        uint64_t count = 0;
        result = sweep_one(base, &litter, limit - (unsigned)*ret_count, &count, err);
        *ret_count += count;
    }
    aep__buf_done(&litter.id);
    return found < 0 ? err->code : result;
}

int aep__sql_sweep_days(struct aep__store *store, int64_t before_us, unsigned limit,
                        uint64_t *ret_count, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    *ret_count = 0;
    return base->driver->sweep_days
               ? base->driver->sweep_days(base, before_us, limit, ret_count, err)
               : AEP_OK;
}

/* ---- tombstones ---- */

int aep__sql_entomb(struct aep__store *store, const struct aep__tracked *execution,
                    int64_t until_us, bool at_once, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    int result = aep__sql_remove(store, execution->id, err);
    struct aep__statement *statement =
        result == AEP_OK ? aep__sql_take(base, AEP__SQL_ADD_TOMB, err) : NULL;
    if (!statement)
        return err->code;
    aep__sql_bind_text(statement, 1, execution->id);
    aep__sql_bind_text(statement, 2, execution->tenant_id);
    aep__sql_bind_text(statement, 3, execution->correlation_id);
    aep__sql_bind_text(statement, 4, execution->agent_name);
    if (!execution->partial)
        aep__sql_bind_int(statement, 5, execution->origins[AEP__ORIGIN_STARTED].at_us);
    else
        aep__sql_bind_null(statement, 5);
    aep__sql_bind_int(statement, 6, execution->last_event_at);
    aep__sql_bind_int(statement, 7, until_us);
    result = aep__sql_finish(base, AEP__SQL_ADD_TOMB, statement, err);
    return result == AEP_OK ? drop(base, execution->id, true, at_once, err) : result;
}

static void set(struct aep__tracked *ret, char **text, const char *value)
{
    aep__tracked_set_text(ret, text, aep__slice_text(value));
}

static int find_tomb(struct aep__sql *base, const char *id, const struct aep__tracked *key,
                     struct aep__tracked *ret, aep_error *err)
{
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_TOMB, err);
    if (!statement)
        return -1;
    aep__sql_bind_key(statement, key);
    aep__sql_bind_text(statement, 4, id);
    int found = aep__sql_step(statement, err);
    if (found > 0) {
        set(ret, &ret->id, id);
        set(ret, &ret->tenant_id, key->tenant_id);
        set(ret, &ret->correlation_id, key->correlation_id);
        set(ret, &ret->agent_name, key->agent_name);
        ret->partial = aep__sql_is_null(statement, 0);
        struct aep__order *begun = &ret->origins[AEP__ORIGIN_STARTED];
        *begun = AEP__ORDER_NONE;
        if (!ret->partial && aep__id_parse(id, strlen(id), begun->id))
            begun->at_us = aep__sql_int(statement, 0);
        ret->last_event_at = aep__sql_int(statement, 1);
    }
    aep__sql_give(base, AEP__SQL_TOMB, statement);
    return found > 0 && ret->failed ? (aep__error_memory(err), -1) : found;
}

int aep__sql_tomb(struct aep__store *store, const char *id, const struct aep__tracked *key,
                  struct aep__tracked *ret, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    if (aep__sql_is_fresh(base, AEP__FRESH_EXECUTION, id))
        return 0;
    return find_tomb(base, id, key, ret, err);
}

int aep__sql_nearest_tomb(struct aep__store *store, const struct aep__tracked *key,
                          const struct aep__order *order, struct aep__tracked *ret, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__buf id = {0};
    if (aep__sql_is_fresh(base, AEP__FRESH_CORRELATION, key->correlation_id))
        return 0;
    int found = aep__sql_find_by_key(base, AEP__SQL_NEAREST_TOMB, key, order, &id, err);
    if (found == 0)
        found = aep__sql_find_by_key(base, AEP__SQL_FIRST_TOMB, key, NULL, &id, err);
    if (found > 0)
        found = find_tomb(base, id.data, key, ret, err);
    aep__buf_done(&id);
    return found;
}

int aep__sql_provisional_tomb(struct aep__store *store, const struct aep__tracked *key,
                              int64_t at_us, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    if (aep__sql_is_fresh(base, AEP__FRESH_CORRELATION, key->correlation_id))
        return 0;
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_PROVISIONAL_TOMB, err);
    if (!statement)
        return -1;
    aep__sql_bind_key(statement, key);
    aep__sql_bind_int(statement, 4, at_us);
    int found = aep__sql_step(statement, err);
    aep__sql_give(base, AEP__SQL_PROVISIONAL_TOMB, statement);
    return found;
}

int aep__sql_drop_tombs(struct aep__store *store, int64_t now_us, int64_t most, unsigned limit,
                        uint64_t *ret_count, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_DROP_TOMBS, err);
    if (!statement)
        return err->code;
    aep__sql_bind_int(statement, 1, now_us);
    aep__sql_bind_int(statement, 2, most);
    aep__sql_bind_int(statement, 3, limit);
    int64_t changed = 0;
    int result = aep__sql_finish_counting(base, AEP__SQL_DROP_TOMBS, statement, &changed, err);
    *ret_count = (uint64_t)changed;
    return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Executions by their id, by their key, and in the tree. */
#include "track/store_sqlite.h"

#include "base/error.h"
#include "base/id.h"

#include <stdlib.h>
#include <string.h>

/* ---- classes ---- */

const char *const aep__class_names[AEP__CLASS_COUNT] = {
    [AEP__CLASS_OPEN] = "executions: open",           [AEP__CLASS_WAITING] = "executions: waiting",
    [AEP__CLASS_COMPLETED] = "executions: completed", [AEP__CLASS_FAILED] = "executions: failed",
    [AEP__CLASS_ABANDONED] = "executions: abandoned",
};

static enum aep__class class_of(int64_t outcome, int64_t waiting)
{
    switch (outcome) {
    case AEP__ENDING_COMPLETED:
        return AEP__CLASS_COMPLETED;
    case AEP__ENDING_FAILED:
        return AEP__CLASS_FAILED;
    case AEP__ENDING_ABANDONED:
        return AEP__CLASS_ABANDONED;
    default:
        return waiting ? AEP__CLASS_WAITING : AEP__CLASS_OPEN;
    }
}

static int count_class(struct aep__sqlite *sqlite, enum aep__class class, int64_t more,
                       aep_error *err)
{
    return aep__sqlite_add_count(&sqlite->store, aep__class_names[class], more, err);
}

/* ---- get, put, remove ---- */

/* 1, 0, -1: the row that the statement gives next. What is cached of it counts. */
static int read_next(struct aep__sqlite *sqlite, unsigned which, sqlite3_stmt *statement,
                     struct aep__tracked *ret, aep_error *err)
{
    int64_t key = 0;
    int found = aep__sqlite_step(sqlite, statement, err);
    if (found > 0 && aep__sqlite_read_row(sqlite, statement, ret, err) != AEP_OK)
        found = -1;
    if (found > 0)
        key = sqlite3_column_int64(statement, 0);
    aep__sqlite_give(sqlite, which, statement);
    if (found <= 0 || !aep__sqlite_caches(sqlite))
        return found;
    const struct aep__cached *cached = aep__sqlite_cached(sqlite, ret->id);
    if (!cached)
        return aep__sqlite_keep(sqlite, key, ret, err) == AEP_OK ? 1 : -1;
    aep__tracked_copy(ret, &cached->row);
    return ret->failed ? (aep__error_memory(err), -1) : 1;
}

static int read_stored(struct aep__sqlite *sqlite, const char *id, struct aep__tracked *ret,
                       aep_error *err)
{
    if (aep__sqlite_is_fresh(sqlite, AEP__FRESH_EXECUTION, id))
        return 0;
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, AEP__SQL_GET, err);
    if (!statement)
        return -1;
    aep__sqlite_bind_text(statement, 1, id);
    return read_next(sqlite, AEP__SQL_GET, statement, ret, err);
}

int aep__sqlite_get(struct aep__store *store, const char *id, struct aep__tracked *ret,
                    aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    const struct aep__cached *cached =
        aep__sqlite_caches(sqlite) ? aep__sqlite_cached(sqlite, id) : NULL;
    if (!cached)
        return read_stored(sqlite, id, ret, err);
    aep__tracked_copy(ret, &cached->row);
    return ret->failed ? (aep__error_memory(err), -1) : 1;
}

/* *ret NULL: it is not stored. */
static int learn(struct aep__sqlite *sqlite, const char *id, struct aep__cached **ret,
                 aep_error *err)
{
    *ret = aep__sqlite_cached(sqlite, id);
    if (*ret)
        return AEP_OK;
    int found = read_stored(sqlite, id, &sqlite->stored, err);
    if (found <= 0)
        return found < 0 ? err->code : AEP_OK;
    *ret = aep__sqlite_cached(sqlite, id);
    return *ret ? AEP_OK : aep__error_memory(err);
}

static int check_writable(const struct aep__sqlite *sqlite, aep_error *err)
{
    return aep__sqlite_caches(sqlite) ? AEP_OK
                                      : aep__error(err, AEP_ESTATE, AEP__STORE_FIELD,
                                                   "%s: nothing is written outside a "
                                                   "transaction",
                                                   sqlite->path);
}

int aep__sqlite_put(struct aep__store *store, const struct aep__tracked *execution, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    struct aep__cached *cached;
    enum aep__class class = class_of(execution->outcome, execution->waiting);
    int result = execution->failed ? aep__error_memory(err) : check_writable(sqlite, err);
    if (result == AEP_OK)
        result = learn(sqlite, execution->id, &cached, err);
    if (result != AEP_OK)
        return result;
    if (!cached) {
        result = aep__sqlite_insert_row(sqlite, execution, err);
        return result == AEP_OK ? count_class(sqlite, class, 1, err) : result;
    }
    enum aep__class before = class_of(cached->row.outcome, cached->row.waiting);
    result = aep__sqlite_change_row(sqlite, cached, execution, err);
    if (result == AEP_OK && before != class)
        result = count_class(sqlite, before, -1, err);
    return result == AEP_OK && before != class ? count_class(sqlite, class, 1, err) : result;
}

int aep__sqlite_remove(struct aep__store *store, const char *id, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    struct aep__cached *cached;
    int result = check_writable(sqlite, err);
    if (result == AEP_OK)
        result = learn(sqlite, id, &cached, err);
    if (result != AEP_OK || !cached)
        return result;
    enum aep__class class = class_of(cached->row.outcome, cached->row.waiting);
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, AEP__SQL_REMOVE, err);
    if (!statement)
        return err->code;
    aep__sqlite_bind_int(statement, 1, cached->key);
    aep__sqlite_drop(sqlite, id);
    result = aep__sqlite_finish(sqlite, AEP__SQL_REMOVE, statement, err);
    return result == AEP_OK ? count_class(sqlite, class, -1, err) : result;
}

/* ---- by key, and in the tree ---- */

static void bind_key(sqlite3_stmt *statement, const struct aep__tracked *key)
{
    aep__sqlite_bind_text(statement, 1, key->correlation_id);
    aep__sqlite_bind_text(statement, 2, key->agent_name);
    aep__sqlite_bind_text(statement, 3, key->tenant_id);
}

/* Of those that began at one instant, in order of their id, which is their started event's: the last
 * one before the limit, or (no limit) the first one. The statement gives them by time; only the first
 * instant that has one counts. Appends its id as a string; 1, 0, -1. */
static int choose_by_id(struct aep__sqlite *sqlite, sqlite3_stmt *statement, int64_t limit_us,
                        const char *limit, struct aep__buf *ret, aep_error *err)
{
    int64_t at_us = 0;
    int found;
    while ((found = aep__sqlite_step(sqlite, statement, err)) > 0) {
        const char *id = (const char *)sqlite3_column_text(statement, 1);
        if (!id)
            return aep__error_memory(err), -1;
        if (ret->len > 0 && sqlite3_column_int64(statement, 0) != at_us)
            break;
        at_us = sqlite3_column_int64(statement, 0);
        if (limit && at_us == limit_us && strcmp(id, limit) > 0)
            continue;
        bool later = ret->len > 0 && strcmp(id, ret->data) > 0;
        if (ret->len > 0 && later != (limit != NULL))
            continue;
        aep__buf_clear(ret);
        aep__buf_add(ret, id, strlen(id) + 1);
    }
    if (ret->failed)
        aep__error_memory(err);
    return found < 0 || ret->failed ? -1 : ret->len > 0;
}

static int find_by_key(struct aep__sqlite *sqlite, unsigned which, const struct aep__tracked *key,
                       const struct aep__order *order, struct aep__buf *ret, aep_error *err)
{
    char limit[AEP_ID_SIZE];
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, which, err);
    if (!statement)
        return -1;
    bind_key(statement, key);
    if (order) {
        aep__id_format(order->id, limit);
        aep__sqlite_bind_int(statement, 4, order->at_us);
    }
    int found =
        choose_by_id(sqlite, statement, order ? order->at_us : 0, order ? limit : NULL, ret, err);
    aep__sqlite_give(sqlite, which, statement);
    return found;
}

int aep__sqlite_nearest(struct aep__store *store, const struct aep__tracked *key,
                        const struct aep__order *order, struct aep__tracked *ret, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    struct aep__buf id = {0};
    if (aep__sqlite_is_fresh(sqlite, AEP__FRESH_CORRELATION, key->correlation_id))
        return 0;
    int found = find_by_key(sqlite, AEP__SQL_NEAREST, key, order, &id, err);
    if (found == 0)
        found = find_by_key(sqlite, AEP__SQL_FIRST, key, NULL, &id, err);
    if (found > 0)
        found = aep__sqlite_get(store, id.data, ret, err);
    aep__buf_done(&id);
    return found;
}

int aep__sqlite_give_ids(struct aep__sqlite *sqlite, unsigned which, sqlite3_stmt *statement,
                         aep__id_fn fn, void *user, aep_error *err)
{
    struct aep__buf ids = {0};
    int found;
    while ((found = aep__sqlite_step(sqlite, statement, err)) > 0)
        aep__sqlite_add_id(statement, 0, &ids);
    aep__sqlite_give(sqlite, which, statement);
    int result = found < 0 ? err->code : ids.failed ? aep__error_memory(err) : AEP_OK;
    bool more = result == AEP_OK;
    for (size_t at = 0; more && at < ids.len; at += strlen(ids.data + at) + 1)
        more = fn(user, ids.data + at);
    aep__buf_done(&ids);
    return result;
}

int aep__sqlite_provisional(struct aep__store *store, const struct aep__tracked *key, aep__id_fn fn,
                            void *user, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    if (aep__sqlite_is_fresh(sqlite, AEP__FRESH_CORRELATION, key->correlation_id))
        return AEP_OK;
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, AEP__SQL_PROVISIONAL, err);
    if (!statement)
        return err->code;
    bind_key(statement, key);
    return aep__sqlite_give_ids(sqlite, AEP__SQL_PROVISIONAL, statement, fn, user, err);
}

static int ids_of(struct aep__store *store, unsigned which, const char *text, aep__id_fn fn,
                  void *user, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, which, err);
    if (!statement)
        return err->code;
    aep__sqlite_bind_text(statement, 1, text);
    return aep__sqlite_give_ids(sqlite, which, statement, fn, user, err);
}

int aep__sqlite_caused_by(struct aep__store *store, const char *named, aep__id_fn fn, void *user,
                          aep_error *err)
{
    if (aep__sqlite_is_fresh(aep__sqlite_of(store), AEP__FRESH_NAMED, named))
        return AEP_OK;
    return ids_of(store, AEP__SQL_CAUSED_BY, named, fn, user, err);
}

int aep__sqlite_children(struct aep__store *store, const char *id, aep__id_fn fn, void *user,
                         aep_error *err)
{
    return ids_of(store, AEP__SQL_CHILDREN, id, fn, user, err);
}

/* Those that are newer in memory are left out of what is stored. */
int aep__sqlite_open_children(struct aep__store *store, const char *id, int64_t *ret_us,
                              aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    int64_t latest = aep__sqlite_dirty_children(sqlite, id);
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, AEP__SQL_OPEN_CHILDREN, err);
    if (!statement)
        return err->code;
    aep__sqlite_bind_text(statement, 1, id);
    int found;
    while ((found = aep__sqlite_step(sqlite, statement, err)) > 0) {
        bool unknown = sqlite3_column_type(statement, 0) == SQLITE_NULL;
        int64_t stalls_at = unknown ? AEP__UNKNOWN_US : sqlite3_column_int64(statement, 0);
        const char *child = (const char *)sqlite3_column_text(statement, 1);
        const struct aep__cached *cached = child ? aep__sqlite_cached(sqlite, child) : NULL;
        if (cached && cached->dirty)
            continue;
        latest = stalls_at > latest ? stalls_at : latest;
        break;
    }
    aep__sqlite_give(sqlite, AEP__SQL_OPEN_CHILDREN, statement);
    if (found >= 0)
        *ret_us = latest;
    return found < 0 ? err->code : AEP_OK;
}

/* ---- lookup ---- */

/* The first text after all that begin so; NULL: there is none. */
static char *end_of_prefix(const char *text, bool *ret_failed)
{
    char *end = strdup(text);
    *ret_failed = !end;
    for (size_t len = strlen(text); end && len > 0; len--)
        if ((unsigned char)end[len - 1] < 0xff) {
            end[len - 1]++;
            end[len] = '\0';
            return end;
        }
    free(end);
    return NULL;
}

struct lookup {
    const char *text, *end;
    unsigned left;
    bool more;
};

static int look_up(struct aep__sqlite *sqlite, unsigned which, struct lookup *lookup,
                   aep__tracked_fn fn, void *user, aep_error *err)
{
    struct aep__tracked execution;
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, which, err);
    if (!statement)
        return err->code;
    aep__tracked_init(&execution);
    aep__sqlite_bind_text(statement, 1, lookup->text);
    if (lookup->end)
        aep__sqlite_bind_text(statement, 2, lookup->end);
    else
        aep__sqlite_bind_blob(statement, 2, NULL, 0); /* after every text */
    aep__sqlite_bind_int(statement, 3, lookup->left);
    int result = AEP_OK, found = 0;
    while (lookup->more && (found = aep__sqlite_step(sqlite, statement, err)) > 0) {
        result = aep__sqlite_read_row(sqlite, statement, &execution, err);
        lookup->more = result == AEP_OK && fn(user, &execution);
        lookup->left--;
    }
    aep__sqlite_give(sqlite, which, statement);
    aep__tracked_done(&execution);
    return found < 0 ? err->code : result;
}

int aep__sqlite_lookup(struct aep__store *store, const char *text, unsigned limit,
                       aep__tracked_fn fn, void *user, aep_error *err)
{
    bool failed;
    char *end = end_of_prefix(text, &failed);
    struct lookup lookup = {text, end, limit ? limit : UINT32_MAX, true};
    int result = failed ? aep__error_memory(err) : aep__sqlite_flush(aep__sqlite_of(store), err);
    if (result == AEP_OK)
        result = look_up(aep__sqlite_of(store), AEP__SQL_BY_PREFIX, &lookup, fn, user, err);
    if (result == AEP_OK && lookup.more && lookup.left > 0)
        result = look_up(aep__sqlite_of(store), AEP__SQL_BY_CORRELATION, &lookup, fn, user, err);
    free(end);
    return result;
}

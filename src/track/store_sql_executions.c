/* SPDX-License-Identifier: Apache-2.0 */
/* Executions by their id, by their key, and in the tree. */
#include "track/store_sql.h"

#include "base/error.h"
#include "base/id.h"

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

static int count_class(struct aep__sql *base, enum aep__class class, int64_t more, aep_error *err)
{
    return aep__sql_add_count(&base->store, aep__class_names[class], more, err);
}

/* ---- how much room a row takes ---- */

static int64_t weigh(const struct aep__tracked *execution)
{
    int64_t bytes = AEP__SQL_ROW_BYTES;
    for (size_t i = 0; i < AEP__TRACKED_MEMBER_COUNT; i++) {
        const struct aep__tracked_member *member = &aep__tracked_members[i];
        if (member->type != AEP__MEMBER_TEXT)
            continue;
        const char *text = *(char *const *)((const char *)execution + member->offset);
        bytes += text ? (int64_t)strlen(text) : 0;
    }
    return bytes;
}

/* NULL: there is none. */
static void note_weight(struct aep__sql *base, const struct aep__tracked *before,
                        const struct aep__tracked *after)
{
    if (base->driver->weighs)
        base->weight += (after ? weigh(after) : 0) - (before ? weigh(before) : 0);
}

/* ---- get, put, remove ---- */

/* 1, 0, -1: the row that the statement gives next. What is cached of it counts. */
static int read_next(struct aep__sql *base, unsigned which, struct aep__statement *statement,
                     struct aep__tracked *ret, aep_error *err)
{
    int64_t key = 0;
    int found = aep__sql_step(statement, err);
    if (found > 0 && aep__sql_read_row(base, statement, ret, err) != AEP_OK)
        found = -1;
    if (found > 0)
        key = aep__sql_int(statement, 0);
    aep__sql_give(base, which, statement);
    if (found <= 0 || !aep__sql_caches(base))
        return found;
    const struct aep__cached *cached = aep__sql_cached(base, ret->id);
    if (!cached)
        return aep__sql_keep(base, key, ret, err) == AEP_OK ? 1 : -1;
    aep__tracked_copy(ret, &cached->row);
    return ret->failed ? (aep__error_memory(err), -1) : 1;
}

static int read_stored(struct aep__sql *base, const char *id, struct aep__tracked *ret,
                       aep_error *err)
{
    if (aep__sql_is_fresh(base, AEP__FRESH_EXECUTION, id))
        return 0;
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_GET, err);
    if (!statement)
        return -1;
    aep__sql_bind_text(statement, 1, id);
    return read_next(base, AEP__SQL_GET, statement, ret, err);
}

int aep__sql_get(struct aep__store *store, const char *id, struct aep__tracked *ret, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    const struct aep__cached *cached = aep__sql_caches(base) ? aep__sql_cached(base, id) : NULL;
    if (!cached)
        return read_stored(base, id, ret, err);
    aep__tracked_copy(ret, &cached->row);
    return ret->failed ? (aep__error_memory(err), -1) : 1;
}

/* *ret NULL: it is not stored. */
static int learn(struct aep__sql *base, const char *id, struct aep__cached **ret, aep_error *err)
{
    *ret = aep__sql_cached(base, id);
    if (*ret)
        return AEP_OK;
    int found = read_stored(base, id, &base->stored, err);
    if (found <= 0)
        return found < 0 ? err->code : AEP_OK;
    *ret = aep__sql_cached(base, id);
    return *ret ? AEP_OK : aep__error_memory(err);
}

static int check_writable(const struct aep__sql *base, aep_error *err)
{
    return aep__sql_caches(base) ? AEP_OK
                                 : aep__error(err, AEP_ESTATE, AEP__STORE_FIELD,
                                              "%s: nothing is written outside a "
                                              "transaction",
                                              base->name);
}

int aep__sql_put(struct aep__store *store, const struct aep__tracked *execution, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__cached *cached;
    enum aep__class class = class_of(execution->outcome, execution->waiting);
    int result = execution->failed ? aep__error_memory(err) : check_writable(base, err);
    if (result == AEP_OK)
        result = learn(base, execution->id, &cached, err);
    if (result != AEP_OK)
        return result;
    note_weight(base, cached ? &cached->row : NULL, execution);
    if (!cached) {
        result = aep__sql_insert_row(base, execution, err);
        return result == AEP_OK ? count_class(base, class, 1, err) : result;
    }
    enum aep__class before = class_of(cached->row.outcome, cached->row.waiting);
    result = aep__sql_change_row(base, cached, execution, err);
    if (result == AEP_OK && before != class)
        result = count_class(base, before, -1, err);
    return result == AEP_OK && before != class ? count_class(base, class, 1, err) : result;
}

static int delete_row(struct aep__sql *base, int64_t key, aep_error *err)
{
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_REMOVE, err);
    if (!statement)
        return err->code;
    aep__sql_bind_int(statement, 1, key);
    return aep__sql_finish(base, AEP__SQL_REMOVE, statement, err);
}

int aep__sql_remove(struct aep__store *store, const char *id, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__cached *cached;
    int result = check_writable(base, err);
    if (result == AEP_OK)
        result = learn(base, id, &cached, err);
    if (result != AEP_OK || !cached)
        return result;
    enum aep__class class = class_of(cached->row.outcome, cached->row.waiting);
    note_weight(base, &cached->row, NULL);
    const int64_t key = cached->unsaved ? 0 : cached->key;
    int64_t change;
    result = aep__sql_next_change(base, &change, err);
    if (result == AEP_OK)
        result = aep__sql_note_change(base, cached->key, id, err);
    if (result != AEP_OK)
        return result;
    aep__sql_drop(base, id);
    if (key)
        result = delete_row(base, key, err);
    return result == AEP_OK ? count_class(base, class, -1, err) : result;
}

/* ---- by key, and in the tree ---- */

void aep__sql_bind_key(struct aep__statement *statement, const struct aep__tracked *key)
{
    aep__sql_bind_text(statement, 1, key->correlation_id);
    aep__sql_bind_text(statement, 2, key->agent_name);
    aep__sql_bind_text(statement, 3, key->tenant_id);
}

/* A statement that finds rows by who they are, or their place. */
static struct aep__statement *search(struct aep__sql *base, unsigned which, aep_error *err)
{
    return aep__sql_write_new(base, err) == AEP_OK ? aep__sql_take(base, which, err) : NULL;
}

int aep__sql_find_by_key(struct aep__sql *base, unsigned which, const struct aep__tracked *key,
                         const struct aep__order *order, struct aep__buf *ret, aep_error *err)
{
    char limit[AEP_ID_SIZE];
    struct aep__statement *statement = search(base, which, err);
    if (!statement)
        return -1;
    aep__sql_bind_key(statement, key);
    if (order) {
        aep__id_format(order->id, limit);
        aep__sql_bind_int(statement, 4, order->at_us);
        aep__sql_bind_text(statement, 5, limit);
    }
    int found = aep__sql_step(statement, err);
    if (found > 0)
        aep__sql_add_id(statement, 0, ret);
    if (ret->failed)
        aep__error_memory(err);
    aep__sql_give(base, which, statement);
    return ret->failed ? -1 : found;
}

int aep__sql_nearest(struct aep__store *store, const struct aep__tracked *key,
                     const struct aep__order *order, struct aep__tracked *ret, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__buf id = {0};
    if (aep__sql_is_fresh(base, AEP__FRESH_CORRELATION, key->correlation_id))
        return 0;
    int found = aep__sql_find_by_key(base, AEP__SQL_NEAREST, key, order, &id, err);
    if (found == 0)
        found = aep__sql_find_by_key(base, AEP__SQL_FIRST, key, NULL, &id, err);
    if (found > 0)
        found = aep__sql_get(store, id.data, ret, err);
    aep__buf_done(&id);
    return found;
}

int aep__sql_give_ids(struct aep__sql *base, unsigned which, struct aep__statement *statement,
                      aep__id_fn fn, void *user, aep_error *err)
{
    struct aep__buf ids = {0};
    int found;
    while ((found = aep__sql_step(statement, err)) > 0)
        aep__sql_add_id(statement, 0, &ids);
    aep__sql_give(base, which, statement);
    int result = found < 0 ? err->code : ids.failed ? aep__error_memory(err) : AEP_OK;
    bool more = result == AEP_OK;
    for (size_t at = 0; more && at < ids.len; at += strlen(ids.data + at) + 1)
        more = fn(user, ids.data + at);
    aep__buf_done(&ids);
    return result;
}

int aep__sql_provisional(struct aep__store *store, const struct aep__tracked *key, aep__id_fn fn,
                         void *user, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    if (aep__sql_is_fresh(base, AEP__FRESH_CORRELATION, key->correlation_id))
        return AEP_OK;
    struct aep__statement *statement = search(base, AEP__SQL_PROVISIONAL, err);
    if (!statement)
        return err->code;
    aep__sql_bind_key(statement, key);
    return aep__sql_give_ids(base, AEP__SQL_PROVISIONAL, statement, fn, user, err);
}

static int ids_of(struct aep__store *store, unsigned which, const char *text, aep__id_fn fn,
                  void *user, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__statement *statement = search(base, which, err);
    if (!statement)
        return err->code;
    aep__sql_bind_text(statement, 1, text);
    return aep__sql_give_ids(base, which, statement, fn, user, err);
}

int aep__sql_caused_by(struct aep__store *store, const char *named, aep__id_fn fn, void *user,
                       aep_error *err)
{
    if (aep__sql_is_fresh(aep__sql_of(store), AEP__FRESH_NAMED, named))
        return AEP_OK;
    return ids_of(store, AEP__SQL_CAUSED_BY, named, fn, user, err);
}

int aep__sql_children(struct aep__store *store, const char *id, aep__id_fn fn, void *user,
                      aep_error *err)
{
    return ids_of(store, AEP__SQL_CHILDREN, id, fn, user, err);
}

/* What is cached of them counts; the store is asked for the others, if there are any. */
int aep__sql_open_children(struct aep__store *store, const struct aep__tracked *parent,
                           int64_t *ret_us, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    unsigned count, open;
    int64_t latest = aep__sql_cached_children(base, parent->id, &count, &open);
    if (open == parent->open_children) {
        *ret_us = latest;
        return AEP_OK;
    }
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_OPEN_CHILDREN, err);
    if (!statement)
        return err->code;
    aep__sql_bind_text(statement, 1, parent->id);
    aep__sql_bind_int(statement, 2, (int64_t)count + 1);
    int found;
    while ((found = aep__sql_step(statement, err)) > 0) {
        bool unknown = aep__sql_is_null(statement, 0);
        int64_t stalls_at = unknown ? AEP__UNKNOWN_US : aep__sql_int(statement, 0);
        const char *child = aep__sql_text(statement, 1);
        if (child && count > 0 && aep__sql_cached(base, child))
            continue;
        latest = stalls_at > latest ? stalls_at : latest;
        break;
    }
    aep__sql_give(base, AEP__SQL_OPEN_CHILDREN, statement);
    if (found >= 0)
        *ret_us = latest;
    return found < 0 ? err->code : AEP_OK;
}

/* ---- lookup ---- */

#define LAST_CHARACTER                                                                             \
    "\xf4\x8f\xbf\xbf" /* U+10FFFF: what is behind it is after all that begin so */

struct lookup {
    const char *text, *end;
    unsigned left;
    bool more;
};

static int look_up(struct aep__sql *base, unsigned which, struct lookup *lookup, aep__tracked_fn fn,
                   void *user, aep_error *err)
{
    struct aep__tracked execution;
    struct aep__statement *statement = aep__sql_take(base, which, err);
    if (!statement)
        return err->code;
    aep__tracked_init(&execution);
    aep__sql_bind_text(statement, 1, lookup->text);
    aep__sql_bind_text(statement, 2, lookup->end);
    aep__sql_bind_int(statement, 3, lookup->left);
    int result = AEP_OK, found = 0;
    while (lookup->more && (found = aep__sql_step(statement, err)) > 0) {
        result = aep__sql_read_row(base, statement, &execution, err);
        lookup->more = result == AEP_OK && fn(user, &execution);
        lookup->left--;
    }
    aep__sql_give(base, which, statement);
    aep__tracked_done(&execution);
    return found < 0 ? err->code : result;
}

int aep__sql_lookup(struct aep__store *store, const char *text, unsigned limit, aep__tracked_fn fn,
                    void *user, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__buf end = {0};
    aep__buf_format(&end, "%s" LAST_CHARACTER, text);
    struct lookup lookup = {text, aep__buf_string(&end), limit ? limit : UINT32_MAX, true};
    int result = end.failed ? aep__error_memory(err) : aep__sql_flush(base, err);
    if (result == AEP_OK)
        result = look_up(base, AEP__SQL_BY_PREFIX, &lookup, fn, user, err);
    if (result == AEP_OK && lookup.more && lookup.left > 0)
        result = look_up(base, AEP__SQL_BY_CORRELATION, &lookup, fn, user, err);
    aep__buf_done(&end);
    return result;
}

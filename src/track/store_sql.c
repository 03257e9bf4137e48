/* SPDX-License-Identifier: Apache-2.0 */
#include "track/store_sql.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- statements ---- */

static const char *const texts[] = {
#define SQL_TEXT(name, text) [AEP__SQL_##name] = text,
    AEP__SQL_STATEMENTS(SQL_TEXT)
#undef SQL_TEXT
};

static void add_sql(struct aep__sql *base, unsigned which, struct aep__buf *out)
{
    if (which == AEP__SQL_INSERT) {
        aep__sql_insert(out);
        return;
    }
    if (which >= AEP__SQL_UPDATE) {
        aep__sql_update(out, which - AEP__SQL_UPDATE);
        return;
    }
    const struct aep__sql_driver *driver = base->driver;
    const char *text = driver->texts ? driver->texts[which] : NULL;
    for (const char *at = text ? text : texts[which]; *at; at++) {
        if (*at == '@')
            aep__buf_add(out, base->columns.data, base->columns.len);
        else if (*at == '%')
            aep__buf_format(out, AEP__EVENT_COLUMNS ", %s", driver->body);
        else if (*at == '&')
            aep__buf_text(out, driver->moved);
        else if (*at == '#')
            for (int i = 1; i <= AEP__MANY_MAX; i++)
                aep__buf_format(out, i > 1 ? ", ?%d" : "?%d", i);
        else
            aep__buf_byte(out, *at);
    }
}

static struct aep__statement *prepare(struct aep__sql *base, const char *sql, unsigned which,
                                      aep_error *err)
{
    struct aep__statement *statement = base->driver->statements->prepare(base, sql, which, err);
    if (statement)
        *statement = (struct aep__statement){base->driver->statements, base, true};
    return statement;
}

struct aep__statement *aep__sql_prepare(struct aep__sql *base, const char *sql, aep_error *err)
{
    return prepare(base, sql, AEP__SQL_COUNT, err);
}

/* One that is in use, because a caller's function asks for the same again, is prepared anew. */
struct aep__statement *aep__sql_take(struct aep__sql *base, unsigned which, aep_error *err)
{
    struct aep__statement *kept = base->statements[which];
    if (kept && !kept->taken) {
        kept->taken = true;
        return kept;
    }
    struct aep__buf sql = {0};
    add_sql(base, which, &sql);
    const char *text = aep__buf_string(&sql);
    struct aep__statement *statement = NULL;
    if (sql.failed)
        aep__error_memory(err);
    else
        statement = prepare(base, text, kept ? AEP__SQL_COUNT : which, err);
    aep__buf_done(&sql);
    if (!kept)
        base->statements[which] = statement;
    return statement;
}

void aep__sql_give(struct aep__sql *base, unsigned which, struct aep__statement *statement)
{
    if (statement == base->statements[which]) {
        aep__sql_reset(statement);
        statement->taken = false;
    } else {
        aep__sql_finalize(statement);
    }
}

int aep__sql_finish(struct aep__sql *base, unsigned which, struct aep__statement *statement,
                    aep_error *err)
{
    int result = statement->ops->run(statement, err);
    aep__sql_give(base, which, statement);
    return result;
}

int aep__sql_finish_counting(struct aep__sql *base, unsigned which,
                             struct aep__statement *statement, int64_t *ret_changed, aep_error *err)
{
    int result = aep__sql_step(statement, err) < 0 ? err->code : AEP_OK;
    if (result == AEP_OK)
        *ret_changed = aep__sql_changes(statement);
    aep__sql_give(base, which, statement);
    return result;
}

int aep__sql_damaged(const struct aep__sql *base, aep_error *err)
{
    char text[sizeof err->text];
    snprintf(text, sizeof text, base->driver->damaged, base->name);
    return aep__error(err, AEP_EIO, AEP__STORE_FIELD, "%s", text);
}

/* ---- transactions ---- */

static int begin(struct aep__store *store, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    int64_t version = 0;
    aep__sql_forget_counts(base);
    aep__sql_forget_changes(base);
    base->weight = 0;
    int result = base->driver->begin(base, &version, err);
    if (result != AEP_OK)
        return result;
    if (version != base->version) { /* another connection may have changed what is in memory */
        aep__sql_forget(base);
        base->knows_fresh = false;
        base->last_key = 0;
    }
    base->version = version;
    return AEP_OK;
}

static void roll_back(struct aep__store *store)
{
    struct aep__sql *base = aep__sql_of(store);
    base->driver->rollback(base);
    aep__sql_forget(base);
    aep__sql_forget_counts(base);
    aep__sql_forget_changes(base);
    base->last_key = 0;
}

int aep__sql_flush(struct aep__sql *base, aep_error *err)
{
    int result = aep__sql_flush_rows(base, err);
    if (result == AEP_OK)
        result = aep__sql_flush_changes(base, err);
    return result == AEP_OK ? aep__sql_flush_counts(base, err) : result;
}

static int commit(struct aep__store *store, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    int result = aep__sql_flush(base, err);
    if (result == AEP_OK && !aep__sql_in_transaction(base))
        result = aep__error(err, AEP_ESTATE, AEP__STORE_FIELD, "%s: no transaction to commit",
                            base->name);
    if (result == AEP_OK)
        result = base->driver->commit(base, &base->version, err);
    if (result == AEP_OK)
        aep__sql_forget_counts(base);
    return result;
}

/* ---- opening ---- */

static void close_store(struct aep__store *store)
{
    struct aep__sql *base = aep__sql_of(store);
    base->driver->close(base);
}

static int is_replaced(struct aep__store *store, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    return base->driver->replaced(base, err);
}

static int tell_bytes(struct aep__store *store, int64_t *ret, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    return base->driver->bytes(base, ret, err);
}

static int give_back(struct aep__store *store, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    return base->driver->give_back(base, err);
}

static int identify(struct aep__store *store, struct aep__buf *ret, aep_error *err)
{
    const struct aep__sql *base = aep__sql_of(store);
    if (!base->driver->identity)
        return 0;
    aep__buf_text(ret, base->driver->identity(base));
    aep__buf_string(ret);
    return ret->failed ? (aep__error_memory(err), -1) : 1;
}

static const struct aep__store_ops ops = {
    .close = close_store,
    .replaced = is_replaced,
    .identity = identify,
    .begin = begin,
    .commit = commit,
    .rollback = roll_back,
    .get = aep__sql_get,
    .put = aep__sql_put,
    .remove = aep__sql_remove,
    .nearest = aep__sql_nearest,
    .provisional = aep__sql_provisional,
    .caused_by = aep__sql_caused_by,
    .children = aep__sql_children,
    .open_children = aep__sql_open_children,
    .find_event = aep__sql_find_event,
    .add_event = aep__sql_add_event,
    .amend_event = aep__sql_amend_event,
    .settle = aep__sql_settle,
    .events = aep__sql_events,
    .move_events = aep__sql_move_events,
    .guesses = aep__sql_guesses,
    .move_guesses = aep__sql_move_guesses,
    .get_gaps = aep__sql_get_gaps,
    .put_gaps = aep__sql_put_gaps,
    .expired = aep__sql_expired,
    .empty = aep__sql_empty,
    .entomb = aep__sql_entomb,
    .sweep = aep__sql_sweep,
    .sweep_days = aep__sql_sweep_days,
    .tomb = aep__sql_tomb,
    .nearest_tomb = aep__sql_nearest_tomb,
    .provisional_tomb = aep__sql_provisional_tomb,
    .drop_tombs = aep__sql_drop_tombs,
    .bytes = tell_bytes,
    .give_back = give_back,
    .get_position = aep__sql_get_position,
    .put_position = aep__sql_put_position,
    .add_count = aep__sql_add_count,
    .get_count = aep__sql_get_count,
    .index_texts = aep__sql_index_texts,
    .list = aep__sql_list,
    .count = aep__sql_count,
    .totals = aep__sql_totals,
    .facets = aep__sql_facets,
    .waits = aep__sql_waits,
    .turned = aep__sql_turned,
    .changes = aep__sql_list_changes,
    .lookup = aep__sql_lookup,
};

int aep__sql_init(struct aep__sql *base, const struct aep__sql_driver *driver, const char *name,
                  bool write, aep_error *err)
{
    base->store.ops = &ops;
    base->driver = driver;
    base->write = write;
    aep__tracked_init(&base->stored);
    aep__sql_columns(&base->columns);
    base->name = strdup(name);
    return base->name && !base->columns.failed ? AEP_OK : aep__error_memory(err);
}

void aep__sql_forget_statements(struct aep__sql *base)
{
    for (unsigned i = 0; i < AEP__SQL_COUNT; i++) {
        aep__sql_finalize(base->statements[i]);
        base->statements[i] = NULL;
    }
}

void aep__sql_done(struct aep__sql *base)
{
    aep__sql_forget_statements(base);
    aep__sql_free_cache(base);
    aep__buf_done(&base->columns);
    aep__buf_done(&base->place);
    aep__buf_done(&base->body);
    aep__buf_done(&base->event_ids);
    aep__buf_done(&base->changes);
    aep__tracked_done(&base->stored);
    free(base->fresh);
    free(base->name);
}

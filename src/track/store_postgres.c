/* SPDX-License-Identifier: Apache-2.0 */
#include "track/store_postgres.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* ---- transactions ---- */

static bool in_transaction(const struct aep__sql *base)
{
    return aep__postgres_of(base)->transaction;
}

static int say_replaced(const struct aep__postgres *pg, aep_error *err)
{
    return aep__error(err, AEP_ESPOOL, AEP__STORE_FIELD,
                      "the tables of %s have been removed: open it again to make new ones",
                      pg->base.name);
}

/* What holds the lock may be slow, or have gone. */
static int begin(struct aep__sql *base, int64_t *ret_version, aep_error *err)
{
    struct aep__postgres *pg = aep__postgres_of(base);
    PGresult *meta = NULL;
    aep__pg_batch_forget(pg);
    int code = aep__pg_queue(pg, NULL, "BEGIN", NULL, err);
    if (code == AEP_OK)
        code = aep__pg_queue(pg, NULL, "SELECT " AEP__PG_LOCK, NULL, err);
    pg->transaction = code == AEP_OK;
    pg->wrote = false;
    if (code == AEP_OK)
        code = aep__pg_ask(pg,
                           "SELECT identity::text, turn, " AEP__PG_TODAY
                           ", EXISTS (SELECT FROM days WHERE day = " AEP__PG_TODAY ") FROM meta",
                           &meta, err);
    if (code == AEP_OK &&
        (aep__pq.ntuples(meta) != 1 || strcmp(aep__pq.getvalue(meta, 0, 0), pg->identity) != 0))
        code = say_replaced(pg, err);
    if (code == AEP_OK)
        *ret_version = pg->turn = aep__pg_int(meta, 0, 1);
    if (code == AEP_OK) {
        pg->day = aep__pg_int(meta, 0, 2);
        pg->has_day = aep__pg_int(meta, 0, 3);
    }
    pg->event_bytes = pg->body_bytes = 0;
    aep__pq.clear(meta);
    if (code != AEP_OK && pg->transaction)
        base->driver->rollback(base);
    return code;
}

static int commit(struct aep__sql *base, int64_t *ret_version, aep_error *err)
{
    struct aep__postgres *pg = aep__postgres_of(base);
    int code = aep__pg_batch_send(pg, AEP__PG_ALL, err);
    if (code == AEP_OK && pg->wrote)
        code = aep__pg_count_bytes(pg, err);
    if (code == AEP_OK)
        code = aep__pg_ask(pg, "COMMIT", NULL, err);
    if (code != AEP_OK)
        return code;
    pg->transaction = false;
    pg->turn += pg->wrote;
    *ret_version = pg->turn;
    return AEP_OK;
}

static void roll_back(struct aep__sql *base)
{
    struct aep__postgres *pg = aep__postgres_of(base);
    aep_error unused;
    aep__pg_batch_forget(pg);
    if (pg->transaction && pg->conn && aep__pq.status(pg->conn) == CONNECTION_OK) {
        aep__pg_settle(pg, NULL, &unused);
        aep__pg_ask(pg, "ROLLBACK", NULL, &unused);
    }
    pg->transaction = false;
}

/* ---- opening ---- */

static int is_replaced(struct aep__sql *base, aep_error *err)
{
    struct aep__postgres *pg = aep__postgres_of(base);
    PGresult *meta = NULL;
    int code = AEP_OK;
    for (int tries = 0; tries < 2; tries++) { /* the connection may have gone since it was used */
        code = pg->lost ? aep__pg_connect(pg, err) : AEP_OK;
        if (code == AEP_OK)
            code = aep__pg_ask(pg, "SELECT identity::text FROM meta", &meta, err);
        if (code == AEP_OK || !pg->lost)
            break;
    }
    bool other = code == AEP_OK && (aep__pq.ntuples(meta) != 1 ||
                                    strcmp(aep__pq.getvalue(meta, 0, 0), pg->identity) != 0);
    aep__pq.clear(meta);
    return other || code == AEP_ESPOOL ? 1 : code == AEP_OK ? 0 : -1;
}

static void close_store(struct aep__sql *base)
{
    struct aep__postgres *pg = aep__postgres_of(base);
    roll_back(base);
    aep__sql_done(base);
    aep__pg_disconnect(pg);
    aep__pg_batch_free(pg);
    if (pg->url)
        explicit_bzero(pg->url, strlen(pg->url));
    free(pg->url);
    free(pg);
}

static const char *identity(const struct aep__sql *base)
{
    return aep__postgres_of(base)->identity;
}

/* What becomes of room that is free is the server's matter. */
static int give_back(struct aep__sql *base, aep_error *err)
{
    (void)base, (void)err;
    return AEP_OK;
}

static const struct aep__sql_driver driver = {
    .identity = identity,
    .bytes = aep__pg_tell_bytes,
    .give_back = give_back,
    .close = close_store,
    .replaced = is_replaced,
    .begin = begin,
    .commit = commit,
    .rollback = roll_back,
    .in_transaction = in_transaction,
    .statements = &aep__pg_statements,
    .texts_index = &aep__pg_texts_index,
    .sweep_days = aep__pg_sweep_days,
    .body = AEP__PG_BODY,
    .moved = AEP__PG_MOVED,
    .texts = aep__pg_texts,
    .weighs = true,
    .whole_rows = true,
    .like = "LIKE",
    .wildcard = "%",
    .quotes = "%_\\",
    .quote = {"\\", ""},
    .damaged = "the tables of %s are damaged: drop its schema " AEP__PG_SCHEMA
               ", and a tracker makes them anew from its sources",
};

int aep__store_postgres_open(struct aep__store **ret, const char *url, bool write, aep_error *err)
{
    aep_error unused;
    err = err ? err : &unused;
    struct aep__buf name = {0};
    int code = aep__pq_load(err);
    if (code == AEP_OK)
        code = aep__pg_add_name(url, &name, err);
    struct aep__postgres *pg = code == AEP_OK ? calloc(1, sizeof *pg) : NULL;
    if (code == AEP_OK)
        code = pg ? aep__sql_init(&pg->base, &driver, aep__buf_string(&name), write, err)
                  : aep__error_memory(err);
    aep__buf_done(&name);
    if (code == AEP_OK && !(pg->url = strdup(url)))
        code = aep__error_memory(err);
    if (code == AEP_OK)
        code = aep__pg_connect(pg, err);
    if (code == AEP_OK)
        code = aep__pg_check_schema(pg, err);
    if (code == AEP_OK)
        *ret = &pg->base.store;
    else if (pg)
        close_store(&pg->base);
    return code;
}

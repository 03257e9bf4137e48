/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of PostgreSQL. The SQL is that of both stores, with two changes: ?1 is $1, and what says
 * which index to take is left out. */
#include "track/store_postgres.h"

#include "base/error.h"
#include "base/id.h"
#include "base/utf8.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MAX 96

struct pg_statement {
    struct aep__statement statement; /* first */
    char *sql;
    char name[24];         /* "": not kept, and not prepared */
    unsigned generation;   /* of the connection that knows the name */
    unsigned which, needs; /* which batches it must come after */
    int count;
    const char *values[VALUES_MAX]; /* borrowed, or of numbers and texts */
    int lengths[VALUES_MAX], formats[VALUES_MAX];
    uint64_t numbers[VALUES_MAX];
    struct aep__buf texts[VALUES_MAX];
    PGresult *result; /* NULL: it has not run */
    int row;
};

static struct pg_statement *own_of(struct aep__statement *statement)
{
    return (struct pg_statement *)statement;
}

static struct aep__postgres *pg_of(struct aep__statement *statement)
{
    return aep__postgres_of(statement->base);
}

/* ---- preparing ---- */

static void add_translated(struct aep__buf *out, const char *sql)
{
    static const char hint[] = " INDEXED BY ", none[] = " NOT INDEXED";
    for (; *sql; sql++) {
        if (strncmp(sql, hint, sizeof hint - 1) == 0) {
            sql += sizeof hint - 1;
            sql += strcspn(sql, " ");
        } else if (strncmp(sql, none, sizeof none - 1) == 0) {
            sql += sizeof none - 1;
        }
        aep__buf_byte(out, *sql == '?' ? '$' : *sql);
    }
}

static struct aep__statement *prepare(struct aep__sql *base, const char *sql, unsigned which,
                                      aep_error *err)
{
    struct aep__postgres *pg = aep__postgres_of(base);
    struct pg_statement *made = calloc(1, sizeof *made);
    struct aep__buf text = {0};
    add_translated(&text, sql);
    if (made)
        made->sql = strdup(aep__buf_string(&text));
    bool failed = !made || !made->sql || text.failed;
    aep__buf_done(&text);
    if (failed) {
        if (made)
            free(made->sql);
        free(made);
        return aep__error_memory(err), NULL;
    }
    made->which = which;
    made->needs = aep__pg_batches_of(made->sql);
    if (which != AEP__SQL_COUNT)
        snprintf(made->name, sizeof made->name, "s%lu", ++pg->statements);
    return &made->statement;
}

static void reset(struct aep__statement *statement)
{
    struct pg_statement *own = own_of(statement);
    aep__pq.clear(own->result);
    own->result = NULL;
}

static void finalize(struct aep__statement *statement)
{
    struct pg_statement *own = own_of(statement);
    reset(statement);
    for (int i = 0; i < VALUES_MAX; i++)
        aep__buf_done(&own->texts[i]);
    free(own->sql);
    free(own);
}

/* ---- parameters ---- */

static void bind(struct aep__statement *statement, int i, const void *value, size_t len, int format)
{
    struct pg_statement *own = own_of(statement);
    own->count = i > own->count ? i : own->count;
    own->values[i - 1] = value;
    own->lengths[i - 1] = (int)len;
    own->formats[i - 1] = format;
}

static void bind_null(struct aep__statement *statement, int i)
{
    bind(statement, i, NULL, 0, 1);
}

static void bind_int(struct aep__statement *statement, int i, int64_t number)
{
    uint64_t *at = &own_of(statement)->numbers[i - 1];
    *at = htobe64((uint64_t)number);
    bind(statement, i, at, sizeof *at, 1);
}

static void bind_real(struct aep__statement *statement, int i, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    if (isnan(number))
        bind_null(statement, i);
    else
        bind_int(statement, i, (int64_t)bits);
}

/* What somebody has typed need not be UTF-8: no text that is stored can be equal to it. */
static void bind_text(struct aep__statement *statement, int i, const char *text)
{
    struct aep__buf *repaired = &own_of(statement)->texts[i - 1];
    size_t len = text ? strlen(text) : 0;
    if (text && aep__utf8_valid(text, len) < len) {
        aep__buf_clear(repaired);
        aep__utf8_repair(repaired, text, len);
        text = aep__buf_string(repaired);
        len = repaired->len;
    }
    bind(statement, i, text, len, 1);
}

static void bind_blob(struct aep__statement *statement, int i, const void *bytes, size_t len)
{
    bind(statement, i, bytes, len, 1);
}

void aep__pg_encode_id(const struct aep__sql_id *id, struct aep__buf *out)
{
    if (!id->text) {
        aep__buf_add(out, id->bytes, sizeof id->bytes);
        return;
    }
    size_t len = strlen(id->text);
    aep__buf_byte(out, '\0');
    if (len + 1 == sizeof id->bytes)
        aep__buf_byte(out, '\0');
    aep__buf_add(out, id->text, len);
}

static void bind_id(struct aep__statement *statement, int i, const struct aep__sql_id *id)
{
    struct aep__buf *bytes = &own_of(statement)->texts[i - 1];
    if (!id->text) {
        bind_blob(statement, i, id->bytes, sizeof id->bytes);
        return;
    }
    aep__buf_clear(bytes);
    aep__pg_encode_id(id, bytes);
    bind_blob(statement, i, bytes->data, bytes->len);
}

/* ---- running ---- */

static struct aep__pg_values values_of(const struct pg_statement *own)
{
    return (struct aep__pg_values){own->count, own->values, own->lengths, own->formats};
}

static int queue(struct aep__statement *statement, aep_error *err)
{
    struct aep__postgres *pg = pg_of(statement);
    struct pg_statement *own = own_of(statement);
    const struct aep__pg_values values = values_of(own);
    const char *name = own->name[0] ? own->name : NULL;
    int code = aep__pg_batch_send(pg, own->needs, err);
    if (code == AEP_OK && name && own->generation != pg->generation) {
        own->generation = pg->generation;
        code = aep__pg_queue_prepare(pg, name, own->sql, err);
    }
    return code == AEP_OK ? aep__pg_queue(pg, name, own->sql, &values, err) : code;
}

static bool is_lost(const struct aep__postgres *pg)
{
    return !pg->conn || pg->lost || aep__pq.status(pg->conn) == CONNECTION_BAD;
}

static int execute(struct aep__statement *statement, aep_error *err)
{
    struct aep__postgres *pg = pg_of(statement);
    int code = AEP_OK;
    if (is_lost(pg))
        code = pg->transaction ? aep__pg_error(pg, NULL, err) : aep__pg_connect(pg, err);
    if (code == AEP_OK)
        code = queue(statement, err);
    if (code == AEP_OK)
        code = aep__pg_settle(pg, &own_of(statement)->result, err);
    return code;
}

/* A reader's connection may have gone since it was used last: that is worth a second try. */
static int execute_again(struct aep__statement *statement, aep_error *err)
{
    struct aep__postgres *pg = pg_of(statement);
    bool fresh = is_lost(pg);
    int code = execute(statement, err);
    if (code == AEP_OK || fresh || pg->transaction || !is_lost(pg))
        return code;
    return execute(statement, err);
}

static int step(struct aep__statement *statement, aep_error *err)
{
    struct pg_statement *own = own_of(statement);
    if (!own->result) {
        if (execute_again(statement, err) != AEP_OK)
            return -1;
        if (!own->result)
            return 0;
        own->row = 0;
    } else {
        own->row++;
    }
    return own->row < aep__pq.ntuples(own->result);
}

/* Its last parameter is its body. */
static int date_event(struct aep__postgres *pg, struct pg_statement *own, aep_error *err)
{
    const int body = AEP__PG_EVENT_BODY;
    int64_t len = own->values[body - 1] ? own->lengths[body - 1] : -1;
    return aep__pg_date_event(pg, &own->statement, body + 1, len, err);
}

static int run(struct aep__statement *statement, aep_error *err)
{
    struct aep__postgres *pg = pg_of(statement);
    struct pg_statement *own = own_of(statement);
    if (!pg->transaction)
        return aep__error(err, AEP_ESTATE, AEP__STORE_FIELD,
                          "%s: nothing is written outside a transaction", pg->base.name);
    pg->wrote = true;
    if (is_lost(pg))
        return aep__pg_error(pg, NULL, err);
    if (!aep__pg_batched(own->which))
        return queue(statement, err);
    int code = own->which == AEP__SQL_ADD_EVENT ? date_event(pg, own, err) : AEP_OK;
    if (code != AEP_OK)
        return code;
    const struct aep__pg_values values = values_of(own);
    struct aep__pg_batch *batch = aep__pg_batch_of(pg, own->which, err);
    return batch ? aep__pg_batch_add(pg, batch, &values, err) : err->code;
}

static int64_t changes(struct aep__statement *statement)
{
    struct pg_statement *own = own_of(statement);
    pg_of(statement)->wrote = true;
    return own->result ? strtoll(aep__pq.cmdTuples(own->result), NULL, 10) : 0;
}

/* ---- columns ---- */

static bool is_null(struct aep__statement *statement, int column)
{
    struct pg_statement *own = own_of(statement);
    return aep__pq.getisnull(own->result, own->row, column);
}

static int64_t int_at(struct aep__statement *statement, int column)
{
    struct pg_statement *own = own_of(statement);
    return aep__pg_int(own->result, own->row, column);
}

static double real_at(struct aep__statement *statement, int column)
{
    int64_t bits = int_at(statement, column);
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static const void *blob_at(struct aep__statement *statement, int column)
{
    struct pg_statement *own = own_of(statement);
    return is_null(statement, column) ? NULL : aep__pq.getvalue(own->result, own->row, column);
}

static const char *text_at(struct aep__statement *statement, int column)
{
    return blob_at(statement, column); /* libpq ends each value with a NUL */
}

static size_t bytes_at(struct aep__statement *statement, int column)
{
    struct pg_statement *own = own_of(statement);
    return (size_t)aep__pq.getlength(own->result, own->row, column);
}

static void add_id(struct aep__statement *statement, int column, struct aep__buf *out)
{
    struct pg_statement *own = own_of(statement);
    const char *bytes = blob_at(statement, column);
    size_t len = bytes_at(statement, column);
    char text[AEP_ID_SIZE];
    if (!bytes) {
        out->failed = true;
    } else if (aep__pq.ftype(own->result, column) != AEP__PG_BYTEA) {
        aep__buf_add(out, bytes, len + 1);
    } else if (len == 16) {
        aep__id_format((const uint8_t *)bytes, text);
        aep__buf_add(out, text, sizeof text);
    } else {
        while (len > 0 && *bytes == '\0')
            bytes++, len--;
        aep__buf_add(out, bytes, len + 1);
    }
}

const struct aep__sql_statements aep__pg_statements = {
    .prepare = prepare,
    .finalize = finalize,
    .reset = reset,
    .bind_null = bind_null,
    .bind_int = bind_int,
    .bind_real = bind_real,
    .bind_text = bind_text,
    .bind_blob = bind_blob,
    .bind_id = bind_id,
    .step = step,
    .run = run,
    .changes = changes,
    .is_null = is_null,
    .int_at = int_at,
    .real_at = real_at,
    .text_at = text_at,
    .blob_at = blob_at,
    .bytes_at = bytes_at,
    .add_id = add_id,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of SQLite. */
#include "track/store_sqlite.h"

#include "base/error.h"
#include "base/id.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sqlite_statement {
    struct aep__statement statement; /* first */
    sqlite3_stmt *own;
};

static sqlite3_stmt *own_of(struct aep__statement *statement)
{
    return ((struct sqlite_statement *)statement)->own;
}

static struct aep__statement *prepare(struct aep__sql *base, const char *sql, unsigned which,
                                      aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(base);
    unsigned flags = which == AEP__SQL_COUNT ? 0 : SQLITE_PREPARE_PERSISTENT;
    struct sqlite_statement *made = calloc(1, sizeof *made);
    if (!made)
        return aep__error_memory(err), NULL;
    if (sqlite3_prepare_v3(sqlite->db, sql, -1, flags, &made->own, NULL) == SQLITE_OK)
        return &made->statement;
    aep__sqlite_error(sqlite, err);
    free(made);
    return NULL;
}

static void finalize(struct aep__statement *statement)
{
    sqlite3_finalize(own_of(statement));
    free(statement);
}

static void reset(struct aep__statement *statement)
{
    sqlite3_reset(own_of(statement));
}

static void bind_null(struct aep__statement *statement, int i)
{
    sqlite3_bind_null(own_of(statement), i);
}

static void bind_int(struct aep__statement *statement, int i, int64_t number)
{
    sqlite3_bind_int64(own_of(statement), i, number);
}

static void bind_real(struct aep__statement *statement, int i, double number)
{
    sqlite3_bind_double(own_of(statement), i, number); /* NAN is NULL to SQLite */
}

static void bind_text(struct aep__statement *statement, int i, const char *text)
{
    sqlite3_bind_text(own_of(statement), i, text, -1, SQLITE_STATIC);
}

static void bind_blob(struct aep__statement *statement, int i, const void *bytes, size_t len)
{
    sqlite3_bind_blob64(own_of(statement), i, bytes, len, SQLITE_STATIC);
}

static void bind_id(struct aep__statement *statement, int i, const struct aep__sql_id *id)
{
    if (id->text)
        bind_text(statement, i, id->text);
    else
        bind_blob(statement, i, id->bytes, sizeof id->bytes);
}

static int step(struct aep__statement *statement, aep_error *err)
{
    errno = 0;
    int rc = sqlite3_step(own_of(statement));
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        return rc == SQLITE_ROW;
    aep__sqlite_error(aep__sqlite_of(statement->base), err);
    return -1;
}

static int run(struct aep__statement *statement, aep_error *err)
{
    return step(statement, err) < 0 ? err->code : AEP_OK;
}

static int64_t changes(struct aep__statement *statement)
{
    return sqlite3_changes64(aep__sqlite_of(statement->base)->db);
}

static bool is_null(struct aep__statement *statement, int column)
{
    return sqlite3_column_type(own_of(statement), column) == SQLITE_NULL;
}

static int64_t int_at(struct aep__statement *statement, int column)
{
    return sqlite3_column_int64(own_of(statement), column);
}

static double real_at(struct aep__statement *statement, int column)
{
    return sqlite3_column_double(own_of(statement), column);
}

static const char *text_at(struct aep__statement *statement, int column)
{
    return (const char *)sqlite3_column_text(own_of(statement), column);
}

static const void *blob_at(struct aep__statement *statement, int column)
{
    return sqlite3_column_blob(own_of(statement), column);
}

static size_t bytes_at(struct aep__statement *statement, int column)
{
    return (size_t)sqlite3_column_bytes(own_of(statement), column);
}

static void add_id(struct aep__statement *statement, int column, struct aep__buf *out)
{
    char text[AEP_ID_SIZE];
    if (sqlite3_column_type(own_of(statement), column) == SQLITE_BLOB &&
        sqlite3_column_bytes(own_of(statement), column) == 16) {
        aep__id_format(sqlite3_column_blob(own_of(statement), column), text);
        aep__buf_add(out, text, sizeof text);
        return;
    }
    const char *data = (const char *)sqlite3_column_text(own_of(statement), column);
    if (data)
        aep__buf_add(out, data, strlen(data) + 1);
    else
        out->failed = true;
}

const struct aep__sql_statements aep__sqlite_statements = {
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

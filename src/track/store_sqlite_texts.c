/* SPDX-License-Identifier: Apache-2.0 */
/* The index of texts (store_sql_texts.c) in FTS5, which has the same trigrams:
 *
 *     texts     trigrams ─▶ keys of rows
 *     texts_of  key ─▶ the text that is indexed, to take it out again */
#include "track/store_sqlite.h"

#include "base/error.h"
#include "track/contains.h"

#include <string.h>

#define MERGED_PAGES 64 /* in one step, of 4 KiB */

static int prepare(struct aep__sqlite *sqlite, const char *sql, sqlite3_stmt **ret, aep_error *err)
{
    return sqlite3_prepare_v2(sqlite->db, sql, -1, ret, NULL) == SQLITE_OK
               ? AEP_OK
               : aep__sqlite_error(sqlite, err);
}

enum { TEXTS, OLD, TAKE_OUT, ADD, KEEP, DROP, STATEMENTS };

static const char *const statements[STATEMENTS] = {
    [TEXTS] = "SELECT user_request, agent_name, current_step, error_message FROM executions "
              "WHERE key = ?1",
    [OLD] = "SELECT text FROM texts_of WHERE key = ?1",
    [TAKE_OUT] = "INSERT INTO texts (texts, rowid, text) VALUES ('delete', ?1, ?2)",
    [ADD] = "INSERT INTO texts (rowid, text) VALUES (?1, ?2)",
    [KEEP] = "INSERT OR REPLACE INTO texts_of (key, text) VALUES (?1, ?2)",
    [DROP] = "DELETE FROM texts_of WHERE key = ?1",
};

struct filling {
    struct aep__sqlite *sqlite;
    sqlite3_stmt *statements[STATEMENTS];
    struct aep__contains contains;
    struct aep__buf text;
    aep_error *err;
};

static int run(struct filling *filling, unsigned which, int64_t key, const char *text)
{
    sqlite3_stmt *statement = filling->statements[which];
    sqlite3_bind_int64(statement, 1, key);
    if (text)
        sqlite3_bind_text(statement, 2, text, -1, SQLITE_STATIC);
    int result = sqlite3_step(statement) == SQLITE_DONE
                     ? AEP_OK
                     : aep__sqlite_error(filling->sqlite, filling->err);
    sqlite3_reset(statement);
    return result;
}

/* Its texts, one on each line, without case; 1, 0, -1. */
static int read_texts(struct filling *filling, int64_t key)
{
    sqlite3_stmt *statement = filling->statements[TEXTS];
    aep__buf_clear(&filling->text);
    sqlite3_bind_int64(statement, 1, key);
    int rc = sqlite3_step(statement);
    for (int i = 0; rc == SQLITE_ROW && i < 4; i++) {
        const char *text = (const char *)sqlite3_column_text(statement, i);
        if (text)
            aep__contains_fold(&filling->contains, &filling->text, text);
        aep__buf_byte(&filling->text, '\n');
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        aep__sqlite_error(filling->sqlite, filling->err);
    sqlite3_reset(statement);
    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

static int index_row(struct filling *filling, int64_t key)
{
    int there = read_texts(filling, key);
    const char *text = aep__buf_string(&filling->text);
    if (there < 0)
        return filling->err->code;
    if (filling->text.failed)
        return aep__error_memory(filling->err);
    sqlite3_stmt *statement = filling->statements[OLD];
    sqlite3_bind_int64(statement, 1, key);
    bool was = sqlite3_step(statement) == SQLITE_ROW;
    const char *old = was ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    int result = AEP_OK;
    bool same = old && there && strcmp(old, text) == 0;
    if (old && !same)
        result = run(filling, TAKE_OUT, key, old);
    sqlite3_reset(statement);
    if (result == AEP_OK && there && !same)
        result = run(filling, ADD, key, text);
    if (result == AEP_OK && there && !same)
        result = run(filling, KEEP, key, text);
    if (result == AEP_OK && was && !there)
        result = run(filling, DROP, key, NULL);
    return result;
}

static int put(struct aep__sql *base, const int64_t *keys, size_t count, aep_error *err)
{
    struct filling filling = {.sqlite = aep__sqlite_of(base), .err = err};
    int result = AEP_OK;
    aep__contains_init(&filling.contains);
    for (unsigned i = 0; result == AEP_OK && i < STATEMENTS; i++)
        result = prepare(filling.sqlite, statements[i], &filling.statements[i], err);
    for (size_t i = 0; result == AEP_OK && i < count; i++)
        result = index_row(&filling, keys[i]);
    for (unsigned i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(filling.statements[i]);
    aep__contains_done(&filling.contains);
    aep__buf_done(&filling.text);
    return result;
}

/* A negative number of pages begins to merge all; what has changed no row but its own is done
 * (https://www.sqlite.org/fts5.html, "The 'merge' Command"). */
static int merge(struct aep__sql *base, bool begin, bool *ret_more, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(base);
    sqlite3_stmt *statement;
    int result =
        prepare(sqlite, "INSERT INTO texts (texts, rank) VALUES ('merge', ?1)", &statement, err);
    if (result != AEP_OK)
        return result;
    int before = sqlite3_total_changes(sqlite->db);
    sqlite3_bind_int(statement, 1, begin ? -MERGED_PAGES : MERGED_PAGES);
    if (sqlite3_step(statement) != SQLITE_DONE)
        result = aep__sqlite_error(sqlite, err);
    *ret_more = result == AEP_OK && sqlite3_total_changes(sqlite->db) - before >= 2;
    sqlite3_finalize(statement);
    return result;
}

/* As FTS5 quotes it. */
static void add_to_match(struct aep__buf *out, const char *text, size_t len)
{
    aep__buf_text(out, out->len ? " AND \"" : "\"");
    for (size_t i = 0; i < len; i++)
        aep__buf_format(out, text[i] == '"' ? "\"%c" : "%c", text[i]);
    aep__buf_byte(out, '"');
}

const struct aep__sql_texts aep__sqlite_texts = {
    .put = put,
    .merge = merge,
    .add_to_match = add_to_match,
    .end_of_match = "",
    .matching = "SELECT rowid FROM texts WHERE texts MATCH ?1",
    .among = "key IN (",
    .end_of_among = ")",
};

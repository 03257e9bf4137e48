/* SPDX-License-Identifier: Apache-2.0 */
/* An index of texts: FTS5 with a token for each three characters. It is filled outside of the tracker's
 * other transactions, and says how far it is:
 *
 *     texts        trigrams ─▶ keys of rows; without case (contains.h)
 *     texts_of     key ─▶ the text that is indexed, to take it out again
 *     texts_until  rows up to that key are indexed as of that change
 *
 * A search takes the rows that have all trigrams of the words, and those that have changed since; each
 * is then compared as ever. Where too much has changed since, or the words are too short or too common,
 * it looks at row after row instead. */
#include "track/store_sqlite.h"

#include "base/error.h"
#include "base/utf8.h"
#include "track/contains.h"

#include <stdlib.h>
#include <string.h>

#define ALL INT64_MAX
#define PENDING_MAX 1000 /* rows changed since that a search looks at one by one */
#define TRIGRAMS_MAX 64  /* of a search */

struct until {
    int64_t change, key;
};

struct keys {
    int64_t *keys;
    size_t count, most;
    int64_t last; /* change */
    bool failed;  /* out of memory, or there are more */
};

static int prepare(struct aep__sqlite *sqlite, const char *sql, sqlite3_stmt **ret, aep_error *err)
{
    return sqlite3_prepare_v2(sqlite->db, sql, -1, ret, NULL) == SQLITE_OK
               ? AEP_OK
               : aep__sqlite_error(sqlite, err);
}

static int read_until(struct aep__sqlite *sqlite, struct until *ret, aep_error *err)
{
    sqlite3_stmt *statement = NULL;
    int result =
        prepare(sqlite, "SELECT change, key FROM texts_until WHERE id = 1", &statement, err);
    if (result == AEP_OK && sqlite3_step(statement) == SQLITE_ROW)
        *ret =
            (struct until){sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1)};
    else if (result == AEP_OK)
        result = aep__sqlite_error(sqlite, err);
    sqlite3_finalize(statement);
    return result;
}

static bool take_key(void *user, int64_t number, int64_t key, const char *removed)
{
    struct keys *keys = user;
    (void)removed;
    if (keys->count == keys->most)
        return false;
    keys->keys[keys->count++] = key;
    keys->last = number;
    return true;
}

static int compare_keys(const void *left, const void *right)
{
    int64_t one = *(const int64_t *)left, other = *(const int64_t *)right;
    return (one > other) - (one < other);
}

static void sort_keys(struct keys *keys)
{
    size_t kept = 0;
    if (keys->count > 1)
        qsort(keys->keys, keys->count, sizeof *keys->keys, compare_keys);
    for (size_t i = 0; i < keys->count; i++)
        if (kept == 0 || keys->keys[i] != keys->keys[kept - 1])
            keys->keys[kept++] = keys->keys[i];
    keys->count = kept;
}

/* ---- filling ---- */

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

static int index_rows(struct filling *filling, struct keys *keys)
{
    int result = AEP_OK;
    for (unsigned i = 0; result == AEP_OK && i < STATEMENTS; i++)
        if (!filling->statements[i])
            result = prepare(filling->sqlite, statements[i], &filling->statements[i], filling->err);
    sort_keys(keys);
    for (size_t i = 0; result == AEP_OK && i < keys->count; i++)
        result = index_row(filling, keys->keys[i]);
    return result;
}

/* Rows that have changed. */
static int follow(struct filling *filling, struct until *until, struct keys *keys)
{
    struct aep__sql *base = &filling->sqlite->base;
    int64_t newest;
    int result = aep__sql_get_count(&base->store, AEP__COUNT_CHANGES, &newest, filling->err);
    if (result != AEP_OK || newest == until->change)
        return result;
    int found = aep__sql_walk_changes(base, until->change, take_key, keys, filling->err);
    if (found < 0)
        return filling->err->code;
    *until = found ? (struct until){keys->last, until->key} : (struct until){newest, 0};
    return index_rows(filling, keys);
}

/* Rows that have never been looked at. */
static int walk(struct filling *filling, struct until *until, struct keys *keys, size_t limit)
{
    sqlite3_stmt *statement = NULL;
    int result =
        prepare(filling->sqlite, "SELECT key FROM executions WHERE key > ?1 ORDER BY key LIMIT ?2",
                &statement, filling->err);
    if (result != AEP_OK)
        return result;
    sqlite3_bind_int64(statement, 1, until->key);
    sqlite3_bind_int64(statement, 2, (int64_t)limit);
    for (keys->count = 0; sqlite3_step(statement) == SQLITE_ROW;)
        keys->keys[keys->count++] = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    until->key = keys->count == limit ? keys->keys[limit - 1] : ALL;
    return index_rows(filling, keys);
}

static int write_until(struct filling *filling, const struct until *until)
{
    sqlite3_stmt *statement = NULL;
    int result =
        prepare(filling->sqlite, "UPDATE texts_until SET change = ?1, key = ?2 WHERE id = 1",
                &statement, filling->err);
    if (result != AEP_OK)
        return result;
    sqlite3_bind_int64(statement, 1, until->change);
    sqlite3_bind_int64(statement, 2, until->key);
    result = sqlite3_step(statement) == SQLITE_DONE
                 ? AEP_OK
                 : aep__sqlite_error(filling->sqlite, filling->err);
    sqlite3_finalize(statement);
    return result;
}

static int fill(struct filling *filling, unsigned limit, bool *ret_more)
{
    struct until until, before;
    struct keys keys = {.keys = calloc(limit, sizeof *keys.keys), .most = limit};
    int result = keys.keys ? read_until(filling->sqlite, &until, filling->err)
                           : aep__error_memory(filling->err);
    before = until;
    if (result == AEP_OK)
        result = follow(filling, &until, &keys);
    bool walks = until.key != ALL && until.change == before.change;
    if (result == AEP_OK && walks)
        result = walk(filling, &until, &keys, limit);
    if (result == AEP_OK && (until.change != before.change || until.key != before.key))
        result = write_until(filling, &until);
    *ret_more = until.change != before.change || until.key != before.key;
    free(keys.keys);
    return result;
}

int aep__sqlite_index_texts(struct aep__sql *base, unsigned limit, aep_error *err)
{
    struct aep__store *store = &base->store;
    struct filling filling = {.sqlite = aep__sqlite_of(base), .err = err};
    bool more = false;
    int result = store->ops->begin(store, err);
    if (result != AEP_OK)
        return -1;
    aep__contains_init(&filling.contains);
    result = fill(&filling, limit, &more);
    for (unsigned i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(filling.statements[i]);
    aep__contains_done(&filling.contains);
    aep__buf_done(&filling.text);
    if (result == AEP_OK)
        result = store->ops->commit(store, err);
    if (result == AEP_OK)
        return more;
    store->ops->rollback(store);
    return -1;
}

/* ---- searching ---- */

/* Appends each three characters of a word, without case, as FTS5 has it. */
static void add_trigrams(struct aep__buf *out, const char *word, unsigned *count)
{
    size_t starts[3], at = 0, seen = 0, len = strlen(word);
    for (size_t step; at < len; at += step) {
        aep__utf8_decode(word + at, len - at, &step);
        starts[seen++ % 3] = at;
        if (seen < 3 || *count == TRIGRAMS_MAX)
            continue;
        size_t from = starts[seen % 3];
        aep__buf_text(out, out->len ? " AND \"" : "\"");
        for (size_t i = from; i < at + step; i++)
            aep__buf_format(out, word[i] == '"' ? "\"%c" : "%c", word[i]);
        aep__buf_byte(out, '"');
        ++*count;
    }
}

static int make_match(const struct aep__filter_values *texts, struct aep__buf *match,
                      aep_error *err)
{
    struct aep__contains contains;
    struct aep__buf word = {0};
    unsigned count = 0;
    aep__contains_init(&contains);
    for (unsigned i = 0; i < texts->count; i++) {
        aep__buf_clear(&word);
        aep__contains_fold(&contains, &word, texts->values[i]);
        add_trigrams(match, aep__buf_string(&word), &count);
    }
    bool failed = word.failed || match->failed;
    aep__contains_done(&contains);
    aep__buf_done(&word);
    return failed ? aep__error_memory(err) : AEP_OK;
}

/* The rows that the index is not up to date about. *ret_few: they are few, and known. */
static int find_pending(struct aep__sqlite *sqlite, struct keys *keys, bool *ret_few,
                        aep_error *err)
{
    struct until until;
    int64_t newest;
    int result = read_until(sqlite, &until, err);
    if (result == AEP_OK)
        result = aep__sql_get_count(&sqlite->base.store, AEP__COUNT_CHANGES, &newest, err);
    *ret_few = result == AEP_OK && until.key == ALL && newest - until.change <= PENDING_MAX;
    if (!*ret_few || newest == until.change)
        return result;
    int found = aep__sql_walk_changes(&sqlite->base, until.change, take_key, keys, err);
    *ret_few = found > 0 && keys->count < keys->most;
    sort_keys(keys);
    return found < 0 ? err->code : AEP_OK;
}

static int count_found(struct aep__sqlite *sqlite, const char *match, int64_t limit, int64_t *ret,
                       aep_error *err)
{
    sqlite3_stmt *statement = NULL;
    int result = prepare(sqlite,
                         "SELECT count(*) FROM (SELECT rowid FROM texts WHERE texts MATCH ?1 "
                         "LIMIT ?2)",
                         &statement, err);
    if (result != AEP_OK)
        return result;
    sqlite3_bind_text(statement, 1, match, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, limit);
    if (sqlite3_step(statement) == SQLITE_ROW)
        *ret = sqlite3_column_int64(statement, 0);
    else
        result = aep__sqlite_error(sqlite, err);
    sqlite3_finalize(statement);
    return result;
}

int aep__sqlite_lead_by_texts(struct aep__sql *base, const struct aep__filter_values *texts,
                              int64_t limit, struct aep__text_lead *ret, aep_error *err)
{
    struct aep__buf *condition = &ret->condition, *match = &ret->match;
    int64_t memory[2 * PENDING_MAX];
    struct keys keys = {.keys = memory, .most = 2 * PENDING_MAX};
    bool few = false;
    int result = make_match(texts, match, err);
    if (result == AEP_OK && match->len > 0)
        result = find_pending(aep__sqlite_of(base), &keys, &few, err);
    if (result == AEP_OK && few)
        result = count_found(aep__sqlite_of(base), aep__buf_string(match), limit, &ret->rows, err);
    if (result != AEP_OK || !few)
        return result;
    aep__buf_text(condition, "key IN (SELECT rowid FROM texts WHERE texts MATCH ?1");
    for (size_t i = 0; i < keys.count; i++)
        aep__buf_format(condition, "%s(%lld)", i ? "," : " UNION ALL VALUES ",
                        (long long)keys.keys[i]);
    aep__buf_byte(condition, ')');
    aep__buf_string(condition); /* ends it */
    return condition->failed || match->failed ? aep__error_memory(err) : AEP_OK;
}

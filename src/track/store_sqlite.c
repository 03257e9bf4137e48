/* SPDX-License-Identifier: Apache-2.0 */
#include "track/store_sqlite.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define WRITER_WAIT_MS 1000 /* for a program that has the database locked */
#define READER_WAIT_MS 250
#define WRITER_CACHE "-24000" /* KiB */
#define READER_CACHE "-4000"

/* ---- errors ---- */

/* What SQLite's primary code means here. */
static const struct {
    int rc, code;
    const char *text;
} errors[] = {
    {SQLITE_FULL, AEP_EFULL, "the disk of %s is full: make room, or " AEP__STORE_REMEDY},
    {SQLITE_CORRUPT, AEP_EIO, AEP__STORE_DAMAGED},
    {SQLITE_NOTADB, AEP_EIO,
     "%s is no database, or is damaged: move it away, and a tracker makes a new one from its "
     "sources"},
    {SQLITE_BUSY, AEP_ESTATE, "another program has %s locked: end it, or try again"},
    {SQLITE_LOCKED, AEP_ESTATE, "another program has %s locked: end it, or try again"},
    {SQLITE_PROTOCOL, AEP_ESTATE, "another program has %s locked: end it, or try again"},
    {SQLITE_READONLY, AEP_EIO,
     "%s, or its folder, cannot be written: make both writable, or " AEP__STORE_REMEDY},
    {SQLITE_CANTOPEN, AEP_EIO,
     "%s, or a file beside it, cannot be opened: make its folder writable, or " AEP__STORE_REMEDY},
    {SQLITE_PERM, AEP_EIO, "%s cannot be opened: make it readable, or " AEP__STORE_REMEDY},
    {SQLITE_NOMEM, AEP_ENOMEM, "out of memory for %s"},
};

static bool is_full(int number)
{
    return number == ENOSPC || number == EDQUOT || number == EFBIG;
}

/* A file that SQLite could not make, it tries to read, and errno is of that. */
static bool has_no_room(const char *path)
{
    struct statvfs volume;
    return statvfs(path, &volume) == 0 &&
           (volume.f_bavail == 0 || (volume.f_files > 0 && volume.f_favail == 0));
}

/* Of a commit that failed SQLite keeps no errno: that is then what the system call has left. */
int aep__sqlite_error(struct aep__sqlite *sqlite, aep_error *err)
{
    int left = errno;
    int rc = sqlite3_errcode(sqlite->db) & 0xff;
    int number = sqlite3_system_errno(sqlite->db) ? sqlite3_system_errno(sqlite->db) : left;
    if ((rc == SQLITE_IOERR && is_full(number)) ||
        (rc == SQLITE_CANTOPEN && has_no_room(sqlite->path)))
        rc = SQLITE_FULL;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].rc == rc) {
            char text[sizeof err->text];
            snprintf(text, sizeof text, errors[i].text, sqlite->path);
            return aep__error(err, errors[i].code, AEP__STORE_FIELD, "%s", text);
        }
    errno = number;
    return rc == SQLITE_IOERR && number ? aep__error_errno(err, AEP_EIO, AEP__STORE_FIELD,
                                                           "cannot read or write %s", sqlite->path)
                                        : aep__error(err, AEP_EIO, AEP__STORE_FIELD, "%s: %s",
                                                     sqlite->path, sqlite3_errmsg(sqlite->db));
}

/* ---- statements ---- */

static const char *const texts[] = {
#define SQL_TEXT(name, text) [AEP__SQL_##name] = text,
    AEP__SQL_STATEMENTS(SQL_TEXT)
#undef SQL_TEXT
};

static void add_sql(struct aep__sqlite *sqlite, unsigned which, struct aep__buf *out)
{
    if (which == AEP__SQL_INSERT) {
        aep__sqlite_insert(out);
        return;
    }
    if (which >= AEP__SQL_UPDATE) {
        aep__sqlite_update(out, which - AEP__SQL_UPDATE);
        return;
    }
    for (const char *at = texts[which]; *at; at++) {
        if (*at == '@')
            aep__buf_add(out, sqlite->columns.data, sqlite->columns.len);
        else if (*at == '%')
            aep__buf_text(out, AEP__EVENT_COLUMNS);
        else
            aep__buf_byte(out, *at);
    }
}

static sqlite3_stmt *prepare(struct aep__sqlite *sqlite, const char *sql, unsigned flags,
                             aep_error *err)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v3(sqlite->db, sql, -1, flags, &statement, NULL) != SQLITE_OK)
        aep__sqlite_error(sqlite, err);
    return statement;
}

sqlite3_stmt *aep__sqlite_prepare(struct aep__sqlite *sqlite, const char *sql, aep_error *err)
{
    return prepare(sqlite, sql, 0, err);
}

/* One that is in use, because a caller's function asks for the same again, is prepared anew. */
sqlite3_stmt *aep__sqlite_take(struct aep__sqlite *sqlite, unsigned which, aep_error *err)
{
    sqlite3_stmt *kept = sqlite->statements[which];
    if (kept && !sqlite3_stmt_busy(kept))
        return kept;
    struct aep__buf sql = {0};
    add_sql(sqlite, which, &sql);
    const char *text = aep__buf_string(&sql);
    sqlite3_stmt *statement = NULL;
    if (sql.failed)
        aep__error_memory(err);
    else
        statement = prepare(sqlite, text, kept ? 0 : SQLITE_PREPARE_PERSISTENT, err);
    aep__buf_done(&sql);
    if (!kept)
        sqlite->statements[which] = statement;
    return statement;
}

void aep__sqlite_give(struct aep__sqlite *sqlite, unsigned which, sqlite3_stmt *statement)
{
    if (statement == sqlite->statements[which])
        sqlite3_reset(statement);
    else
        sqlite3_finalize(statement);
}

static int step(sqlite3_stmt *statement)
{
    errno = 0;
    return sqlite3_step(statement);
}

int aep__sqlite_step(struct aep__sqlite *sqlite, sqlite3_stmt *statement, aep_error *err)
{
    int rc = step(statement);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        return rc == SQLITE_ROW;
    aep__sqlite_error(sqlite, err);
    return -1;
}

int aep__sqlite_finish(struct aep__sqlite *sqlite, unsigned which, sqlite3_stmt *statement,
                       aep_error *err)
{
    int rc = step(statement);
    int result = rc == SQLITE_DONE || rc == SQLITE_ROW ? AEP_OK : aep__sqlite_error(sqlite, err);
    aep__sqlite_give(sqlite, which, statement);
    return result;
}

int aep__sqlite_run(struct aep__sqlite *sqlite, const char *sql, aep_error *err)
{
    errno = 0;
    return sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? AEP_OK
               : aep__sqlite_error(sqlite, err);
}

/* ---- transactions ---- */

static void forget(struct aep__sqlite *sqlite)
{
    aep__sqlite_forget(sqlite);
    aep__sqlite_forget_counts(sqlite);
}

/* Forgets what another connection may have changed. */
static int renew(struct aep__sqlite *sqlite, aep_error *err)
{
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, AEP__SQL_VERSION, err);
    if (!statement)
        return err->code;
    int found = aep__sqlite_step(sqlite, statement, err);
    int64_t version = found > 0 ? sqlite3_column_int64(statement, 0) : 0;
    aep__sqlite_give(sqlite, AEP__SQL_VERSION, statement);
    if (version != sqlite->version) {
        aep__sqlite_forget(sqlite);
        sqlite->knows_fresh = false;
    }
    sqlite->version = version;
    return found < 0 ? err->code : AEP_OK;
}

static void roll_back(struct aep__store *store)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    if (!sqlite3_get_autocommit(sqlite->db)) /* else SQLite has done it, after an error */
        sqlite3_exec(sqlite->db, "ROLLBACK", NULL, NULL, NULL);
    forget(sqlite);
}

int aep__sqlite_flush(struct aep__sqlite *sqlite, aep_error *err)
{
    int result = aep__sqlite_flush_rows(sqlite, err);
    return result == AEP_OK ? aep__sqlite_flush_counts(sqlite, err) : result;
}

static int begin(struct aep__store *store, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    aep__sqlite_forget_counts(sqlite);
    int result = aep__sqlite_check_file(sqlite, err);
    sqlite3_stmt *statement =
        result == AEP_OK ? aep__sqlite_take(sqlite, AEP__SQL_BEGIN, err) : NULL;
    if (!statement)
        return err->code;
    result = aep__sqlite_finish(sqlite, AEP__SQL_BEGIN, statement, err);
    return result == AEP_OK ? renew(sqlite, err) : result;
}

static int commit(struct aep__store *store, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    int result = aep__sqlite_flush(sqlite, err);
    if (result == AEP_OK && sqlite3_get_autocommit(sqlite->db))
        result = aep__error(err, AEP_ESTATE, AEP__STORE_FIELD, "%s: no transaction to commit",
                            sqlite->path);
    sqlite3_stmt *statement =
        result == AEP_OK ? aep__sqlite_take(sqlite, AEP__SQL_COMMIT, err) : NULL;
    if (!statement)
        return err->code;
    result = aep__sqlite_finish(sqlite, AEP__SQL_COMMIT, statement, err);
    if (result == AEP_OK)
        aep__sqlite_forget_counts(sqlite);
    return result;
}

/* ---- opening ---- */

static void close_store(struct aep__store *store)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    for (unsigned i = 0; i < AEP__SQL_COUNT; i++)
        sqlite3_finalize(sqlite->statements[i]);
    aep__sqlite_free_cache(sqlite);
    sqlite3_close_v2(sqlite->db);
    aep__buf_done(&sqlite->columns);
    aep__buf_done(&sqlite->place);
    aep__buf_done(&sqlite->body);
    aep__buf_done(&sqlite->event_ids);
    aep__tracked_done(&sqlite->stored);
    free(sqlite->fresh);
    free(sqlite->path);
    free(sqlite);
}

static int is_replaced(struct aep__store *store, aep_error *err)
{
    (void)err; /* looking at a file does not fail */
    return aep__sqlite_is_replaced(aep__sqlite_of(store));
}

static const struct aep__store_ops ops = {
    .close = close_store,
    .replaced = is_replaced,
    .begin = begin,
    .commit = commit,
    .rollback = roll_back,
    .get = aep__sqlite_get,
    .put = aep__sqlite_put,
    .remove = aep__sqlite_remove,
    .nearest = aep__sqlite_nearest,
    .provisional = aep__sqlite_provisional,
    .caused_by = aep__sqlite_caused_by,
    .children = aep__sqlite_children,
    .open_children = aep__sqlite_open_children,
    .find_event = aep__sqlite_find_event,
    .add_event = aep__sqlite_add_event,
    .amend_event = aep__sqlite_amend_event,
    .events = aep__sqlite_events,
    .move_events = aep__sqlite_move_events,
    .guesses = aep__sqlite_guesses,
    .move_guesses = aep__sqlite_move_guesses,
    .get_gaps = aep__sqlite_get_gaps,
    .put_gaps = aep__sqlite_put_gaps,
    .get_position = aep__sqlite_get_position,
    .put_position = aep__sqlite_put_position,
    .add_count = aep__sqlite_add_count,
    .get_count = aep__sqlite_get_count,
    .next_change = aep__sqlite_next_change,
    .list = aep__sqlite_list,
    .count = aep__sqlite_count,
    .lookup = aep__sqlite_lookup,
};

/* The log is copied back every 4,000 pages, 16 MiB, and never much larger. */
static const char writer_settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                                      "PRAGMA wal_autocheckpoint = 4000;"
                                      "PRAGMA journal_size_limit = 33554432;"
                                      "PRAGMA cache_size = " WRITER_CACHE ";";
static const char reader_settings[] =
    "PRAGMA query_only = 1; PRAGMA cache_size = " READER_CACHE ";";

static int open_database(struct aep__sqlite *sqlite, aep_error *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE;
    flags |= sqlite->write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    if (sqlite3_open_v2(sqlite->path, &sqlite->db, flags, NULL) != SQLITE_OK)
        return sqlite->db ? aep__sqlite_error(sqlite, err) : aep__error_memory(err);
    sqlite3_busy_timeout(sqlite->db, sqlite->write ? WRITER_WAIT_MS : READER_WAIT_MS);
    sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return AEP_OK;
}

/* Nothing of another program's database is changed. */
static int set_up(struct aep__sqlite *sqlite, aep_error *err)
{
    int result = aep__sqlite_check_schema(sqlite, err);
    if (result == AEP_OK)
        result = aep__sqlite_run(sqlite, sqlite->write ? writer_settings : reader_settings, err);
    if (result == AEP_OK && sqlite->write)
        result = aep__sqlite_make_schema(sqlite, err);
    return result == AEP_OK ? aep__sqlite_add_search(sqlite, err) : result;
}

int aep__store_sqlite_open(struct aep__store **ret, const char *path, bool write, aep_error *err)
{
    aep_error unused;
    err = err ? err : &unused;
    struct aep__sqlite *sqlite = calloc(1, sizeof *sqlite);
    if (!sqlite)
        return aep__error_memory(err);
    sqlite->store.ops = &ops;
    sqlite->write = write;
    aep__tracked_init(&sqlite->stored);
    aep__sqlite_columns(&sqlite->columns);
    sqlite->path = strdup(path);
    int result = sqlite->path && !sqlite->columns.failed ? AEP_OK : aep__error_memory(err);
    if (result == AEP_OK)
        result = aep__sqlite_prepare_file(sqlite, err);
    if (result == AEP_OK)
        result = open_database(sqlite, err);
    if (result == AEP_OK)
        result = set_up(sqlite, err);
    if (result == AEP_OK)
        *ret = &sqlite->store;
    else
        close_store(&sqlite->store);
    return result;
}

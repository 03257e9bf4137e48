/* SPDX-License-Identifier: Apache-2.0 */
#include "track/store_sqlite.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define WRITER_WAIT_MS                                                                             \
    400 /* for a program that has the database locked; readers wait for an answer */
#define READER_WAIT_MS 250
#define WRITER_CACHE "-24000" /* KiB */
#define READER_CACHE "-1000"

/* ---- errors ---- */

/* What SQLite's primary code means here. */
static const struct {
    int rc, code;
    const char *text;
} errors[] = {
    {SQLITE_FULL, AEP_EFULL, "the disk of %s is full: make room, or " AEP__STORE_REMEDY},
    {SQLITE_CORRUPT, AEP_EIO, AEP__SQLITE_DAMAGED},
    {SQLITE_NOTADB, AEP_EIO,
     "%s is no database of a tracker, or is damaged: move it away, and a tracker makes a new one "
     "from its sources, or " AEP__STORE_REMEDY},
    {SQLITE_BUSY, AEP_ESTATE, "another program has %s locked: end it, or wait until it is done"},
    {SQLITE_LOCKED, AEP_ESTATE, "another program has %s locked: end it, or wait until it is done"},
    {SQLITE_PROTOCOL, AEP_ESTATE,
     "another program has %s locked: end it, or wait until it is done"},
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

/* By which program, where that can be known: 0: it cannot. */
static int say_locked(const struct aep__sqlite *sqlite, aep_error *err)
{
    struct aep__buf who = {0};
    bool known = aep__store_sqlite_locked(sqlite->base.name, &who);
    int code = known ? aep__error(err, AEP_ESTATE, AEP__STORE_FIELD, AEP__STORE_LOCKED,
                                  sqlite->base.name, aep__buf_string(&who))
                     : 0;
    aep__buf_done(&who);
    return code;
}

/* Of a commit that failed SQLite keeps no errno: that is then what the system call has left. */
int aep__sqlite_error(struct aep__sqlite *sqlite, aep_error *err)
{
    int left = errno;
    int rc = sqlite3_errcode(sqlite->db) & 0xff;
    int number = sqlite3_system_errno(sqlite->db) ? sqlite3_system_errno(sqlite->db) : left;
    if ((rc == SQLITE_IOERR && is_full(number)) ||
        (rc == SQLITE_CANTOPEN && has_no_room(sqlite->base.name)))
        rc = SQLITE_FULL;
    bool locked = rc == SQLITE_BUSY || rc == SQLITE_LOCKED || rc == SQLITE_PROTOCOL;
    if (locked && say_locked(sqlite, err))
        return err->code;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].rc == rc) {
            char text[sizeof err->text];
            snprintf(text, sizeof text, errors[i].text, sqlite->base.name);
            return aep__error(err, errors[i].code, AEP__STORE_FIELD, "%s", text);
        }
    errno = number;
    return rc == SQLITE_IOERR && number
               ? aep__error_errno(err, AEP_EIO, AEP__STORE_FIELD, "cannot read or write %s",
                                  sqlite->base.name)
               : aep__error(
                     err, AEP_EIO, AEP__STORE_FIELD,
                     "%s: %s; if that lasts, move it away, and a tracker makes a new one from "
                     "its sources",
                     sqlite->base.name, sqlite3_errmsg(sqlite->db));
}

int aep__sqlite_run(struct aep__sqlite *sqlite, const char *sql, aep_error *err)
{
    errno = 0;
    return sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? AEP_OK
               : aep__sqlite_error(sqlite, err);
}

/* ---- transactions ---- */

static bool in_transaction(const struct aep__sql *base)
{
    return !sqlite3_get_autocommit(aep__sqlite_of(base)->db); /* an error may have ended it */
}

/* It changes when another connection has written. */
static int read_version(struct aep__sqlite *sqlite, int64_t *ret, aep_error *err)
{
    sqlite3_stmt *statement = sqlite->version;
    errno = 0;
    bool found = sqlite3_step(statement) == SQLITE_ROW;
    if (found)
        *ret = sqlite3_column_int64(statement, 0);
    else
        aep__sqlite_error(sqlite, err);
    sqlite3_reset(statement);
    return found ? AEP_OK : err->code;
}

static int begin(struct aep__sql *base, int64_t *ret_version, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(base);
    int result = aep__sqlite_check_file(sqlite, err);
    if (result == AEP_OK)
        result = aep__sqlite_run(sqlite, "BEGIN IMMEDIATE", err);
    return result == AEP_OK ? read_version(sqlite, ret_version, err) : result;
}

static int commit(struct aep__sql *base, int64_t *ret_version, aep_error *err)
{
    (void)ret_version; /* it is of other connections */
    return aep__sqlite_run(aep__sqlite_of(base), "COMMIT", err);
}

static void roll_back(struct aep__sql *base)
{
    if (in_transaction(base))
        sqlite3_exec(aep__sqlite_of(base)->db, "ROLLBACK", NULL, NULL, NULL);
}

static int is_replaced(struct aep__sql *base, aep_error *err)
{
    (void)err; /* looking at a file does not fail */
    return aep__sqlite_is_replaced(aep__sqlite_of(base));
}

/* ---- room ---- */

#define GIVE_BACK "PRAGMA incremental_vacuum(256)" /* pages: a few milliseconds */
#define SPARE_PAGES 1024                           /* that are kept, and an eighth of the file */

struct room {
    int64_t pages, unused, page_bytes, gives_back;
};

static int look_at_room(struct aep__sqlite *sqlite, struct room *ret, aep_error *err)
{
    const struct {
        const char *sql;
        int64_t *to;
    } numbers[] = {
        {"PRAGMA page_count", &ret->pages},
        {"PRAGMA freelist_count", &ret->unused},
        {"PRAGMA page_size", &ret->page_bytes},
        {"PRAGMA auto_vacuum", &ret->gives_back},
    };
    int result = AEP_OK;
    *ret = (struct room){0};
    for (size_t i = 0; result == AEP_OK && i < sizeof numbers / sizeof *numbers; i++) {
        sqlite3_stmt *statement = NULL;
        if (sqlite3_prepare_v2(sqlite->db, numbers[i].sql, -1, &statement, NULL) == SQLITE_OK &&
            sqlite3_step(statement) == SQLITE_ROW)
            *numbers[i].to = sqlite3_column_int64(statement, 0);
        else
            result = aep__sqlite_error(sqlite, err);
        sqlite3_finalize(statement);
    }
    return result;
}

static int tell_bytes(struct aep__sql *base, int64_t *ret, aep_error *err)
{
    struct room room;
    int result = look_at_room(aep__sqlite_of(base), &room, err);
    if (result == AEP_OK)
        *ret = (room.pages - room.unused) * room.page_bytes;
    return result;
}

/* What new events soon need again is kept. */
static int give_back(struct aep__sql *base, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(base);
    struct room room;
    if (look_at_room(sqlite, &room, err) != AEP_OK)
        return -1;
    if (!room.gives_back || room.unused <= SPARE_PAGES + room.pages / 8)
        return 0;
    return aep__sqlite_run(sqlite, GIVE_BACK, err) == AEP_OK ? 1 : -1;
}

/* ---- opening ---- */

static void close_store(struct aep__sql *base)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(base);
    aep__sql_done(base);
    sqlite3_finalize(sqlite->version);
    sqlite3_close_v2(sqlite->db);
    free(sqlite);
}

/* The log is copied back every 4,000 pages, 16 MiB, and never much larger. That a file gives room back is
 * settled when it is made. */
static const char writer_settings[] = "PRAGMA auto_vacuum = INCREMENTAL;"
                                      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                                      "PRAGMA wal_autocheckpoint = 4000;"
                                      "PRAGMA journal_size_limit = 33554432;"
                                      "PRAGMA cache_size = " WRITER_CACHE ";";
static const char reader_settings[] =
    "PRAGMA query_only = 1; PRAGMA cache_size = " READER_CACHE ";";

static int open_database(struct aep__sqlite *sqlite, aep_error *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE;
    flags |= sqlite->base.write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    if (sqlite3_open_v2(sqlite->base.name, &sqlite->db, flags, NULL) != SQLITE_OK)
        return sqlite->db ? aep__sqlite_error(sqlite, err) : aep__error_memory(err);
    sqlite3_busy_timeout(sqlite->db, sqlite->base.write ? WRITER_WAIT_MS : READER_WAIT_MS);
    sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return AEP_OK;
}

/* Nothing of another program's database is changed. */
static int set_up(struct aep__sqlite *sqlite, aep_error *err)
{
    int result = aep__sqlite_check_schema(sqlite, err);
    if (result == AEP_OK)
        result =
            aep__sqlite_run(sqlite, sqlite->base.write ? writer_settings : reader_settings, err);
    if (result == AEP_OK && sqlite->base.write)
        result = aep__sqlite_make_schema(sqlite, err);
    if (result == AEP_OK &&
        sqlite3_prepare_v3(sqlite->db, "PRAGMA data_version", -1, SQLITE_PREPARE_PERSISTENT,
                           &sqlite->version, NULL) != SQLITE_OK)
        result = aep__sqlite_error(sqlite, err);
    return result == AEP_OK ? aep__sqlite_add_search(sqlite, err) : result;
}

/* ---- by key ---- */

/* Of those that began at one instant the index execution_key has no order. To sort them SQLite would make
 * a database in memory, each time: at each event that names no cause. */
#define OF_KEY "correlation_id = ?1 AND agent_name = ?2 AND tenant_id = ?3 AND "
#define NEAREST_IN(table)                                                                          \
    "SELECT max(id) FROM " table " WHERE " OF_KEY "begun_at = (SELECT max(begun_at) FROM " table   \
    " WHERE " OF_KEY                                                                               \
    "(begun_at, id) <= (?4, ?5)) AND (+begun_at < ?4 OR id <= ?5) GROUP BY begun_at"
#define FIRST_IN(table)                                                                            \
    "SELECT min(id) FROM " table " WHERE " OF_KEY "begun_at = (SELECT min(begun_at) FROM " table   \
    " WHERE " OF_KEY "begun_at IS NOT NULL) GROUP BY begun_at"

static const char *const texts[AEP__SQL_COUNT] = {
    [AEP__SQL_NEAREST] = NEAREST_IN("executions"),
    [AEP__SQL_FIRST] = FIRST_IN("executions"),
    [AEP__SQL_NEAREST_TOMB] = NEAREST_IN("tombs"),
    [AEP__SQL_FIRST_TOMB] = FIRST_IN("tombs"),
};

static const struct aep__sql_driver driver = {
    .close = close_store,
    .replaced = is_replaced,
    .begin = begin,
    .commit = commit,
    .rollback = roll_back,
    .in_transaction = in_transaction,
    .bytes = tell_bytes,
    .give_back = give_back,
    .statements = &aep__sqlite_statements,
    .texts_index = &aep__sqlite_texts,
    .texts = texts,
    .body = "body",
    .moved = "",
    .like = "GLOB",
    .wildcard = "*",
    .quotes = "?[",
    .quote = {"[", "]"},
    .damaged = AEP__SQLITE_DAMAGED,
};

int aep__store_sqlite_open(struct aep__store **ret, const char *path, bool write, aep_error *err)
{
    aep_error unused;
    err = err ? err : &unused;
    struct aep__sqlite *sqlite = calloc(1, sizeof *sqlite);
    if (!sqlite)
        return aep__error_memory(err);
    int result = aep__sql_init(&sqlite->base, &driver, path, write, err);
    if (result == AEP_OK)
        result = aep__sqlite_prepare_file(sqlite, err);
    if (result == AEP_OK)
        result = open_database(sqlite, err);
    if (result == AEP_OK)
        result = set_up(sqlite, err);
    if (result == AEP_OK)
        *ret = &sqlite->base.store;
    else
        close_store(&sqlite->base);
    return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, and their versions. An id that is a UUID in lower case is 16 bytes in the table of events,
 * any other id is text there. */
#include "track/store_sqlite.h"

#include "base/error.h"

#include <string.h>

#define APPLICATION_ID 0x61657074 /* "aept" */
#define SCHEMA_VERSION 3

/* ---- tables ---- */

static const char *const type_names[] = {
    [AEP__SQL_TEXT] = "TEXT",
    [AEP__SQL_INTEGER] = "INTEGER",
    [AEP__SQL_REAL] = "REAL",
    [AEP__SQL_BYTES] = "BLOB",
};

static void add_executions(struct aep__buf *out)
{
    aep__buf_text(out, "CREATE TABLE executions (key INTEGER PRIMARY KEY");
    for (size_t i = 0; i < AEP__COLUMN_COUNT; i++)
        aep__buf_format(out, ", %s %s", aep__sql_column_name(i),
                        type_names[aep__sql_column_type(i)]);
    aep__buf_text(out, ");");
}

static const char first_version[] =
    "CREATE UNIQUE INDEX execution_id ON executions (id);"
    "CREATE INDEX execution_newest ON executions (parent_known, sort_at);"
    "CREATE INDEX execution_outcome ON executions (outcome, parent_known, sort_at);"
    "CREATE INDEX execution_tenant ON executions (tenant_id, parent_known, sort_at);"
    "CREATE INDEX execution_agent ON executions (agent_name, parent_known, sort_at);"
    "CREATE INDEX execution_session ON executions (session_id, parent_known, sort_at)"
    " WHERE session_id IS NOT NULL;"
    "CREATE INDEX execution_key ON executions (correlation_id, agent_name, tenant_id, begun_at);"
    "CREATE INDEX execution_named ON executions (parent_named) WHERE parent_named IS NOT NULL;"
    "CREATE INDEX execution_parent ON executions (parent_id) WHERE parent_known = 1;"
    "CREATE INDEX execution_open_child ON executions (parent_id, stalls_at)"
    " WHERE parent_known = 1 AND outcome = 0;"
    "CREATE INDEX execution_silent ON executions (silent_at, abandons_at, outcome, waiting)"
    " WHERE outcome = 0 AND waiting = 0;"
    "CREATE TABLE events (key INTEGER PRIMARY KEY, event_id BLOB, execution BLOB, at_us INTEGER,"
    " bound INTEGER, guess BLOB, digest BLOB, spool BLOB, ordinal INTEGER, fate INTEGER, body BLOB);"
    "CREATE UNIQUE INDEX event_id ON events (event_id);"
    "CREATE INDEX event_execution ON events (execution, at_us, event_id);"
    "CREATE INDEX event_guess ON events (guess, execution) WHERE guess IS NOT NULL;"
    "CREATE TABLE gaps (tenant TEXT, agent TEXT, data BLOB, PRIMARY KEY (tenant, agent));"
    "CREATE TABLE positions (source TEXT PRIMARY KEY, segment INTEGER, offset INTEGER)"
    " WITHOUT ROWID;"
    "CREATE TABLE counts (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;";

static void add_first_version(struct aep__buf *out)
{
    add_executions(out);
    aep__buf_text(out, first_version);
}

/* The ring of changes begins with the changes to come. A store of the first version keeps a column that
 * nothing uses any more, the minute of the last event. */
static const char second_version[] =
    "CREATE TABLE changes (number INTEGER PRIMARY KEY, first INTEGER, entries BLOB);"
    "DROP INDEX IF EXISTS execution_minute;"
    "CREATE INDEX execution_last ON executions (last_event_at);"
    "CREATE INDEX execution_waiting ON executions (waiting_since)"
    " WHERE outcome = 0 AND waiting <> 0;"
    "CREATE INDEX execution_failed ON executions (ended_at) WHERE outcome >= 2;";

static void add_second_version(struct aep__buf *out)
{
    aep__buf_text(out, second_version);
}

/* The index of texts, which begins empty. */
static const char third_version[] =
    "CREATE VIRTUAL TABLE texts USING fts5 (text, content = '', columnsize = 0, detail = none,"
    " tokenize = 'trigram case_sensitive 1');"
    "CREATE TABLE texts_of (key INTEGER PRIMARY KEY, text TEXT);"
    "CREATE TABLE texts_until (id INTEGER PRIMARY KEY, change INTEGER, key INTEGER);"
    "INSERT INTO texts_until VALUES"
    " (1, coalesce((SELECT value FROM counts WHERE name = 'changes'), 0), 0);";

static void add_third_version(struct aep__buf *out)
{
    aep__buf_text(out, third_version);
}

/* What makes each version of the one before it. */
static void (*const migrations[SCHEMA_VERSION])(struct aep__buf *out) = {
    add_first_version, add_second_version, add_third_version};

/* ---- versions ---- */

static int read_pragma(struct aep__sqlite *sqlite, const char *sql, int *ret, aep_error *err)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(sqlite->db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *ret = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return rc == SQLITE_ROW ? AEP_OK : aep__sqlite_error(sqlite, err);
}

struct version {
    int application, schema, tables;
};

static int read_version(struct aep__sqlite *sqlite, struct version *ret, aep_error *err)
{
    int result = read_pragma(sqlite, "PRAGMA application_id", &ret->application, err);
    if (result == AEP_OK)
        result = read_pragma(sqlite, "PRAGMA user_version", &ret->schema, err);
    if (result == AEP_OK)
        result = read_pragma(sqlite, "SELECT count(*) FROM sqlite_schema", &ret->tables, err);
    return result;
}

static int check_version(const struct aep__sqlite *sqlite, const struct version *version,
                         aep_error *err)
{
    if (version->tables == 0)
        return AEP_OK;
    if (version->application != APPLICATION_ID)
        return aep__error(err, AEP_EIO, AEP__STORE_FIELD,
                          "%s is another program's database: " AEP__STORE_REMEDY,
                          sqlite->base.name);
    if (version->schema > SCHEMA_VERSION)
        return aep__error(
            err, AEP_ESTATE, AEP__STORE_FIELD,
            "%s was made by a newer aep (schema %d, this one knows %d): use that aep, "
            "or " AEP__STORE_REMEDY,
            sqlite->base.name, version->schema, SCHEMA_VERSION);
    return AEP_OK;
}

/* What only a writer can use as it is. */
static int check_complete(const struct aep__sqlite *sqlite, const struct version *version,
                          aep_error *err)
{
    if (version->tables == 0)
        return aep__error(err, AEP_ESPOOL, AEP__STORE_FIELD,
                          "the store %s is empty: a tracker fills it", sqlite->base.name);
    if (version->schema < SCHEMA_VERSION)
        return aep__error(err, AEP_ESTATE, AEP__STORE_FIELD,
                          "%s was made by an older aep (schema %d, this one reads %d): this aep's "
                          "tracker changes it when it starts",
                          sqlite->base.name, version->schema, SCHEMA_VERSION);
    return AEP_OK;
}

int aep__sqlite_check_schema(struct aep__sqlite *sqlite, aep_error *err)
{
    struct version version = {0};
    int result = read_version(sqlite, &version, err);
    if (result == AEP_OK)
        result = check_version(sqlite, &version, err);
    return result == AEP_OK && !sqlite->base.write ? check_complete(sqlite, &version, err) : result;
}

static int migrate(struct aep__sqlite *sqlite, int from, aep_error *err)
{
    struct aep__buf sql = {0};
    for (int i = from; i < SCHEMA_VERSION; i++)
        migrations[i](&sql);
    aep__buf_format(&sql, "PRAGMA application_id = %d; PRAGMA user_version = %d;", APPLICATION_ID,
                    SCHEMA_VERSION);
    const char *text = aep__buf_string(&sql);
    int result = sql.failed ? aep__error_memory(err) : aep__sqlite_run(sqlite, text, err);
    aep__buf_done(&sql);
    return result;
}

/* Looks only within the transaction: another tracker may have been first. */
int aep__sqlite_make_schema(struct aep__sqlite *sqlite, aep_error *err)
{
    struct version version = {0};
    int result = aep__sqlite_run(sqlite, "BEGIN IMMEDIATE", err);
    if (result != AEP_OK)
        return result;
    result = read_version(sqlite, &version, err);
    if (result == AEP_OK)
        result = check_version(sqlite, &version, err);
    if (result == AEP_OK && (version.tables == 0 || version.schema < SCHEMA_VERSION))
        result = migrate(sqlite, version.tables ? version.schema : 0, err);
    if (result == AEP_OK)
        result = aep__sqlite_run(sqlite, "COMMIT", err);
    if (result != AEP_OK)
        sqlite3_exec(sqlite->db, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

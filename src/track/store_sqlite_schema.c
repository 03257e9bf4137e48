/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, and their versions. An id that is a UUID in lower case is 16 bytes in the table of events,
 * any other id is text there. */
#include "track/store_sqlite.h"

#include "base/error.h"
#include "base/hash.h"

#include <string.h>

#define APPLICATION_ID 0x61657074 /* "aept" */
#define SCHEMA_VERSION 2

/* ---- tables ---- */

static const char *const type_names[] = {
    [AEP__SQL_TEXT] = "TEXT",
    [AEP__SQL_INTEGER] = "INTEGER",
    [AEP__SQL_REAL] = "REAL",
    [AEP__SQL_BYTES] = "BLOB",
};

/* Columns that the first version had not: which one they are of. */
static const struct {
    const char *name, *fallback; /* for the rows that there are */
    int version;
} later_columns[] = {
    {"pinned", "0", 2},
    {"emptied_at", "NULL", 2},
    {"fate_count", "-1000000000", 2},
    {"usual_us", "0", 2},
};

static int version_of(const char *name, const char **ret_fallback)
{
    for (size_t i = 0; i < sizeof later_columns / sizeof *later_columns; i++)
        if (strcmp(later_columns[i].name, name) == 0) {
            *ret_fallback = later_columns[i].fallback;
            return later_columns[i].version;
        }
    return 1;
}

/* Those of a version, the first one's with a comma before each. */
static void add_columns(struct aep__buf *out, int version)
{
    for (size_t i = 0; i < AEP__COLUMN_COUNT; i++) {
        const char *name = aep__sql_column_name(i), *type = type_names[aep__sql_column_type(i)];
        const char *fallback = NULL;
        if (version_of(name, &fallback) != version)
            continue;
        if (version == 1)
            aep__buf_format(out, ", %s %s", name, type);
        else
            aep__buf_format(out, "ALTER TABLE executions ADD COLUMN %s %s DEFAULT %s;", name, type,
                            fallback);
    }
}

static void add_executions(struct aep__buf *out)
{
    aep__buf_text(out, "CREATE TABLE executions (key INTEGER PRIMARY KEY");
    add_columns(out, 1);
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
    aep__sql_begin_changes(out);
}

/* The ring of changes begins with the changes to come, the index of texts empty. Bodies' digests were made
 * by another function: they are made anew, and are not known of events whose body is not there. How many
 * of its events have a row's fate is not known: they are counted when it matters. A store
 * of the first version keeps a column that nothing uses any more, the minute of the last event. */
static const char second_version[] =
    "DROP INDEX IF EXISTS execution_minute;"
    "CREATE INDEX execution_last ON executions (last_event_at);"
    "CREATE INDEX execution_waiting ON executions (waiting_since)"
    " WHERE outcome = 0 AND waiting <> 0;"
    "CREATE INDEX execution_failed ON executions (ended_at) WHERE outcome >= 2;"
    "CREATE INDEX execution_ended ON executions (ended_at)"
    " WHERE outcome > 0 AND pinned = 0 AND open_children = 0;"
    "CREATE INDEX execution_bodies ON executions (ended_at)"
    " WHERE outcome = 1 AND pinned = 0 AND emptied_at IS NULL;"
    "CREATE INDEX execution_failed_bodies ON executions (ended_at)"
    " WHERE outcome > 1 AND pinned = 0 AND emptied_at IS NULL;"
    "CREATE TABLE changes (number INTEGER PRIMARY KEY, first INTEGER, entries BLOB);"
    "CREATE VIRTUAL TABLE texts USING fts5 (text, content = '', columnsize = 0, detail = none,"
    " tokenize = 'trigram case_sensitive 1');"
    "CREATE TABLE texts_of (key INTEGER PRIMARY KEY, text TEXT);"
    "CREATE TABLE texts_until (id INTEGER PRIMARY KEY, change INTEGER, key INTEGER);"
    "INSERT INTO texts_until VALUES"
    " (1, coalesce((SELECT value FROM counts WHERE name = 'changes'), 0), 0);"
    "CREATE TABLE litter (key INTEGER PRIMARY KEY, execution BLOB, whole INTEGER);"
    "CREATE TABLE tombs (key INTEGER PRIMARY KEY, id TEXT, tenant_id TEXT, correlation_id TEXT,"
    " agent_name TEXT, begun_at INTEGER, last_at INTEGER, until_at INTEGER);"
    "CREATE INDEX tomb_id ON tombs (id);"
    "CREATE INDEX tomb_key ON tombs (correlation_id, agent_name, tenant_id, begun_at);"
    "CREATE TABLE unsettled (spool BLOB, segment INTEGER, offset INTEGER, event_id BLOB,"
    " PRIMARY KEY (spool, segment, offset)) WITHOUT ROWID;"
    "UPDATE events SET digest = body_digest(body);";

static void add_second_version(struct aep__buf *out)
{
    add_columns(out, 2);
    aep__buf_text(out, second_version);
}

/* What makes each version of the one before it. */
static void (*const migrations[SCHEMA_VERSION])(struct aep__buf *out) = {
    add_first_version,
    add_second_version,
};

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

static void digest_body(sqlite3_context *context, int count, sqlite3_value **values)
{
    uint8_t digest[16];
    (void)count;
    if (sqlite3_value_type(values[0]) == SQLITE_NULL)
        return;
    const char *data = sqlite3_value_blob(values[0]);
    aep__digest128(data ? data : "", (size_t)sqlite3_value_bytes(values[0]), digest);
    sqlite3_result_blob(context, digest, sizeof digest, SQLITE_TRANSIENT);
}

static int migrate(struct aep__sqlite *sqlite, int from, aep_error *err)
{
    struct aep__buf sql = {0};
    for (int i = from; i < SCHEMA_VERSION; i++)
        migrations[i](&sql);
    aep__buf_format(&sql, "PRAGMA application_id = %d; PRAGMA user_version = %d;", APPLICATION_ID,
                    SCHEMA_VERSION);
    const char *text = aep__buf_string(&sql);
    int result = sql.failed ? aep__error_memory(err) : AEP_OK;
    if (result == AEP_OK && sqlite3_create_function_v2(sqlite->db, "body_digest", 1, SQLITE_UTF8,
                                                       NULL, digest_body, NULL, NULL, NULL))
        result = aep__sqlite_error(sqlite, err);
    if (result == AEP_OK)
        result = aep__sqlite_run(sqlite, text, err);
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

/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, in a schema of their own, and their versions. Texts are compared byte by byte (collation
 * C). An id in the table of events is bytes: a UUID's, or a text with a NUL before it.
 *
 *     meta   one row: the version of the tables; an identity, that no other store has; the number that
 *            each transaction raises; how much room executions and events take, about */
#include "track/store_postgres.h"

#include "base/error.h"

#include <string.h>

#define SCHEMA_VERSION 2

/* ---- tables ---- */

static const char *const type_names[] = {
    [AEP__SQL_TEXT] = "text COLLATE \"C\"",
    [AEP__SQL_INTEGER] = "bigint",
    [AEP__SQL_REAL] = "float8",
    [AEP__SQL_BYTES] = "bytea",
};

/* A third of a page is left for rows that are updated in place. */
static void add_executions(struct aep__buf *out)
{
    aep__buf_text(out, "CREATE TABLE executions (key bigint PRIMARY KEY");
    for (size_t i = 0; i < AEP__COLUMN_COUNT; i++)
        aep__buf_format(out, ", %s %s", aep__sql_column_name(i),
                        type_names[aep__sql_column_type(i)]);
    aep__buf_text(out, ") WITH (fillfactor = 70);");
}

static const char first_version[] =
    "CREATE UNIQUE INDEX execution_id ON executions (id);"
    "CREATE INDEX execution_newest ON executions (parent_known, sort_at, key);"
    "CREATE INDEX execution_outcome ON executions (outcome, parent_known, sort_at, key);"
    "CREATE INDEX execution_tenant ON executions (tenant_id, parent_known, sort_at, key);"
    "CREATE INDEX execution_agent ON executions (agent_name, parent_known, sort_at, key);"
    "CREATE INDEX execution_session ON executions (session_id, parent_known, sort_at, key)"
    " WHERE session_id IS NOT NULL;"
    "CREATE INDEX execution_key ON executions (correlation_id, agent_name, tenant_id, begun_at, id);"
    "CREATE INDEX execution_last ON executions (last_event_at, key);"
    "CREATE INDEX execution_waiting ON executions (waiting_since, key)"
    " WHERE outcome = 0 AND waiting <> 0;"
    "CREATE INDEX execution_failed ON executions (ended_at, key) WHERE outcome >= 2;"
    "CREATE INDEX execution_named ON executions (parent_named) WHERE parent_named IS NOT NULL;"
    "CREATE INDEX execution_parent ON executions (parent_id) WHERE parent_known = 1;"
    "CREATE INDEX execution_open_child ON executions (parent_id)"
    " WHERE parent_known = 1 AND outcome = 0;"
    "CREATE INDEX execution_silent ON executions (silent_at, key)"
    " WHERE outcome = 0 AND waiting = 0;"
    "CREATE TABLE events (event_id bytea, execution bytea, at_us bigint, bound bigint, guess bytea,"
    " digest bytea, spool bytea, ordinal bigint, fate bigint, body bytea);"
    "CREATE UNIQUE INDEX event_id ON events (event_id);"
    "CREATE INDEX event_execution ON events (execution, at_us, event_id);"
    "CREATE INDEX event_guess ON events (guess, execution) WHERE guess IS NOT NULL;"
    "CREATE TABLE unsettled (spool bytea, segment bigint, \"offset\" bigint, event_id bytea,"
    " PRIMARY KEY (spool, segment, \"offset\"));"
    "CREATE TABLE gaps (tenant text COLLATE \"C\", agent text COLLATE \"C\", data bytea,"
    " PRIMARY KEY (tenant, agent));"
    "CREATE TABLE positions (source text COLLATE \"C\" PRIMARY KEY, segment bigint,"
    " \"offset\" bigint);"
    "CREATE TABLE counts (name text COLLATE \"C\" PRIMARY KEY, value bigint) WITH (fillfactor = 50);"
    "CREATE TABLE changes (number bigint PRIMARY KEY, first bigint, entries bytea);"
    "CREATE INDEX execution_ended ON executions (ended_at)"
    " WHERE outcome > 0 AND pinned = 0 AND open_children = 0;"
    "CREATE INDEX execution_bodies ON executions (ended_at)"
    " WHERE outcome = 1 AND pinned = 0 AND emptied_at IS NULL;"
    "CREATE INDEX execution_failed_bodies ON executions (ended_at)"
    " WHERE outcome > 1 AND pinned = 0 AND emptied_at IS NULL;"
    "CREATE TABLE litter (key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, execution bytea,"
    " whole bigint);"
    "CREATE TABLE tombs (key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text COLLATE \"C\","
    " tenant_id text COLLATE \"C\", correlation_id text COLLATE \"C\", agent_name text COLLATE \"C\","
    " begun_at bigint, last_at bigint, until_at bigint);"
    "CREATE INDEX tomb_id ON tombs (id);"
    "CREATE INDEX tomb_key ON tombs (correlation_id, agent_name, tenant_id, begun_at, id);"
    "CREATE TABLE meta (version bigint NOT NULL, identity uuid NOT NULL, turn bigint NOT NULL)"
    " WITH (fillfactor = 50);"
    "INSERT INTO meta VALUES (0, gen_random_uuid(), 1);";

/* Whether one of the texts holds it, without case: of a text in ASCII only that of its letters; else
 * what ICU, where the server has it, makes of both. */
static const char search[] =
    "DO $do$ DECLARE other text := CASE WHEN EXISTS (SELECT FROM pg_collation WHERE collname = "
    "'und-x-icu') THEN 'und-x-icu' ELSE 'default' END; BEGIN EXECUTE format("
    "'CREATE FUNCTION aep_contains(what text, VARIADIC texts text[]) RETURNS bigint "
    "LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$ SELECT count(*) FROM unnest(texts) AS one "
    "WHERE CASE WHEN what ~ ''^[\\x01-\\x7f]*$'' "
    "THEN strpos(lower(one COLLATE \"C\"), lower(what COLLATE \"C\")) > 0 "
    "ELSE strpos(lower(one COLLATE %1$I), lower(what COLLATE %1$I)) > 0 END $body$', other);"
    "END $do$;";

static void add_first_version(struct aep__buf *out)
{
    add_executions(out);
    aep__buf_text(out, first_version);
    aep__buf_text(out, search);
    aep__sql_begin_changes(out);
}

/* Bodies leave the table of events, for partitions (store_postgres_days.c); those that there are, are
 * kept where they go one by one. The room that rows take is counted as it will be. */
static const char second_version[] =
    "CREATE TABLE bodies (day bigint NOT NULL, event_id bytea NOT NULL, body bytea NOT NULL,"
    " PRIMARY KEY (event_id, day)) PARTITION BY LIST (day);"
    "CREATE TABLE bodies_kept PARTITION OF bodies FOR VALUES IN (0);"
    "CREATE TABLE days (day bigint PRIMARY KEY, walked bytea, bytes bigint NOT NULL);"
    "CREATE TABLE emptied (execution bytea PRIMARY KEY, turn bigint NOT NULL);"
    "INSERT INTO bodies_kept SELECT 0, event_id, body FROM events WHERE body IS NOT NULL;"
    "INSERT INTO days SELECT 0, NULL, coalesce(sum(octet_length(body) + " AEP__PG_TEXT_OF(
        AEP__PG_BODY_BYTES) "), 0) FROM bodies_kept;"
                            "ALTER TABLE events DROP COLUMN body, ADD COLUMN day bigint DEFAULT 0,"
                            " ADD COLUMN turn bigint DEFAULT 0;"
                            "CREATE TABLE texts (key bigint PRIMARY KEY, grams int[] NOT NULL);"
                            "CREATE INDEX texts_grams ON texts USING gin (grams) WITH (gin_pending_list_limit = 1024);"
                            "CREATE TABLE texts_until (id bigint PRIMARY KEY, change bigint, key bigint);"
                            "INSERT INTO texts_until VALUES"
                            " (1, coalesce((SELECT value FROM counts WHERE name = 'changes'), 0), 0);"
                            "ALTER TABLE meta ADD COLUMN bytes bigint NOT NULL DEFAULT 0;"
                            "UPDATE meta SET bytes = " AEP__PG_TEXT_OF(
                                AEP__PG_EVENT_BYTES) " * (SELECT count(*) FROM events) + ";

/* Whether one of the texts holds it, without case, by the rule of contains.h: letters of ASCII by
 * themselves; else all letters, by the locale C.UTF-8 or, where the server lacks that, the nearest to it. One
 * expression, so that it becomes part of the statement and is not a call for each row. */
static const char search_text[] =
    "DROP FUNCTION aep_contains(text, text[]);"
    "DO $do$ DECLARE other text; condition text := ''; one text; BEGIN "
    "SELECT collname INTO other FROM pg_collation, unnest('{C.utf8,C.UTF-8,en_US.utf8,pg_c_utf8,"
    "und-x-icu}'::text[]) WITH ORDINALITY AS wanted (name, place) WHERE collname = wanted.name AND "
    "collencoding IN (-1, 6) ORDER BY place LIMIT 1; "
    "FOREACH one IN ARRAY '{a,b,c,d}'::text[] LOOP condition := condition || format("
    "' OR CASE WHEN octet_length(what) = char_length(what) "
    "THEN strpos(lower(%1$I COLLATE \"C\"), lower(what COLLATE \"C\")) > 0 "
    "WHEN octet_length(%1$I) = char_length(%1$I) THEN false "
    "ELSE strpos(lower(%1$I COLLATE %2$I), lower(what COLLATE %2$I)) > 0 END', "
    "one, coalesce(other, 'default')); END LOOP; EXECUTE format("
    "'CREATE FUNCTION aep_contains(what text, a text, b text, c text, d text) RETURNS bigint "
    "LANGUAGE sql IMMUTABLE PARALLEL SAFE AS "
    "$body$ SELECT CASE WHEN false%s THEN 1::bigint ELSE 0::bigint END $body$', condition); "
    "END $do$;";

static void add_second_version(struct aep__buf *out)
{
    aep__buf_text(out, second_version);
    aep__buf_text(out, "(SELECT coalesce(sum(" AEP__PG_TEXT_OF(AEP__SQL_ROW_BYTES));
    for (size_t i = 0; i < AEP__COLUMN_COUNT; i++)
        if (aep__sql_column_type(i) == AEP__SQL_TEXT)
            aep__buf_format(out, " + coalesce(octet_length(%s), 0)", aep__sql_column_name(i));
    aep__buf_text(out, "), 0) FROM executions);");
    aep__buf_text(out, search_text);
}

/* What makes each version of the one before it. */
static void (*const migrations[SCHEMA_VERSION])(struct aep__buf *out) = {
    add_first_version,
    add_second_version,
};

/* ---- versions ---- */

struct state {
    bool schema, tables, complete; /* the schema is there; something is in it; so is meta */
    bool read_only, may_create;
    int64_t version;
};

static int read_meta(struct aep__postgres *pg, struct state *state, aep_error *err)
{
    PGresult *result = NULL;
    int code = aep__pg_ask(pg, "SELECT version, identity::text, turn FROM meta", &result, err);
    if (code == AEP_OK && aep__pq.ntuples(result) != 1)
        code = aep__sql_damaged(&pg->base, err);
    if (code == AEP_OK) {
        state->version = aep__pg_int(result, 0, 0);
        strncpy(pg->identity, aep__pq.getvalue(result, 0, 1), sizeof pg->identity - 1);
        pg->turn = aep__pg_int(result, 0, 2);
    }
    aep__pq.clear(result);
    return code;
}

static int read_state(struct aep__postgres *pg, struct state *state, aep_error *err)
{
    PGresult *result = NULL;
    int code = aep__pg_ask(
        pg,
        "SELECT n.oid IS NOT NULL, "
        "EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = n.oid), "
        "EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = 'meta'), "
        "pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on', "
        "has_database_privilege(current_database(), 'CREATE') "
        "FROM (SELECT) AS one LEFT JOIN pg_namespace AS n ON n.nspname = '" AEP__PG_SCHEMA "'",
        &result, err);
    if (code != AEP_OK)
        return code;
    *state = (struct state){.schema = aep__pg_int(result, 0, 0),
                            .tables = aep__pg_int(result, 0, 1),
                            .complete = aep__pg_int(result, 0, 2),
                            .read_only = aep__pg_int(result, 0, 3),
                            .may_create = aep__pg_int(result, 0, 4)};
    aep__pq.clear(result);
    return state->complete ? read_meta(pg, state, err) : AEP_OK;
}

static int check_state(const struct aep__postgres *pg, const struct state *state, aep_error *err)
{
    if (state->tables && !state->complete)
        return aep__error(err, AEP_EIO, AEP__STORE_FIELD,
                          "the schema " AEP__PG_SCHEMA " of %s holds another program's tables: "
                          "set track.store to another database",
                          pg->base.name);
    if (state->version > SCHEMA_VERSION)
        return aep__error(err, AEP_ESTATE, AEP__STORE_FIELD,
                          "%s was made by a newer aep (schema %lld, this one knows %d): use that "
                          "aep, or set track.store to another database",
                          pg->base.name, (long long)state->version, SCHEMA_VERSION);
    return AEP_OK;
}

/* What only a writer can use as it is. */
static int check_complete(const struct aep__postgres *pg, const struct state *state, aep_error *err)
{
    if (!state->complete)
        return aep__error(err, AEP_ESPOOL, AEP__STORE_FIELD,
                          "there is no store in %s: a tracker makes it", pg->base.name);
    if (state->version < SCHEMA_VERSION)
        return aep__error(err, AEP_ESTATE, AEP__STORE_FIELD,
                          "%s was made by an older aep (schema %lld, this one reads %d): this "
                          "aep's tracker changes it when it starts",
                          pg->base.name, (long long)state->version, SCHEMA_VERSION);
    return AEP_OK;
}

static int check_writable(const struct aep__postgres *pg, const struct state *state, aep_error *err)
{
    if (state->read_only)
        return aep__error(err, AEP_EIO, AEP__STORE_FIELD,
                          "%s is read-only, as a standby is: set track.store to the primary server",
                          pg->base.name);
    if (!state->schema && !state->may_create)
        return aep__error(err, AEP_EIO, AEP__STORE_FIELD,
                          "the user of %s may not make the schema " AEP__PG_SCHEMA
                          ": GRANT CREATE ON DATABASE, or CREATE SCHEMA " AEP__PG_SCHEMA
                          " AUTHORIZATION that user",
                          pg->base.name);
    return AEP_OK;
}

static int migrate(struct aep__postgres *pg, const struct state *state, aep_error *err)
{
    struct aep__buf sql = {0};
    if (!state->schema)
        aep__buf_text(&sql, "CREATE SCHEMA " AEP__PG_SCHEMA ";");
    for (int64_t i = state->version; i < SCHEMA_VERSION; i++)
        migrations[i](&sql);
    aep__buf_format(&sql, "UPDATE meta SET version = %d;", SCHEMA_VERSION);
    const char *text = aep__buf_string(&sql);
    int code = sql.failed ? aep__error_memory(err) : aep__pg_run_script(pg, text, err);
    aep__buf_done(&sql);
    return code;
}

/* Looks only within the transaction: another tracker may have been first. */
static int make_schema(struct aep__postgres *pg, aep_error *err)
{
    struct state state = {0};
    aep_error unused;
    int code = aep__pg_run_script(pg, "BEGIN; SELECT " AEP__PG_LOCK, err);
    if (code == AEP_OK)
        code = read_state(pg, &state, err);
    if (code == AEP_OK)
        code = check_state(pg, &state, err);
    if (code == AEP_OK && (!state.complete || state.version < SCHEMA_VERSION))
        code = migrate(pg, &state, err);
    if (code == AEP_OK)
        code = read_meta(pg, &state, err);
    if (code == AEP_OK)
        return aep__pg_run_script(pg, "COMMIT", err);
    aep__pg_run_script(pg, "ROLLBACK", &unused);
    return code;
}

int aep__pg_check_schema(struct aep__postgres *pg, aep_error *err)
{
    struct state state = {0};
    int code = read_state(pg, &state, err);
    if (code == AEP_OK)
        code = check_state(pg, &state, err);
    if (code == AEP_OK)
        code = pg->base.write ? check_writable(pg, &state, err) : check_complete(pg, &state, err);
    if (code == AEP_OK && pg->base.write && (!state.complete || state.version < SCHEMA_VERSION))
        code = make_schema(pg, err);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of one statement are sent as arrays, one for each column, which the server unfolds:
 *
 *     INSERT INTO events (event_id, at_us, …) SELECT * FROM unnest($1::bytea[], $2::bigint[], …)
 *
 * An array in binary form: its dimension, whether it has nulls, its elements' type, their number, the
 * first one's index; then the length of each (-1: null) and its bytes. */
#include "track/store_postgres.h"

#include "base/error.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 2000
#define ROWS_SOON 200 /* events: the server stores them while we read others */
#define BYTES_MAX (4 << 20)
#define COLUMNS_MAX 96
#define HEADER (5 * 4)

struct aep__pg_batch {
    unsigned generation; /* of the connection that knows the statement; 0: none */
    char name[8];
    struct aep__buf sql;
    int columns, rows;
    int rows_soon; /* so many are sent without need */
    size_t bytes;
    enum aep__pg_type types[COLUMNS_MAX];
    struct aep__buf arrays[COLUMNS_MAX];
    int key, key_count; /* columns that no two rows of a batch may share */
    uint64_t keys[ROWS_MAX];
};

/* In the order in which they are sent: a row is inserted before it is updated. */
static const unsigned whiches[AEP__PG_BATCHES] = {
    AEP__SQL_INSERT,
    AEP__SQL_UPDATE + (1U << AEP__GROUP_COUNT) - 1,
    AEP__SQL_ADD_EVENT,
    AEP__SQL_PUT_GAPS,
};
static const char *const tables[AEP__PG_BATCHES] = {"executions", "executions", "events", "gaps"};

static int index_of(unsigned which)
{
    int i = 0;
    while (i < AEP__PG_BATCHES && whiches[i] != which)
        i++;
    return i;
}

bool aep__pg_batched(unsigned which)
{
    return index_of(which) < AEP__PG_BATCHES;
}

unsigned aep__pg_batches_of(const char *sql)
{
    static const char *const words[] = {"FROM ", "JOIN ", "INTO ", "UPDATE "};
    unsigned needs = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (const char *at = sql; (at = strstr(at, words[i]));) {
            at += strlen(words[i]);
            for (int batch = 0; batch < AEP__PG_BATCHES; batch++)
                if (strncmp(at, tables[batch], strlen(tables[batch])) == 0)
                    needs |= 1U << batch;
        }
    return needs;
}

/* ---- statements ---- */

static const char *array_name(enum aep__pg_type type)
{
    switch (type) {
    case AEP__PG_TEXT:
        return "text[]";
    case AEP__PG_FLOAT8:
        return "float8[]";
    case AEP__PG_BYTEA:
        return "bytea[]";
    default:
        return "bigint[]";
    }
}

static void add_column(struct aep__pg_batch *batch, enum aep__pg_type type)
{
    batch->types[batch->columns++] = type;
}

static void add_unnest(struct aep__pg_batch *batch)
{
    for (int i = 0; i < batch->columns; i++)
        aep__buf_format(&batch->sql, "%s$%d::%s", i ? ", " : "unnest(", i + 1,
                        array_name(batch->types[i]));
    aep__buf_byte(&batch->sql, ')');
}

static void add_names(struct aep__buf *out, const char *before)
{
    for (size_t i = 0; i < AEP__COLUMN_COUNT; i++)
        aep__buf_format(out, "%s%s%s", i ? ", " : "", before, aep__sql_column_name(i));
}

static void add_execution_columns(struct aep__pg_batch *batch)
{
    static const enum aep__pg_type types[] = {
        [AEP__SQL_TEXT] = AEP__PG_TEXT,
        [AEP__SQL_INTEGER] = AEP__PG_INT8,
        [AEP__SQL_REAL] = AEP__PG_FLOAT8,
        [AEP__SQL_BYTES] = AEP__PG_BYTEA,
    };
    for (size_t i = 0; i < AEP__COLUMN_COUNT; i++)
        add_column(batch, types[aep__sql_column_type(i)]);
    add_column(batch, AEP__PG_INT8);
    batch->key = batch->columns - 1;
    batch->key_count = 1;
}

static void make_insert(struct aep__pg_batch *batch)
{
    add_execution_columns(batch);
    aep__buf_text(&batch->sql, "INSERT INTO executions (");
    add_names(&batch->sql, "");
    aep__buf_text(&batch->sql, ", key) SELECT * FROM ");
    add_unnest(batch);
}

static void make_update(struct aep__pg_batch *batch)
{
    add_execution_columns(batch);
    aep__buf_text(&batch->sql, "UPDATE executions AS old SET (");
    add_names(&batch->sql, "");
    aep__buf_text(&batch->sql, ") = ROW(");
    add_names(&batch->sql, "new.");
    aep__buf_text(&batch->sql, ") FROM ");
    add_unnest(batch);
    aep__buf_text(&batch->sql, " AS new (");
    add_names(&batch->sql, "");
    aep__buf_text(&batch->sql, ", key) WHERE old.key = new.key");
}

static void make_event(struct aep__pg_batch *batch)
{
    static const enum aep__pg_type types[] = {
        AEP__PG_BYTEA, AEP__PG_INT8, AEP__PG_BYTEA, AEP__PG_INT8,  AEP__PG_BYTEA, AEP__PG_BYTEA,
        AEP__PG_BYTEA, AEP__PG_INT8, AEP__PG_INT8,  AEP__PG_BYTEA, AEP__PG_INT8,  AEP__PG_INT8,
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        add_column(batch, types[i]);
    aep__buf_text(&batch->sql, "WITH new AS MATERIALIZED (SELECT * FROM ");
    add_unnest(batch);
    aep__buf_text(&batch->sql,
                  " AS new (event_id, at_us, " AEP__EVENT_COLUMNS ", body, day, turn)), own AS "
                  "(INSERT INTO bodies (day, event_id, body) SELECT day, event_id, body FROM new "
                  "WHERE body IS NOT NULL) INSERT INTO events (event_id, at_us, " AEP__EVENT_COLUMNS
                  ", day, turn) SELECT event_id, at_us, " AEP__EVENT_COLUMNS
                  ", day, turn FROM new");
}

static void make_gaps(struct aep__pg_batch *batch)
{
    add_column(batch, AEP__PG_TEXT);
    add_column(batch, AEP__PG_TEXT);
    add_column(batch, AEP__PG_BYTEA);
    batch->key_count = 2;
    aep__buf_text(&batch->sql, "INSERT INTO gaps (tenant, agent, data) SELECT * FROM ");
    add_unnest(batch);
    aep__buf_text(&batch->sql, " ON CONFLICT (tenant, agent) DO UPDATE SET data = excluded.data");
}

static void (*const makers[AEP__PG_BATCHES])(struct aep__pg_batch *batch) = {
    make_insert, make_update, make_event, make_gaps};

struct aep__pg_batch *aep__pg_batch_of(struct aep__postgres *pg, unsigned which, aep_error *err)
{
    int i = index_of(which);
    if (pg->batches[i])
        return pg->batches[i];
    struct aep__pg_batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return aep__error_memory(err), NULL;
    memcpy(batch->name, (const char[]){'b', (char)('0' + i), '\0'}, 3);
    batch->rows_soon = which == AEP__SQL_ADD_EVENT ? ROWS_SOON : ROWS_MAX;
    makers[i](batch);
    aep__buf_string(&batch->sql);
    pg->batches[i] = batch;
    return batch;
}

/* ---- rows ---- */

static void add_number(struct aep__buf *out, uint32_t number)
{
    number = htobe32(number);
    aep__buf_add(out, &number, sizeof number);
}

static void start_arrays(struct aep__pg_batch *batch)
{
    static const char header[HEADER];
    for (int i = 0; i < batch->columns; i++) {
        aep__buf_clear(&batch->arrays[i]);
        aep__buf_add(&batch->arrays[i], header, sizeof header);
    }
    batch->rows = 0;
    batch->bytes = 0;
}

static void end_array(struct aep__buf *array, enum aep__pg_type type, int rows)
{
    const uint32_t header[] = {htobe32(1), htobe32(1), htobe32((uint32_t)type),
                               htobe32((uint32_t)rows), htobe32(1)};
    memcpy(array->data, header, sizeof header);
}

static int send_batch(struct aep__postgres *pg, struct aep__pg_batch *batch, aep_error *err)
{
    const char *values[COLUMNS_MAX];
    int lengths[COLUMNS_MAX], formats[COLUMNS_MAX];
    const struct aep__pg_values all = {batch->columns, values, lengths, formats};
    int code = batch->sql.failed ? aep__error_memory(err) : AEP_OK;
    for (int i = 0; code == AEP_OK && i < batch->columns; i++) {
        if (batch->arrays[i].failed)
            return aep__error_memory(err);
        end_array(&batch->arrays[i], batch->types[i], batch->rows);
        values[i] = batch->arrays[i].data;
        lengths[i] = (int)batch->arrays[i].len;
        formats[i] = 1;
    }
    if (code == AEP_OK && batch->generation != pg->generation) {
        batch->generation = pg->generation;
        code = aep__pg_queue_prepare(pg, batch->name, batch->sql.data, err);
    }
    batch->rows = 0;
    return code == AEP_OK ? aep__pg_queue(pg, batch->name, NULL, &all, err) : code;
}

int aep__pg_batch_send(struct aep__postgres *pg, unsigned which, aep_error *err)
{
    int code = AEP_OK;
    for (int i = 0; code == AEP_OK && i < AEP__PG_BATCHES; i++)
        if (which & 1U << i && pg->batches[i] && pg->batches[i]->rows > 0)
            code = send_batch(pg, pg->batches[i], err);
    return code;
}

/* Two keys may have one number: then the batch ends early. */
static uint64_t key_of(const struct aep__pg_batch *batch, const struct aep__pg_values *values)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (int i = batch->key; i < batch->key + batch->key_count; i++)
        for (int at = 0; values->values[i] && at <= values->lengths[i]; at++) {
            uint8_t byte = at < values->lengths[i] ? (uint8_t)values->values[i][at] : 0;
            hash = (hash ^ byte) * UINT64_C(0x100000001b3);
        }
    return hash;
}

static bool has_key(const struct aep__pg_batch *batch, uint64_t key)
{
    for (int i = 0; batch->key_count > 0 && i < batch->rows; i++)
        if (batch->keys[i] == key)
            return true;
    return false;
}

int aep__pg_batch_add(struct aep__postgres *pg, struct aep__pg_batch *batch,
                      const struct aep__pg_values *values, aep_error *err)
{
    uint64_t key = key_of(batch, values);
    bool full = batch->bytes > BYTES_MAX || has_key(batch, key);
    int code = full ? aep__pg_batch_send(pg, AEP__PG_ALL, err) : AEP_OK;
    if (code != AEP_OK)
        return code;
    if (batch->rows == 0)
        start_arrays(batch);
    batch->keys[batch->rows] = key;
    for (int i = 0; i < batch->columns; i++) {
        struct aep__buf *array = &batch->arrays[i];
        add_number(array, values->values[i] ? (uint32_t)values->lengths[i] : UINT32_MAX);
        if (values->values[i])
            aep__buf_add(array, values->values[i], (size_t)values->lengths[i]);
        batch->bytes += (size_t)values->lengths[i];
    }
    return ++batch->rows < batch->rows_soon ? AEP_OK : send_batch(pg, batch, err);
}

void aep__pg_batch_forget(struct aep__postgres *pg)
{
    for (int i = 0; i < AEP__PG_BATCHES; i++)
        if (pg->batches[i])
            pg->batches[i]->rows = 0;
}

void aep__pg_batch_free(struct aep__postgres *pg)
{
    for (int i = 0; i < AEP__PG_BATCHES; i++) {
        if (!pg->batches[i])
            continue;
        for (int column = 0; column < pg->batches[i]->columns; column++)
            aep__buf_done(&pg->batches[i]->arrays[column]);
        aep__buf_done(&pg->batches[i]->sql);
        free(pg->batches[i]);
        pg->batches[i] = NULL;
    }
}

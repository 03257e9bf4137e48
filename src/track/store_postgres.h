/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the driver of PostgreSQL: what its files share.
 *
 *     store_postgres.c            opening, transactions
 *     store_postgres_connection.c the connection, and its pipeline
 *     store_postgres_statement.c  statements
 *     store_postgres_batch.c      rows that are written many at a time
 *     store_postgres_error.c      what the server's errors mean
 *     store_postgres_schema.c     tables, indexes, versions
 *     store_postgres_days.c       bodies of events, in partitions, and how much room all takes
 *     store_postgres_texts.c      the index of texts
 *     store_postgres_library.c    libpq, loaded when it is needed
 *     store_postgres_place.c      its name, and the files of this machine that belong to it
 *
 * Commands go out in a pipeline, and nothing waits for the answer of one that gives nothing: their
 * results are read when a statement asks for a row, and at the commit. Rows that are inserted or
 * updated are collected, and sent together before the next command of another kind:
 *
 *     put, add_event ──▶ batch ─┐
 *     other writes ─────────────┼──▶ pipeline ──▶ server
 *     reads ────────────────────┘        ▲
 *                             waits here ┘ for the answers of all before it
 *
 * One tracker writes at a time: a transaction begins with a lock (pg_advisory_xact_lock) that lasts until
 * it ends. It then looks at a number that each transaction raises; if another one has done so, what is
 * cached is forgotten. */
#ifndef AEP_TRACK_STORE_POSTGRES_H
#define AEP_TRACK_STORE_POSTGRES_H

#include "track/store_postgres_library.h"
#include "track/store_sql.h"

#include <limits.h>

#define AEP__PG_SCHEMA "aep"                             /* of our tables */
#define AEP__PG_LOCK "pg_advisory_xact_lock(1634037876)" /* "aept" */
#define AEP__PG_UUID_SIZE 37
#define AEP__PG_BATCHES 4
#define AEP__PG_ALL UINT_MAX /* batches */

/** Types of PostgreSQL: what their numbers are does not change. */
enum aep__pg_type {
    AEP__PG_BYTEA = 17,
    AEP__PG_INT8 = 20,
    AEP__PG_INT2 = 21,
    AEP__PG_INT4 = 23,
    AEP__PG_TEXT = 25,
    AEP__PG_FLOAT8 = 701,
};

struct aep__pg_batch;

struct aep__postgres {
    struct aep__sql base; /* first; its name holds no password */
    char *url;            /* as it was given */
    PGconn *conn;
    bool transaction;
    bool wrote;               /* in this transaction */
    bool lost;                /* the connection; it is made again outside a transaction */
    unsigned queued;          /* commands whose results have not been read */
    unsigned long statements; /* that have been given a name */
    unsigned generation;      /* of the connection: names are its own */
    int64_t turn;             /* raised by each transaction that writes */
    char identity[AEP__PG_UUID_SIZE];
    int64_t day;                     /* the server's, since 1970, when the transaction began */
    bool has_day;                    /* there is a partition for it */
    int64_t event_bytes, body_bytes; /* that this transaction has stored, about */
    int64_t drop_us;                 /* until then no partition is dropped */
    struct aep__pg_batch *batches[AEP__PG_BATCHES];
};

static inline struct aep__postgres *aep__postgres_of(const struct aep__sql *base)
{
    return (struct aep__postgres *)base;
}

/* ---- store_postgres_error.c ---- */

/** Fills err from a result that is an error, or (NULL) from the connection's own; returns the code. */
int aep__pg_error(struct aep__postgres *pg, const PGresult *result, aep_error *err)
    __attribute__((cold));

/* ---- store_postgres_connection.c ---- */

/** Connects, again where it was connected before.
 * Errors: AEP_EIO, AEP_ESTATE say what to do */
int aep__pg_connect(struct aep__postgres *pg, aep_error *err);
void aep__pg_disconnect(struct aep__postgres *pg);

/** Parameters of a command: binary, but for texts. */
struct aep__pg_values {
    int count;
    const char *const *values;
    const int *lengths, *formats;
};
/** Queues a command. @name  of a prepared statement; NULL: sql is run, unprepared */
int aep__pg_queue(struct aep__postgres *pg, const char *name, const char *sql,
                  const struct aep__pg_values *values, aep_error *err);
/** Queues its preparation. */
int aep__pg_queue_prepare(struct aep__postgres *pg, const char *name, const char *sql,
                          aep_error *err);
/** Waits for what is queued. @ret_last  the result of the last command, owned by the caller; may be NULL
 */
int aep__pg_settle(struct aep__postgres *pg, PGresult **ret_last, aep_error *err);
/** Queues a command and waits for it. */
int aep__pg_ask(struct aep__postgres *pg, const char *sql, PGresult **ret, aep_error *err);
/** The same outside the pipeline, of several commands: within a transaction of their own. */
int aep__pg_run_script(struct aep__postgres *pg, const char *sql, aep_error *err);

/** A number in a binary result; 0 for NULL. */
int64_t aep__pg_int(const PGresult *result, int row, int column);

/* ---- store_postgres_statement.c ---- */

extern const struct aep__sql_statements aep__pg_statements;

/** Encodes an id for a column of bytes: a UUID's, or a text with a NUL before it, and another one where
 * it would look like the first. */
void aep__pg_encode_id(const struct aep__sql_id *id, struct aep__buf *out);

/* ---- store_postgres_batch.c ---- */

/** The batch of a statement; NULL: its rows are not collected. */
struct aep__pg_batch *aep__pg_batch_of(struct aep__postgres *pg, unsigned which, aep_error *err);
bool aep__pg_batched(unsigned which);
/** Adds a row. */
int aep__pg_batch_add(struct aep__postgres *pg, struct aep__pg_batch *batch,
                      const struct aep__pg_values *values, aep_error *err);
/** Which batches, a bit for each, a command must come after: those of the tables that it names. */
unsigned aep__pg_batches_of(const char *sql);
/** Queues what is in them. */
int aep__pg_batch_send(struct aep__postgres *pg, unsigned which, aep_error *err);
void aep__pg_batch_forget(struct aep__postgres *pg);
void aep__pg_batch_free(struct aep__postgres *pg);

/* ---- store_postgres_schema.c ---- */

/** Checks the server and the tables, and makes or migrates these (to write).
 * Errors: AEP_ESPOOL there are none (to read); AEP_ESTATE they are of a newer aep; AEP_EIO */
int aep__pg_check_schema(struct aep__postgres *pg, aep_error *err);

/* ---- store_postgres_days.c ---- */

/* Bytes that an event takes, with its place in the indexes, beside its body; and that beside its text. */
#define AEP__PG_EVENT_BYTES 320
#define AEP__PG_BODY_BYTES 140
#define AEP__PG_TEXT_OF(number) AEP__PG_AS_TEXT(number)
#define AEP__PG_AS_TEXT(number) #number

#define AEP__PG_TODAY "(floor(extract(epoch FROM now()) / 86400)::bigint)"
#define AEP__PG_BODY                                                                               \
    "(SELECT own.body FROM bodies AS own WHERE own.event_id = events.event_id AND "                \
    "own.day IN (events.day, 0) AND NOT EXISTS (SELECT FROM emptied WHERE emptied.execution = "    \
    "events.execution AND emptied.turn >= events.turn) LIMIT 1)"
/* What is no longer read stays so; the rest is its new execution's as of now. */
#define AEP__PG_MOVED                                                                              \
    ", day = CASE WHEN EXISTS (SELECT FROM emptied WHERE emptied.execution = events.execution "    \
    "AND emptied.turn >= events.turn) THEN NULL ELSE day END, turn = (SELECT turn FROM meta)"

#define AEP__PG_EVENT_BODY 10 /* the parameter of AEP__SQL_ADD_EVENT */

/** Statements that are not those of both stores. */
extern const char *const aep__pg_texts[AEP__SQL_COUNT];
/** Binds when an event is stored, from that parameter on, and counts it. @body_len  -1: it has none */
int aep__pg_date_event(struct aep__postgres *pg, struct aep__statement *statement, int first,
                       int64_t body_len, aep_error *err);
/** Queues what the transaction has counted, and its turn. */
int aep__pg_count_bytes(struct aep__postgres *pg, aep_error *err);
int aep__pg_tell_bytes(struct aep__sql *base, int64_t *ret, aep_error *err);
int aep__pg_sweep_days(struct aep__sql *base, int64_t before_us, unsigned limit,
                       uint64_t *ret_count, aep_error *err);

/* ---- store_postgres_texts.c ---- */

extern const struct aep__sql_texts aep__pg_texts_index;

/* ---- store_postgres_place.c ---- */

/** Appends "postgresql://USER@HOST:PORT/DATABASE": who is meant, without a password. */
int aep__pg_add_name(const char *url, struct aep__buf *out, aep_error *err);

#endif

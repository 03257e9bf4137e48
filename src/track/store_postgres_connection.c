/* SPDX-License-Identifier: Apache-2.0 */
#include "track/store_postgres.h"

#include "base/clock.h"
#include "base/error.h"

#include <endian.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_US INT64_C(10000000)
#define QUEUE_MAX 256 /* results that the server may keep for us */

/* ---- connecting ---- */

/* A server that has gone without a word is noticed within half a minute. What the URL says goes first. */
static const char *const keywords[] = {
    "client_encoding",  "application_name", "keepalives_idle", "keepalives_interval",
    "keepalives_count", "tcp_user_timeout", "dbname",          NULL,
};

static PGconn *start(const struct aep__postgres *pg)
{
    const char *const values[] = {
        "UTF8", pg->base.write ? "aep-tracker" : "aep", "10", "5", "3", "20000", pg->url, NULL,
    };
    return aep__pq.connectStartParams(keywords, values, 1);
}

static bool wait_for(PGconn *conn, PostgresPollingStatusType what, int64_t until_us)
{
    int64_t left_us = until_us - aep__clock_mono_us();
    struct pollfd poll_fd = {.fd = aep__pq.socket(conn),
                             .events = what == PGRES_POLLING_READING ? POLLIN : POLLOUT};
    return left_us > 0 && poll(&poll_fd, 1, (int)(left_us / 1000) + 1) > 0;
}

/* Not at once, as PQconnectdb() does: only so the error bears its code. */
static int finish_connecting(struct aep__postgres *pg, aep_error *err)
{
    int64_t until_us = aep__clock_mono_us() + CONNECT_US;
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    aep__pq.setErrorVerbosity(pg->conn, PQERRORS_VERBOSE);
    while (aep__pq.status(pg->conn) != CONNECTION_BAD && status != PGRES_POLLING_OK &&
           status != PGRES_POLLING_FAILED) {
        if (!wait_for(pg->conn, status, until_us))
            return aep__error(err, AEP_EIO, AEP__STORE_FIELD,
                              "%s does not answer: check host and port, and that it runs",
                              pg->base.name);
        status = aep__pq.connectPoll(pg->conn);
    }
    if (status != PGRES_POLLING_OK)
        return aep__pg_error(pg, NULL, err);
    aep__pq.setErrorVerbosity(pg->conn, PQERRORS_DEFAULT);
    return AEP_OK;
}

static void ignore_notice(void *user, const PGresult *result)
{
    (void)user, (void)result;
}

/* Each statement has its index, and is to take it also while a table is small. A crash of the server
 * may cost the last transactions, whole: their events are read again. A tracker that is stopped within
 * one does not hold up others for long. */
static const char settings[] = "SET search_path = " AEP__PG_SCHEMA ";"
                               "SET enable_seqscan = off; SET jit = off;"
                               "SET synchronous_commit = off;"
                               "SET statement_timeout = 0; SET lock_timeout = '20s';"
                               "SET idle_in_transaction_session_timeout = '15s';"
                               "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;"
                               "SET tcp_keepalives_count = 3;";

static int check_encoding(const struct aep__postgres *pg, aep_error *err)
{
    const char *encoding = aep__pq.parameterStatus(pg->conn, "server_encoding");
    if (encoding && strcmp(encoding, "UTF8") == 0)
        return AEP_OK;
    return aep__error(err, AEP_EIO, AEP__STORE_FIELD,
                      "the database of %s has the encoding %s: make one with `createdb -E UTF8 -T "
                      "template0`",
                      pg->base.name, encoding ? encoding : "unknown");
}

static int check_server(const struct aep__postgres *pg, aep_error *err)
{
    int version = aep__pq.serverVersion(pg->conn);
    if (version >= 130000)
        return check_encoding(pg, err);
    return aep__error(err, AEP_EIO, AEP__STORE_FIELD,
                      "%s is PostgreSQL %d: a store needs 13 or newer", pg->base.name,
                      version / 10000);
}

int aep__pg_run_script(struct aep__postgres *pg, const char *sql, aep_error *err)
{
    bool piped = aep__pq.pipelineStatus(pg->conn) != PQ_PIPELINE_OFF;
    if (piped && !aep__pq.exitPipelineMode(pg->conn))
        return aep__pg_error(pg, NULL, err);
    PGresult *result = aep__pq.exec(pg->conn, sql);
    ExecStatusType status = aep__pq.resultStatus(result);
    int code = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK
                   ? AEP_OK
                   : aep__pg_error(pg, result, err);
    aep__pq.clear(result);
    if (piped && !aep__pq.enterPipelineMode(pg->conn) && code == AEP_OK)
        code = aep__pg_error(pg, NULL, err);
    return code;
}

void aep__pg_disconnect(struct aep__postgres *pg)
{
    aep__pq.finish(pg->conn);
    pg->conn = NULL;
    pg->queued = 0;
    pg->transaction = false;
    aep__pg_batch_forget(pg);
}

int aep__pg_connect(struct aep__postgres *pg, aep_error *err)
{
    aep__pg_disconnect(pg);
    pg->generation++;
    pg->conn = start(pg);
    if (!pg->conn)
        return aep__error_memory(err);
    aep__pq.setNoticeReceiver(pg->conn, ignore_notice, NULL);
    int code = finish_connecting(pg, err);
    if (code == AEP_OK)
        code = check_server(pg, err);
    if (code == AEP_OK)
        code = aep__pg_run_script(pg, settings, err);
    if (code == AEP_OK && !aep__pq.enterPipelineMode(pg->conn))
        code = aep__pg_error(pg, NULL, err);
    pg->lost = code != AEP_OK;
    return code;
}

/* ---- the pipeline ---- */

/* What was queued is written, and what has come is read, so that neither side waits for the other. */
static int note_queued(struct aep__postgres *pg, int sent, aep_error *err)
{
    if (!sent)
        return aep__pg_error(pg, NULL, err);
    if (++pg->queued < QUEUE_MAX)
        return AEP_OK;
    return aep__pg_settle(pg, NULL, err);
}

int aep__pg_queue(struct aep__postgres *pg, const char *name, const char *sql,
                  const struct aep__pg_values *values, aep_error *err)
{
    static const struct aep__pg_values none;
    values = values ? values : &none;
    return note_queued(
        pg,
        name ? aep__pq.sendQueryPrepared(pg->conn, name, values->count, values->values,
                                         values->lengths, values->formats, 1)
             : aep__pq.sendQueryParams(pg->conn, sql, values->count, NULL, values->values,
                                       values->lengths, values->formats, 1),
        err);
}

int aep__pg_queue_prepare(struct aep__postgres *pg, const char *name, const char *sql,
                          aep_error *err)
{
    return note_queued(pg, aep__pq.sendPrepare(pg->conn, name, sql, 0, NULL), err);
}

/* Takes a result: the first error counts, those after it are its consequence. */
static void take_result(struct aep__postgres *pg, PGresult *result, PGresult **last, int *code,
                        aep_error *err)
{
    ExecStatusType status = aep__pq.resultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        aep__pq.clear(*last);
        *last = result;
        return;
    }
    if (status != PGRES_PIPELINE_ABORTED && *code == AEP_OK)
        *code = aep__pg_error(pg, result, err);
    aep__pq.clear(result);
}

int aep__pg_settle(struct aep__postgres *pg, PGresult **ret_last, aep_error *err)
{
    PGresult *last = NULL, *result;
    int code = AEP_OK;
    pg->queued = 0;
    if (!aep__pq.pipelineSync(pg->conn))
        return aep__pg_error(pg, NULL, err);
    for (unsigned nothing = 0; nothing < 2;) { /* NULL ends a command's results */
        result = aep__pq.getResult(pg->conn);
        nothing = result ? 0 : nothing + 1;
        if (result && aep__pq.resultStatus(result) == PGRES_PIPELINE_SYNC) {
            aep__pq.clear(result);
            break;
        }
        if (result)
            take_result(pg, result, &last, &code, err);
        if (aep__pq.status(pg->conn) == CONNECTION_BAD)
            break;
    }
    if (aep__pq.status(pg->conn) == CONNECTION_BAD && code == AEP_OK)
        code = aep__pg_error(pg, NULL, err);
    if (code == AEP_OK && ret_last)
        *ret_last = last;
    else
        aep__pq.clear(last);
    return code;
}

int aep__pg_ask(struct aep__postgres *pg, const char *sql, PGresult **ret, aep_error *err)
{
    int code = aep__pg_queue(pg, NULL, sql, NULL, err);
    return code == AEP_OK ? aep__pg_settle(pg, ret, err) : code;
}

/* ---- values ---- */

int64_t aep__pg_int(const PGresult *result, int row, int column)
{
    const char *value = aep__pq.getvalue(result, row, column);
    uint64_t big;
    uint32_t small;
    uint16_t tiny;
    switch (aep__pq.getlength(result, row, column)) {
    case sizeof big:
        memcpy(&big, value, sizeof big);
        return (int64_t)be64toh(big);
    case sizeof small:
        memcpy(&small, value, sizeof small);
        return (int32_t)be32toh(small);
    case sizeof tiny:
        memcpy(&tiny, value, sizeof tiny);
        return (int16_t)be16toh(tiny);
    case 1: /* a boolean */
        return *value;
    default:
        return 0;
    }
}

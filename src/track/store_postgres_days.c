/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of events, by the day on which they were stored, so that those of a day go at once:
 *
 *     events ──(event_id, day)──▶ bodies ─┬─ bodies_20785   a partition for each day, by the server's clock:
 *                                         ├─ bodies_20786   whatever times events bear
 *                                         └─ bodies_kept    day 0: what has outlived its day
 *     days      a row for each of them: its bytes, and how far it has been walked
 *     emptied   executions whose bodies have gone: all that were stored up to that turn
 *
 * Retention marks an execution as emptied; its bodies are then not read any more, and lie there until
 * their day is dropped. Before that the day is walked, so many bodies at a time, and those that are still
 * read are copied to bodies_kept: of executions that are open, pinned, have failed, or ended later. There
 * they are deleted one by one. A day is walked a day after its bodies are due, when most have been emptied;
 * no partition is older than DAYS_MAX, whatever the retention.
 *
 * A partition is made by the first transaction that needs it: only one writes at a time. It is attached
 * rather than made in place, and is dropped only if nobody has it in use: neither holds up readers. */
#include "track/store_postgres.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdio.h>

#define DAY_US INT64_C(86400000000)
#define RETRY_US INT64_C(60000000) /* after a partition was in use */
#define DAYS_MAX 100
#define EVENT_BYTES AEP__PG_TEXT_OF(AEP__PG_EVENT_BYTES)
#define BODY_BYTES AEP__PG_TEXT_OF(AEP__PG_BODY_BYTES)

/* ---- what is deleted, and no longer counted ---- */

#define GONE(which)                                                                                \
    "WITH gone AS (DELETE FROM events WHERE " which " RETURNING event_id, day), "                  \
    "freed AS (DELETE FROM bodies USING gone WHERE bodies.event_id = gone.event_id AND "           \
    "bodies.day IN (gone.day, 0) RETURNING bodies.day, octet_length(bodies.body) AS bytes), "      \
    "counted AS (UPDATE days SET bytes = days.bytes - sums.bytes FROM (SELECT day, "               \
    "sum(bytes + " BODY_BYTES ") AS bytes FROM freed GROUP BY day) AS sums "                       \
    "WHERE days.day = sums.day), "                                                                 \
    "forgotten AS (DELETE FROM emptied WHERE execution = ?1), "                                    \
    "noted AS (UPDATE meta SET bytes = bytes - " EVENT_BYTES " * (SELECT count(*) FROM gone)) "    \
    "SELECT 1 FROM gone"
#define EMPTIED(which)                                                                             \
    "WITH freed AS (DELETE FROM bodies_kept WHERE day = 0 AND event_id IN (" which                 \
    ") RETURNING octet_length(body) AS bytes), counted AS (UPDATE days SET bytes = bytes - "       \
    "(SELECT sum(bytes + " BODY_BYTES                                                              \
    ") FROM freed) WHERE day = 0 AND EXISTS (SELECT FROM freed)) "                                 \
    "SELECT 1 FROM freed"
#define OWN_EVENTS "SELECT event_id FROM events WHERE execution = ?1"

const char *const aep__pg_texts[AEP__SQL_COUNT] = {
    [AEP__SQL_DROP_EVENTS] = GONE("execution = ?1"),
    [AEP__SQL_SWEEP_EVENTS] = GONE("event_id IN (" OWN_EVENTS " LIMIT ?2)"),
    [AEP__SQL_DROP_BODIES] = EMPTIED(OWN_EVENTS),
    [AEP__SQL_SWEEP_BODIES] = EMPTIED("SELECT event_id FROM events JOIN bodies_kept "
                                      "USING (event_id) WHERE execution = ?1 LIMIT ?2"),
};

/* ---- what is stored ---- */

static int make_day(struct aep__postgres *pg, aep_error *err)
{
    const long long day = pg->day;
    static const char *const formats[] = {
        "CREATE TABLE bodies_%lld (LIKE bodies INCLUDING ALL)",
        "ALTER TABLE bodies ATTACH PARTITION bodies_%lld FOR VALUES IN (%lld)",
        "INSERT INTO days (day, bytes) VALUES (%lld, 0)",
    };
    int code = AEP_OK;
    for (size_t i = 0; code == AEP_OK && i < sizeof formats / sizeof *formats; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, formats[i], day, day);
        code = aep__pg_queue(pg, NULL, sql, NULL, err);
    }
    pg->has_day = code == AEP_OK;
    return code;
}

int aep__pg_date_event(struct aep__postgres *pg, struct aep__statement *statement, int first,
                       int64_t body_len, aep_error *err)
{
    int code = pg->has_day ? AEP_OK : make_day(pg, err);
    aep__sql_bind_int(statement, first, pg->day);
    aep__sql_bind_int(statement, first + 1, pg->turn);
    pg->event_bytes += AEP__PG_EVENT_BYTES;
    pg->body_bytes += body_len < 0 ? 0 : body_len + AEP__PG_BODY_BYTES;
    return code;
}

int aep__pg_count_bytes(struct aep__postgres *pg, aep_error *err)
{
    char sql[128];
    snprintf(sql, sizeof sql, "UPDATE meta SET turn = turn + 1, bytes = bytes + %lld",
             (long long)(pg->base.weight + pg->event_bytes));
    int code = aep__pg_queue(pg, NULL, sql, NULL, err);
    if (code != AEP_OK || pg->body_bytes == 0)
        return code;
    snprintf(sql, sizeof sql, "UPDATE days SET bytes = bytes + %lld WHERE day = %lld",
             (long long)pg->body_bytes, (long long)pg->day);
    return aep__pg_queue(pg, NULL, sql, NULL, err);
}

int aep__pg_tell_bytes(struct aep__sql *base, int64_t *ret, aep_error *err)
{
    struct aep__postgres *pg = aep__postgres_of(base);
    PGresult *result = NULL;
    int code =
        aep__pg_ask(pg,
                    "SELECT meta.bytes + coalesce((SELECT sum(days.bytes) FROM days), 0)::bigint + "
                    "256 * coalesce((SELECT max(key) - min(key) + 1 FROM tombs), 0) FROM meta",
                    &result, err);
    if (code == AEP_OK)
        *ret = aep__pg_int(result, 0, 0);
    if (code == AEP_OK && pg->transaction)
        *ret += base->weight + pg->event_bytes + pg->body_bytes;
    aep__pq.clear(result);
    return code;
}

/* ---- days that have passed ---- */

/* Copies what is still read, of the bodies behind where it was, and says how many it has looked at. */
static const char walk_text[] =
    "WITH chunk AS MATERIALIZED (SELECT event_id FROM bodies WHERE day = ?1 AND event_id > "
    "coalesce((SELECT walked FROM days WHERE day = ?1), '') ORDER BY event_id LIMIT ?2), "
    "kept AS (INSERT INTO bodies_kept (day, event_id, body) SELECT 0, chunk.event_id, own.body "
    "FROM chunk JOIN events ON events.event_id = chunk.event_id AND events.day = ?1 "
    "JOIN bodies AS own ON own.event_id = chunk.event_id AND own.day = ?1 "
    "WHERE NOT EXISTS (SELECT FROM emptied WHERE emptied.execution = events.execution AND "
    "emptied.turn >= events.turn) ON CONFLICT DO NOTHING RETURNING octet_length(body) AS bytes), "
    "counted AS (UPDATE days SET bytes = bytes + (SELECT sum(bytes + " BODY_BYTES ") FROM kept) "
    "WHERE day = 0 AND EXISTS (SELECT FROM kept)), "
    "noted AS (UPDATE days SET walked = (SELECT event_id FROM chunk ORDER BY event_id DESC LIMIT 1)"
    " WHERE day = ?1 AND EXISTS (SELECT FROM chunk)) "
    "SELECT count(*) FROM chunk";

static int walk_day(struct aep__sql *base, int64_t day, unsigned limit, uint64_t *ret_count,
                    aep_error *err)
{
    struct aep__statement *statement = aep__sql_prepare(base, walk_text, err);
    if (!statement)
        return err->code;
    aep__postgres_of(base)->wrote = true;
    aep__sql_bind_int(statement, 1, day);
    aep__sql_bind_int(statement, 2, limit);
    int found = aep__sql_step(statement, err);
    *ret_count = found > 0 ? (uint64_t)aep__sql_int(statement, 0) : 0;
    aep__sql_finalize(statement);
    return found < 0 ? err->code : AEP_OK;
}

/* Whoever reads, or dumps the database, is not waited for: it has time. */
static int drop_day(struct aep__postgres *pg, int64_t day, aep_error *err)
{
    char sql[64];
    int code = aep__pg_ask(pg, "SAVEPOINT day", NULL, err);
    if (code != AEP_OK)
        return code;
    snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS bodies_%lld", (long long)day);
    code = aep__pg_ask(pg, "SET LOCAL lock_timeout = '50ms'", NULL, err);
    if (code == AEP_OK)
        code = aep__pg_ask(pg, sql, NULL, err);
    if (code != AEP_OK && !pg->lost) {
        pg->drop_us = aep__clock_mono_us() + RETRY_US;
        return aep__pg_ask(pg, "ROLLBACK TO day", NULL, err);
    }
    snprintf(sql, sizeof sql, "DELETE FROM days WHERE day = %lld", (long long)day);
    if (code == AEP_OK)
        code = aep__pg_ask(pg, sql, NULL, err);
    if (code == AEP_OK)
        code = aep__pg_ask(pg, "SET LOCAL lock_timeout = '20s'", NULL, err);
    pg->wrote = true;
    return code;
}

/* The oldest day, if it is to go; else 0. Never one to which something may still be added. */
static int find_day(struct aep__postgres *pg, int64_t before_us, int64_t *ret, aep_error *err)
{
    PGresult *result = NULL;
    int code =
        aep__pg_ask(pg, "SELECT day FROM days WHERE day > 0 ORDER BY day LIMIT 1", &result, err);
    int64_t day = code == AEP_OK && aep__pq.ntuples(result) > 0 ? aep__pg_int(result, 0, 0) : 0;
    aep__pq.clear(result);
    bool due = before_us > 0 && day + 2 <= before_us / DAY_US;
    *ret = day < pg->day && (due || day <= pg->day - DAYS_MAX) ? day : 0;
    return code;
}

int aep__pg_sweep_days(struct aep__sql *base, int64_t before_us, unsigned limit,
                       uint64_t *ret_count, aep_error *err)
{
    struct aep__postgres *pg = aep__postgres_of(base);
    int64_t day = 0;
    *ret_count = 0;
    if (aep__clock_mono_us() < pg->drop_us)
        return AEP_OK;
    int code = find_day(pg, before_us, &day, err);
    if (code != AEP_OK || day == 0)
        return code;
    code = walk_day(base, day, limit, ret_count, err);
    return code == AEP_OK && *ret_count < limit ? drop_day(pg, day, err) : code;
}

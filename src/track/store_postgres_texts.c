/* SPDX-License-Identifier: Apache-2.0 */
/* The index of texts (store_sql_texts.c) in PostgreSQL: a row's trigrams as numbers, in an index of arrays
 * (GIN). It needs no extension, no right, and no locale that knows the scripts; two trigrams that share a
 * number only cost a look at a row.
 *
 *     texts   key of a row ─▶ its trigrams, each once, ascending */
#include "track/store_postgres.h"

#include "base/error.h"
#include "track/contains.h"

#include <stdlib.h>

#define TEXTS 4                 /* of a row */
#define STATEMENT_MAX (1 << 20) /* bytes */

static int32_t number_of(const char *trigram, size_t len)
{
    uint32_t hash = UINT32_C(0x811c9dc5); /* FNV-1a: it is stored */
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)trigram[i]) * UINT32_C(0x01000193);
    return (int32_t)hash;
}

/* ---- filling ---- */

struct grams {
    int32_t *numbers;
    size_t count, most;
    bool failed;
};

static bool take_trigram(void *user, const char *text, size_t len)
{
    struct grams *grams = user;
    if (grams->count == grams->most) {
        size_t most = grams->most ? 2 * grams->most : 256;
        int32_t *numbers = realloc(grams->numbers, most * sizeof *numbers);
        if (!numbers) {
            grams->failed = true;
            return false;
        }
        grams->numbers = numbers;
        grams->most = most;
    }
    grams->numbers[grams->count++] = number_of(text, len);
    return true;
}

static int compare_numbers(const void *left, const void *right)
{
    int32_t one = *(const int32_t *)left, other = *(const int32_t *)right;
    return (one > other) - (one < other);
}

/* As a literal. */
static void add_grams(struct aep__buf *out, struct grams *grams)
{
    if (grams->count > 1)
        qsort(grams->numbers, grams->count, sizeof *grams->numbers, compare_numbers);
    for (size_t i = 0; i < grams->count; i++)
        if (i == 0 || grams->numbers[i] != grams->numbers[i - 1])
            aep__buf_format(out, "%s%d", i ? "," : "'{", grams->numbers[i]);
    aep__buf_text(out, grams->count ? "}')" : "'{}')");
}

struct filling {
    struct aep__postgres *pg;
    struct aep__contains contains;
    struct aep__buf sql, text;
    struct grams grams;
};

static int send_rows(struct filling *filling, aep_error *err)
{
    if (filling->sql.len == 0)
        return AEP_OK;
    aep__buf_text(&filling->sql, " ON CONFLICT (key) DO UPDATE SET grams = excluded.grams "
                                 "WHERE texts.grams <> excluded.grams");
    const char *sql = aep__buf_string(&filling->sql);
    int code = filling->sql.failed ? aep__error_memory(err)
                                   : aep__pg_queue(filling->pg, NULL, sql, NULL, err);
    aep__buf_clear(&filling->sql);
    return code;
}

static int add_row(struct filling *filling, const PGresult *rows, int row, aep_error *err)
{
    struct grams *grams = &filling->grams;
    aep__buf_clear(&filling->text);
    for (int i = 1; i <= TEXTS; i++) {
        aep__contains_fold(&filling->contains, &filling->text,
                           aep__pq.getvalue(rows, row, i)); /* of NULL it is empty */
        aep__buf_byte(&filling->text, '\n');
    }
    grams->count = 0;
    aep__sql_each_trigram(aep__buf_string(&filling->text), take_trigram, grams);
    if (grams->failed || filling->text.failed)
        return aep__error_memory(err);
    aep__buf_format(&filling->sql, "%s(%lld,",
                    filling->sql.len ? "," : "INSERT INTO texts (key, grams) VALUES ",
                    (long long)aep__pg_int(rows, row, 0));
    add_grams(&filling->sql, grams);
    return filling->sql.len > STATEMENT_MAX ? send_rows(filling, err) : AEP_OK;
}

static void add_keys(struct aep__buf *out, const int64_t *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        aep__buf_format(out, "%s%lld", i ? "," : "(", (long long)keys[i]);
    aep__buf_byte(out, ')');
}

static int ask_for_rows(struct filling *filling, const int64_t *keys, size_t count, PGresult **ret,
                        aep_error *err)
{
    struct aep__buf sql = {0};
    aep__buf_text(&sql, "DELETE FROM texts WHERE NOT EXISTS (SELECT FROM executions WHERE "
                        "executions.key = texts.key) AND key IN ");
    add_keys(&sql, keys, count);
    const char *text = aep__buf_string(&sql);
    int code =
        sql.failed ? aep__error_memory(err) : aep__pg_queue(filling->pg, NULL, text, NULL, err);
    aep__buf_clear(&sql);
    aep__buf_text(&sql, "SELECT key, user_request, agent_name, current_step, error_message "
                        "FROM executions WHERE key IN ");
    add_keys(&sql, keys, count);
    text = aep__buf_string(&sql);
    if (code == AEP_OK)
        code = sql.failed ? aep__error_memory(err) : aep__pg_ask(filling->pg, text, ret, err);
    aep__buf_done(&sql);
    return code;
}

static int put(struct aep__sql *base, const int64_t *keys, size_t count, aep_error *err)
{
    struct filling filling = {.pg = aep__postgres_of(base)};
    PGresult *rows = NULL;
    aep__contains_init(&filling.contains);
    int code = ask_for_rows(&filling, keys, count, &rows, err);
    for (int row = 0; code == AEP_OK && row < aep__pq.ntuples(rows); row++)
        code = add_row(&filling, rows, row, err);
    if (code == AEP_OK)
        code = send_rows(&filling, err);
    aep__pq.clear(rows);
    aep__contains_done(&filling.contains);
    aep__buf_done(&filling.sql);
    aep__buf_done(&filling.text);
    free(filling.grams.numbers);
    return code;
}

/* ---- searching ---- */

static void add_to_match(struct aep__buf *out, const char *text, size_t len)
{
    aep__buf_format(out, "%s%d", out->len ? "," : "{", number_of(text, len));
}

const struct aep__sql_texts aep__pg_texts_index = {
    .put = put,
    .add_to_match = add_to_match,
    .end_of_match = "}",
    .matching = "SELECT key FROM texts WHERE grams @> CAST(CAST(?1 AS text) AS int[])",
    .among = "key = ANY (ARRAY(",
    .end_of_among = "))",
};

/* SPDX-License-Identifier: Apache-2.0 */
/* How many executions a filter matches, by state. Where one of its conditions has few rows
 * (store_sql_lead.c), these are looked at; else as many as are wanted of those that are open, and as many of
 * those that have ended and that the condition with the fewest rows leads to:
 *
 *     lead ─▶ at most so many rows ─▶ which match ─▶ by state
 *
 * So the cost does not grow with the store, and a count that is no more than a lower bound says so. */
#include "track/store_sql_list.h"

#include "base/error.h"

#include <stdio.h>

struct totalling {
    struct aep__sql *base;
    const struct aep__query *query;
    struct aep__where where;
    struct aep__lead lead;
    struct aep__totals *ret;
    aep_error *err;
};

/* Parameters behind those of the conditions. */
enum { PLACE_CLOCK, PLACE_MOST };

static void add_text(struct aep__buf *sql, const struct totalling *totalling,
                     const struct aep__lead *lead, const char *condition)
{
    const struct aep__where *where = &totalling->where;
    const char *index = aep__lead_index(lead);
    int first = AEP__FIRST_BIND + where->count;
    char clock[40];
    snprintf(clock, sizeof clock, "CAST(?%d AS BIGINT)", first + PLACE_CLOCK);
    aep__buf_text(sql, "SELECT state, hit, count(*) FROM (SELECT ");
    aep__state_sql(sql, clock);
    aep__buf_text(sql, " AS state, CASE WHEN 1 = 1");
    aep__buf_add(sql, where->sql.data, where->sql.len);
    aep__buf_add(sql, where->texts.data, where->texts.len);
    aep__buf_format(sql, " THEN 1 ELSE 0 END AS hit FROM executions %s%s WHERE %s%s%s LIMIT ?%d)",
                    index ? "INDEXED BY " : "NOT INDEXED", index ? index : "",
                    aep__lead_condition(lead),
                    totalling->query->filter->roots ? " AND parent_known = 0" : "", condition,
                    first + PLACE_MOST);
    aep__buf_text(sql, " AS subquery GROUP BY state, hit");
}

static void bind(const struct totalling *totalling, struct aep__statement *statement,
                 const struct aep__sql_value *value, int64_t most)
{
    const struct aep__where *where = &totalling->where;
    int first = AEP__FIRST_BIND + where->count;
    aep__sql_bind(statement, 1, value);
    for (int i = 0; i < where->count; i++)
        aep__sql_bind(statement, AEP__FIRST_BIND + i, &where->binds[i]);
    aep__sql_bind_int(statement, first + PLACE_CLOCK, totalling->query->clock_us);
    aep__sql_bind_int(statement, first + PLACE_MOST, most);
}

#define BIT(state) (1U << AEP__STATE_##state)
#define ENDED (BIT(COMPLETED) | BIT(FAILED) | BIT(ABANDONED))
#define OPEN (BIT(WAITING) | BIT(STALLED) | BIT(RUNNING) | BIT(ABANDONED))

/* The rows of one value; `most` of them. `states`: those that they may have. */
static int total_value(struct totalling *totalling, struct aep__statement *statement,
                       const struct aep__sql_value *value, int64_t most, unsigned states)
{
    struct aep__totals *totals = totalling->ret;
    int64_t looked = 0;
    int found;
    aep__sql_reset(statement);
    bind(totalling, statement, value, most);
    while ((found = aep__sql_step(statement, totalling->err)) > 0) {
        int64_t count = aep__sql_int(statement, 2);
        looked += count;
        if (aep__sql_int(statement, 1))
            totals->counts[aep__sql_int(statement, 0)] += count;
    }
    if (found == 0 && looked == most)
        totals->at_least |= states;
    return found < 0 ? totalling->err->code : AEP_OK;
}

/* Those that a condition leads to, and another one holds for, with AND before it. */
static int total_lead(struct totalling *totalling, const struct aep__lead *lead,
                      const char *condition, int64_t most, unsigned states)
{
    struct aep__buf sql = {0};
    add_text(&sql, totalling, lead, condition);
    const char *text = aep__buf_string(&sql);
    struct aep__statement *statement =
        sql.failed ? NULL : aep__sql_prepare(totalling->base, text, totalling->err);
    if (sql.failed)
        aep__error_memory(totalling->err);
    aep__buf_done(&sql);
    if (!statement)
        return totalling->err->code;
    int result = AEP_OK;
    for (unsigned i = 0; result == AEP_OK && i < lead->count; i++)
        result = total_value(totalling, statement, &lead->values[i], most, states);
    aep__sql_finalize(statement);
    return result;
}

static int total_all(struct totalling *totalling)
{
    static const struct aep__lead open = {
        .name = AEP__LEAD_OUTCOME, .values = {{.number = AEP__ENDING_OPEN}}, .count = 1};
    int64_t most = totalling->query->look_most ? totalling->query->look_most : INT64_MAX;
    if (totalling->lead.narrow)
        return total_lead(totalling, &totalling->lead, "", INT64_MAX, 0);
    int result = total_lead(totalling, &open, "", most, OPEN);
    return result == AEP_OK
               ? total_lead(totalling, &totalling->lead, " AND outcome <> 0", most, ENDED)
               : result;
}

int aep__sql_totals(struct aep__store *store, const struct aep__query *query,
                    struct aep__totals *ret, aep_error *err)
{
    struct totalling totalling = {
        .base = aep__sql_of(store), .query = query, .ret = ret, .err = err};
    *ret = (struct aep__totals){0};
    int result = aep__sql_flush(totalling.base, err);
    if (result == AEP_OK)
        result = aep__where_make(&totalling.where, totalling.base->driver, query, err);
    if (result == AEP_OK)
        result = aep__lead_choose(totalling.base, query->filter, &totalling.lead, err);
    if (result == AEP_OK)
        result = total_all(&totalling);
    aep__lead_done(&totalling.lead);
    aep__where_done(&totalling.where);
    return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "track/store_sql_list.h"

#include "base/error.h"
#include "track/match.h"

#include <string.h>

#define FEW 2000 /* rows that may be sorted, and the limit of counting */

const struct aep__lead_row aep__leads[AEP__LEAD_COUNT] = {
    [AEP__LEAD_CORRELATION] = {.index = "execution_key", .condition = "correlation_id = ?1"},
    [AEP__LEAD_PARENT] = {"execution_parent", "parent_id = ?1 AND parent_known = 1"},
    [AEP__LEAD_SESSION] = {"execution_session", "session_id = ?1", .sorted = true},
    [AEP__LEAD_AGENT] = {"execution_agent", "agent_name = ?1", .sorted = true},
    [AEP__LEAD_TENANT] = {"execution_tenant", "tenant_id = ?1", .sorted = true},
    [AEP__LEAD_OUTCOME] = {"execution_outcome", "outcome = ?1", .sorted = true},
    [AEP__LEAD_SINCE] = {.index = "execution_last", .condition = "last_event_at >= ?1"},
    [AEP__LEAD_NONE] = {"execution_newest", "CAST(?1 AS BIGINT) IS NOT NULL", .sorted = true},
};

static bool has_value(const struct aep__lead *lead, const char *text)
{
    for (unsigned i = 0; i < lead->count; i++)
        if (strcmp(lead->values[i].text, text) == 0)
            return true;
    return false;
}

/* One that is given twice is one stream. */
static void lead_by_values(struct aep__lead *lead, const struct aep__filter_values *values)
{
    for (unsigned i = 0; i < values->count; i++)
        if (!has_value(lead, values->values[i]))
            lead->values[lead->count++].text = values->values[i];
}

static bool matches_agent(const struct aep__filter_values *patterns, const char *agent)
{
    bool found = false;
    for (unsigned i = 0; !found && i < patterns->count; i++)
        found = aep__match_pattern(patterns->values[i], agent);
    return found;
}

/* The next agent's name after this one, appended as a string: 1, 0, -1. */
static int next_agent(struct aep__sql *base, const char *after, struct aep__buf *out,
                      aep_error *err)
{
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_NEXT_AGENT, err);
    if (!statement)
        return -1;
    aep__sql_bind_text(statement, 1, after);
    int found = aep__sql_step(statement, err);
    aep__buf_clear(out);
    if (found > 0)
        aep__sql_add_id(statement, 0, out);
    aep__sql_give(base, AEP__SQL_NEXT_AGENT, statement);
    if (out->failed)
        aep__error_memory(err);
    return out->failed ? -1 : found;
}

/* All names that match, if they are few among few. */
static int find_agents(struct aep__sql *base, const struct aep__filter_values *patterns,
                       struct aep__lead *lead, aep_error *err)
{
    struct aep__buf name = {0}, next = {0};
    size_t starts[AEP__LEADS_MAX];
    unsigned count = 0, seen = 0;
    int found;
    aep__buf_byte(&name, '\0');
    while ((found = next_agent(base, name.data, &next, err)) > 0 && seen++ < FEW) {
        struct aep__buf swap = name;
        name = next;
        next = swap;
        if (!matches_agent(patterns, name.data))
            continue;
        if (count == AEP__LEADS_MAX)
            break;
        starts[count++] = lead->agents.len;
        aep__buf_add(&lead->agents, name.data, name.len);
    }
    bool all = found == 0 && !lead->agents.failed;
    for (unsigned i = 0; all && i < count; i++)
        lead->values[lead->count++].text = lead->agents.data + starts[i];
    aep__buf_done(&name);
    aep__buf_done(&next);
    return found < 0 ? err->code : AEP_OK;
}

static int lead_by_agent(struct aep__sql *base, const struct aep__filter *filter,
                         struct aep__lead *lead, aep_error *err)
{
    const struct aep__filter_values *values = &filter->values[AEP__FILTER_AGENT];
    for (unsigned i = 0; i < values->count; i++)
        if (aep__where_is_glob(values->values[i]))
            return find_agents(base, values, lead, err);
    lead_by_values(lead, values);
    return AEP_OK;
}

static void lead_by_outcome(struct aep__lead *lead, unsigned states)
{
    static const struct {
        enum aep__ending outcome;
        unsigned states;
    } outcomes[] = {
        {AEP__ENDING_OPEN, 1U << AEP__STATE_WAITING | 1U << AEP__STATE_STALLED |
                               1U << AEP__STATE_RUNNING | 1U << AEP__STATE_ABANDONED},
        {AEP__ENDING_COMPLETED, 1U << AEP__STATE_COMPLETED},
        {AEP__ENDING_FAILED, 1U << AEP__STATE_FAILED},
        {AEP__ENDING_ABANDONED, 1U << AEP__STATE_ABANDONED},
    };
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
        if (outcomes[i].states & states)
            lead->values[lead->count++].number = outcomes[i].outcome;
}

const char *aep__lead_index(const struct aep__lead *lead)
{
    return lead->name == AEP__LEAD_TEXT ? NULL : aep__leads[lead->name].index;
}

const char *aep__lead_condition(const struct aep__lead *lead)
{
    return lead->name == AEP__LEAD_TEXT ? lead->text.condition.data
                                        : aep__leads[lead->name].condition;
}

static int lead_by_texts(struct aep__sql *base, const struct aep__filter_values *texts,
                         struct aep__lead *lead, aep_error *err)
{
    if (texts->count == 0)
        return AEP_OK;
    int result = aep__sql_lead_by_texts(base, texts, FEW, &lead->text, err);
    if (result == AEP_OK && lead->text.condition.len > 0)
        lead->values[lead->count++].text = aep__buf_string(&lead->text.match);
    return result;
}

static int make_lead(struct aep__sql *base, const struct aep__filter *filter,
                     struct aep__lead *lead, aep_error *err)
{
    switch (lead->name) {
    case AEP__LEAD_TEXT:
        return lead_by_texts(base, &filter->values[AEP__FILTER_TEXT], lead, err);
    case AEP__LEAD_CORRELATION:
        lead_by_values(lead, &filter->values[AEP__FILTER_CORRELATION]);
        break;
    case AEP__LEAD_PARENT:
        lead_by_values(lead, &filter->values[AEP__FILTER_PARENT]);
        break;
    case AEP__LEAD_SESSION:
        lead_by_values(lead, &filter->values[AEP__FILTER_SESSION]);
        break;
    case AEP__LEAD_AGENT:
        return lead_by_agent(base, filter, lead, err);
    case AEP__LEAD_TENANT:
        lead_by_values(lead, &filter->values[AEP__FILTER_TENANT]);
        break;
    case AEP__LEAD_OUTCOME:
        lead_by_outcome(lead, filter->states);
        break;
    case AEP__LEAD_SINCE:
        if (filter->since_us != INT64_MIN)
            lead->values[lead->count++].number = filter->since_us;
        break;
    default:
        lead->count = 1;
    }
    return AEP_OK;
}

/* Its rows, counted up to FEW. -1: *err. */
static int64_t count_rows(struct aep__sql *base, const struct aep__lead *lead, aep_error *err)
{
    struct aep__buf sql = {0};
    int64_t rows = 0;
    aep__buf_format(&sql,
                    "SELECT count(*) FROM (SELECT 1 FROM executions INDEXED BY %s WHERE %s "
                    "LIMIT %d) AS subquery",
                    aep__leads[lead->name].index, aep__leads[lead->name].condition, FEW);
    struct aep__statement *statement = aep__sql_prepare(base, aep__buf_string(&sql), err);
    for (unsigned i = 0; statement && rows >= 0 && rows < FEW && i < lead->count; i++) {
        aep__sql_bind(statement, 1, &lead->values[i]);
        if (aep__sql_step(statement, err) > 0)
            rows += aep__sql_int(statement, 0);
        else
            rows = -1;
        aep__sql_reset(statement);
    }
    aep__sql_finalize(statement);
    aep__buf_done(&sql);
    return statement ? rows : -1;
}

/* The one with the fewest rows leads. A correlation id always may: its rows are never many. */
int aep__lead_choose(struct aep__sql *base, const struct aep__filter *filter, struct aep__lead *ret,
                     aep_error *err)
{
    int64_t fewest = INT64_MAX;
    for (enum aep__lead_name name = 0; name < AEP__LEAD_COUNT; name++) {
        struct aep__lead lead = {.name = name};
        int result = make_lead(base, filter, &lead, err);
        int64_t rows = FEW;
        if (name == AEP__LEAD_TEXT)
            rows = lead.text.rows;
        else if (result == AEP_OK && lead.count > 0 && name != AEP__LEAD_NONE)
            rows = count_rows(base, &lead, err);
        bool only_few = name == AEP__LEAD_SINCE || name == AEP__LEAD_TEXT;
        bool may = lead.count > 0 && (rows < FEW || !only_few);
        if (result == AEP_OK && rows >= 0 && may && rows < fewest) {
            aep__lead_done(ret);
            lead.narrow = rows < FEW;
            *ret = lead;
            fewest = rows;
        } else
            aep__lead_done(&lead);
        if (result != AEP_OK || rows < 0)
            return err->code;
    }
    return AEP_OK;
}

void aep__lead_done(struct aep__lead *lead)
{
    aep__buf_done(&lead->agents);
    aep__buf_done(&lead->text.condition);
    aep__buf_done(&lead->text.match);
}

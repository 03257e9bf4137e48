/* SPDX-License-Identifier: Apache-2.0 */
#include "track/store_sql_list.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

static int add_bind(struct aep__where *where, struct aep__sql_value value)
{
    where->binds[where->count] = value;
    return AEP__FIRST_BIND + where->count++;
}

bool aep__where_is_glob(const char *text)
{
    return strchr(text, '*') != NULL;
}

/* Appends a pattern, in which only * is special, as the database has it, and a NUL. */
static void add_pattern(const struct aep__sql_driver *driver, struct aep__buf *out,
                        const char *text)
{
    for (; *text; text++) {
        if (*text == '*')
            aep__buf_text(out, driver->wildcard);
        else if (strchr(driver->quotes, *text))
            aep__buf_format(out, "%s%c%s", driver->quote[0], *text, driver->quote[1]);
        else
            aep__buf_byte(out, *text);
    }
    aep__buf_byte(out, '\0');
}

/* The names of a filter's values that are compared with a column. */
static const struct {
    enum aep__filter_name name;
    const char *column;
} compared[] = {
    {AEP__FILTER_AGENT, "agent_name"},   {AEP__FILTER_TENANT, "tenant_id"},
    {AEP__FILTER_SESSION, "session_id"}, {AEP__FILTER_CORRELATION, "correlation_id"},
    {AEP__FILTER_PARENT, "parent_id"},
};

static void add_compared(struct aep__where *where, const struct aep__sql_driver *driver,
                         const struct aep__filter *filter, size_t i)
{
    const struct aep__filter_values *values = &filter->values[compared[i].name];
    const char *separator = " AND (";
    for (unsigned v = 0; v < values->count; v++) {
        const char *text = values->values[v];
        bool glob = compared[i].name == AEP__FILTER_AGENT && aep__where_is_glob(text);
        int at = add_bind(where, (struct aep__sql_value){.text = text});
        if (glob) /* bound once all of them are made: the memory moves */
            where->binds[at - AEP__FIRST_BIND] =
                (struct aep__sql_value){.number = -1 - (int64_t)where->globs.len};
        if (glob)
            add_pattern(driver, &where->globs, text);
        aep__buf_format(&where->sql, "%s%s %s ?%d", separator, compared[i].column,
                        glob ? driver->like : "=", at);
        separator = " OR ";
    }
    if (values->count)
        aep__buf_byte(&where->sql, ')');
}

static void settle_globs(struct aep__where *where, int until)
{
    for (int i = 0; i < until; i++)
        if (!where->binds[i].text)
            where->binds[i].text = where->globs.data - (where->binds[i].number + 1);
}

static void add_states(struct aep__where *where, const struct aep__query *query)
{
    char clock[16];
    if (!query->filter->states)
        return;
    snprintf(clock, sizeof clock, "?%d",
             add_bind(where, (struct aep__sql_value){.number = query->clock_us}));
    int states = add_bind(where, (struct aep__sql_value){.number = query->filter->states});
    aep__buf_format(&where->sql, " AND ((CAST(?%d AS BIGINT) >> CAST((", states);
    aep__state_sql(&where->sql, clock);
    aep__buf_text(&where->sql, ") AS INTEGER)) & 1) <> 0");
}

int aep__where_make(struct aep__where *where, const struct aep__sql_driver *driver,
                    const struct aep__query *query, aep_error *err)
{
    const struct aep__filter *filter = query->filter;
    const struct aep__filter_values *texts = &filter->values[AEP__FILTER_TEXT];
    for (size_t i = 0; i < sizeof compared / sizeof *compared; i++)
        add_compared(where, driver, filter, i);
    if (where->globs.failed)
        return aep__error_memory(err);
    settle_globs(where, where->count);
    if (filter->values[AEP__FILTER_PARENT].count)
        aep__buf_text(&where->sql, " AND parent_known = 1");
    if (filter->until_us != INT64_MAX)
        aep__buf_format(&where->sql, " AND last_event_at <= ?%d",
                        add_bind(where, (struct aep__sql_value){.number = filter->until_us}));
    if (filter->since_us != INT64_MIN)
        aep__buf_format(&where->sql, " AND last_event_at >= ?%d",
                        add_bind(where, (struct aep__sql_value){.number = filter->since_us}));
    add_states(where, query);
    for (unsigned i = 0; i < texts->count; i++)
        aep__buf_format(&where->texts,
                        " AND aep_contains(?%d, user_request, agent_name, current_step, "
                        "error_message) <> 0",
                        add_bind(where, (struct aep__sql_value){.text = texts->values[i]}));
    return where->sql.failed || where->texts.failed ? aep__error_memory(err) : AEP_OK;
}

void aep__where_done(struct aep__where *where)
{
    aep__buf_done(&where->sql);
    aep__buf_done(&where->texts);
    aep__buf_done(&where->globs);
}

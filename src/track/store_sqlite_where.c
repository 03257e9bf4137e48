/* SPDX-License-Identifier: Apache-2.0 */
#include "track/store_sqlite_list.h"

#include "base/error.h"
#include "base/utf8.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

static int add_bind(struct aep__where *where, struct aep__sql_value value)
{
    where->binds[where->count] = value;
    return AEP__FIRST_BIND + where->count++;
}

bool aep__where_is_glob(const char *text)
{
    return strchr(text, '*') != NULL;
}

void aep__where_add_glob(struct aep__buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '?' || *text == '[')
            aep__buf_format(out, "[%c]", *text);
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
    {AEP__FILTER_AGENT, "agent_name"},
    {AEP__FILTER_TENANT, "tenant_id"},
    {AEP__FILTER_SESSION, "session_id"},
    {AEP__FILTER_CORRELATION, "correlation_id"},
};

static void add_compared(struct aep__where *where, const struct aep__filter *filter, size_t i)
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
            aep__where_add_glob(&where->globs, text);
        aep__buf_format(&where->sql, "%s%s %s ?%d", separator, compared[i].column,
                        glob ? "GLOB" : "=", at);
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
    aep__buf_format(&where->sql, " AND ((?%d >> (", states);
    aep__state_sql(&where->sql, clock);
    aep__buf_text(&where->sql, ")) & 1)");
}

int aep__where_make(struct aep__where *where, const struct aep__query *query, aep_error *err)
{
    const struct aep__filter *filter = query->filter;
    const struct aep__filter_values *texts = &filter->values[AEP__FILTER_TEXT];
    for (size_t i = 0; i < sizeof compared / sizeof *compared; i++)
        add_compared(where, filter, i);
    if (where->globs.failed)
        return aep__error_memory(err);
    settle_globs(where, where->count);
    if (filter->since_us != INT64_MIN)
        aep__buf_format(&where->sql, " AND last_event_at >= ?%d",
                        add_bind(where, (struct aep__sql_value){.number = filter->since_us}));
    add_states(where, query);
    for (unsigned i = 0; i < texts->count; i++)
        aep__buf_format(&where->sql,
                        " AND aep_contains(?%d, user_request, agent_name, current_step, "
                        "error_message)",
                        add_bind(where, (struct aep__sql_value){.text = texts->values[i]}));
    return where->sql.failed ? aep__error_memory(err) : AEP_OK;
}

void aep__where_done(struct aep__where *where)
{
    aep__buf_done(&where->sql);
    aep__buf_done(&where->globs);
}

/* ---- search ---- */

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* Appends a text without its case, as a string. */
static void add_folded(struct aep__buf *out, const char *text, locale_t locale)
{
    char bytes[4];
    for (size_t len, left = strlen(text); left > 0; text += len, left -= len) {
        uint32_t code_point = aep__utf8_decode(text, left, &len);
        aep__buf_add(out, bytes,
                     aep__utf8_encode((uint32_t)towlower_l((wint_t)code_point, locale), bytes));
    }
    aep__buf_byte(out, '\0');
}

struct search {
    locale_t locale;            /* UTF-8, whatever the program's is; 0: there is none */
    struct aep__buf what, text; /* memory */
};

static bool holds(struct search *search, const char *text, const char *what)
{
    if (!search->locale || is_ascii(what))
        return strcasestr(text, what) != NULL;
    if (is_ascii(text))
        return false;
    aep__buf_clear(&search->what);
    aep__buf_clear(&search->text);
    add_folded(&search->what, what, search->locale);
    add_folded(&search->text, text, search->locale);
    return !search->what.failed && !search->text.failed &&
           strstr(search->text.data, search->what.data);
}

/* aep_contains(what, text…): whether one of the texts holds it, without case. */
static void contains(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct search *search = sqlite3_user_data(context);
    const char *what = (const char *)sqlite3_value_text(values[0]);
    int found = 0;
    for (int i = 1; what && !found && i < count; i++) {
        const char *text = (const char *)sqlite3_value_text(values[i]);
        found = text && holds(search, text, what);
    }
    sqlite3_result_int(context, found);
}

static void free_search(void *user)
{
    struct search *search = user;
    if (search->locale)
        freelocale(search->locale);
    aep__buf_done(&search->what);
    aep__buf_done(&search->text);
    free(search);
}

int aep__sqlite_add_search(struct aep__sqlite *sqlite, aep_error *err)
{
    struct search *search = calloc(1, sizeof *search);
    if (!search)
        return aep__error_memory(err);
    search->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", 0);
    int rc = sqlite3_create_function_v2(sqlite->db, "aep_contains", -1,
                                        SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
                                        search, contains, NULL, NULL, free_search);
    return rc == SQLITE_OK ? AEP_OK : aep__sqlite_error(sqlite, err);
}

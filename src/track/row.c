/* SPDX-License-Identifier: Apache-2.0 */
/* One table: a member of the execution as it is, by its type, or a function for what depends on the
 * view or is written in another way. */
#include "track/row.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "config/nearest.h"
#include "config/value.h"

struct row {
    const struct aep__tracked *execution;
    const struct aep__view *view;
    enum aep__state state;
};

bool aep__view_uncertain(const struct aep__view *view, enum aep__state state)
{
    return view->behind && state != AEP__STATE_COMPLETED && state != AEP__STATE_FAILED;
}

/* ---- values --------------------------------------------------------------------------------- */

static void put_text(struct aep__buf *out, const char *text)
{
    if (text)
        aep__json_add_string(out, text, strlen(text));
    else
        aep__buf_text(out, "null");
}

static void put_flag(struct aep__buf *out, bool flag)
{
    aep__buf_text(out, flag ? "true" : "false");
}

static void put_time(struct aep__buf *out, int64_t us)
{
    char text[AEP__TIME_SIZE];
    if (us == AEP__UNKNOWN_US || us == AEP__NEVER_US) {
        aep__buf_text(out, "null");
        return;
    }
    aep__clock_format(us, text);
    put_text(out, text);
}

/* Each kind of member, where it is. */

static void add_TEXT(struct aep__buf *out, const void *at)
{
    put_text(out, *(char *const *)at);
}

static void add_TIME(struct aep__buf *out, const void *at)
{
    put_time(out, *(const int64_t *)at);
}

static void add_REAL(struct aep__buf *out, const void *at)
{
    double number = *(const double *)at;
    if (isfinite(number))
        aep__json_add_number(out, number);
    else
        aep__buf_text(out, "null");
}

static void add_COUNT(struct aep__buf *out, const void *at)
{
    aep__buf_format(out, "%lld", (long long)*(const int64_t *)at);
}

static void add_FLAG(struct aep__buf *out, const void *at)
{
    put_flag(out, *(const int64_t *)at != 0);
}

/* What is made. */

static void add_state(struct aep__buf *out, const struct row *row)
{
    put_text(out, aep__state_word(row->state));
}

static void add_basis(struct aep__buf *out, const struct row *row)
{
    struct aep__buf basis = {0};
    aep__state_basis(row->execution, row->state, row->view->clock_us, &basis);
    put_text(out, aep__buf_string(&basis));
    out->failed |= basis.failed;
    aep__buf_done(&basis);
}

static void add_since(struct aep__buf *out, const struct row *row)
{
    put_time(out, aep__state_since(row->execution, row->state));
}

static void add_uncertain(struct aep__buf *out, const struct row *row)
{
    put_flag(out, aep__view_uncertain(row->view, row->state));
}

static void add_parent_known(struct aep__buf *out, const struct row *row)
{
    if (row->execution->parent_id)
        put_flag(out, row->execution->parent_known != 0);
    else
        aep__buf_text(out, "null");
}

static void add_waiting_for(struct aep__buf *out, const struct row *row)
{
    bool waits = row->state == AEP__STATE_WAITING;
    put_text(out, waits ? aep__waiting_word((enum aep__waiting)row->execution->waiting) : NULL);
}

static void add_delivery(struct aep__buf *out, const struct row *row)
{
    put_text(out, aep__fate_word((enum aep__fate)row->execution->fate));
}

static void add_conflict(struct aep__buf *out, const struct row *row)
{
    put_flag(out, row->execution->conflict || row->execution->cut_from);
}

static void add_as_of(struct aep__buf *out, const struct row *row)
{
    put_time(out, row->view->clock_us);
}

/* ---- the table ------------------------------------------------------------------------------ */

#define KEPT(TYPE, name)                                                                           \
    {                                                                                              \
#name, add_##TYPE, offsetof(struct aep__tracked, name), NULL, SCHEMA_##TYPE                \
    }
#define MADE(name, schema)                                                                         \
    {                                                                                              \
#name, NULL, 0, add_##name, schema                                                         \
    }
/* The members as JSON Schema. */
#define SCHEMA_TEXT "\"type\":[\"string\",\"null\"]"
#define SCHEMA_TIME SCHEMA_TEXT ",\"format\":\"date-time\""
#define SCHEMA_REAL "\"type\":[\"number\",\"null\"]"
#define SCHEMA_COUNT "\"type\":\"integer\""
#define SCHEMA_FLAG "\"type\":\"boolean\""
#define SCHEMA_WORD "\"type\":\"string\""

static const struct field {
    const char *name;
    void (*add_kept)(struct aep__buf *out, const void *at);
    size_t offset;
    void (*add_made)(struct aep__buf *out, const struct row *row);
    const char *schema;
} table[] = {
    KEPT(TEXT, id),
    MADE(state, SCHEMA_WORD),
    MADE(basis, SCHEMA_WORD),
    MADE(since, SCHEMA_TIME),
    MADE(uncertain, SCHEMA_FLAG),
    KEPT(TEXT, agent_name),
    KEPT(TEXT, user_request),
    KEPT(TEXT, tenant_id),
    KEPT(TEXT, source),
    KEPT(TEXT, correlation_id),
    KEPT(TEXT, session_id),
    KEPT(TEXT, parent_id),
    MADE(parent_known, "\"type\":[\"boolean\",\"null\"]"),
    KEPT(TEXT, root_id),
    KEPT(COUNT, depth),
    KEPT(TIME, started_at),
    KEPT(TIME, ended_at),
    KEPT(TIME, last_event_at),
    KEPT(REAL, duration_ms),
    KEPT(TEXT, current_step),
    KEPT(REAL, progress_percent),
    KEPT(REAL, steps_completed),
    KEPT(REAL, steps_total),
    MADE(waiting_for, SCHEMA_TEXT),
    KEPT(TEXT, error_code),
    KEPT(TEXT, error_type),
    KEPT(TEXT, error_message),
    KEPT(TEXT, result_summary),
    KEPT(COUNT, open_children),
    KEPT(COUNT, children),
    KEPT(COUNT, events),
    MADE(delivery, SCHEMA_WORD),
    KEPT(FLAG, partial),
    KEPT(FLAG, inferred),
    MADE(conflict, SCHEMA_FLAG),
    KEPT(FLAG, skew),
    MADE(as_of, SCHEMA_TIME),
};
#define FIELD_COUNT (sizeof table / sizeof *table)
_Static_assert(FIELD_COUNT <= AEP__ROW_FIELDS_MAX, "room for each field");

void aep__row_fields_all(struct aep__row_fields *fields)
{
    for (fields->count = 0; fields->count < FIELD_COUNT; fields->count++)
        fields->at[fields->count] = (uint8_t)fields->count;
}

void aep__row_fields_words(struct aep__buf *out)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        aep__buf_format(out, "%s%s", i ? " " : "", table[i].name);
}

void aep__row_fields_schema(struct aep__buf *out)
{
    aep__buf_text(out, "{\"type\":\"object\",\"properties\":{");
    for (size_t i = 0; i < FIELD_COUNT; i++)
        aep__buf_format(out, "%s\"%s\":{%s}", i ? "," : "", table[i].name, table[i].schema);
    aep__buf_text(out, "},\"required\":[");
    for (size_t i = 0; i < FIELD_COUNT; i++)
        aep__buf_format(out, "%s\"%s\"", i ? "," : "", table[i].name);
    aep__buf_text(out, "]}");
}

static int refuse_field(const char *name, size_t len, aep_error *err)
{
    char typed[AEP__QUOTE_SIZE], quoted[AEP__QUOTE_SIZE];
    struct aep__nearest nearest = {.wanted = typed};
    size_t kept = len < sizeof typed - 1 ? len : sizeof typed - 1;
    memcpy(typed, name, kept);
    typed[kept] = '\0';
    for (size_t i = 0; i < FIELD_COUNT; i++)
        aep__nearest_show(&nearest, table[i].name);
    const char *found = aep__nearest_get(&nearest);
    return aep__error(err, AEP_EINVAL, "json", "--json: no field is named %s; %s%s%s",
                      aep__quote(typed, quoted), found ? "did you mean " : "",
                      found ? found : "`aep list --help` names them", found ? "?" : "");
}

/* A field that was named before stays where it was: no object has a name twice. */
static int add_field(struct aep__row_fields *fields, const char *name, size_t len, aep_error *err)
{
    uint8_t at = 0;
    while (at < FIELD_COUNT &&
           (strlen(table[at].name) != len || memcmp(table[at].name, name, len) != 0))
        at++;
    if (at == FIELD_COUNT)
        return refuse_field(name, len, err);
    if (!memchr(fields->at, at, fields->count))
        fields->at[fields->count++] = at;
    return AEP_OK;
}

int aep__row_fields_read(struct aep__row_fields *fields, const char *list, aep_error *err)
{
    int code;
    fields->count = 0;
    do {
        size_t len = strcspn(list, ",");
        code = add_field(fields, list, len, err);
        list += len;
    } while (code == AEP_OK && *list++);
    return code;
}

void aep__row_add(struct aep__buf *out, const struct aep__row_fields *fields,
                  const struct aep__tracked *execution, const struct aep__view *view)
{
    struct row row = {execution, view, aep__state_of(execution, view->clock_us)};
    for (size_t i = 0; i < fields->count; i++) {
        const struct field *field = &table[fields->at[i]];
        aep__buf_format(out, "%c\"%s\":", i ? ',' : '{', field->name);
        if (field->add_kept)
            field->add_kept(out, (const char *)execution + field->offset);
        else
            field->add_made(out, &row);
    }
    aep__buf_byte(out, '}');
}

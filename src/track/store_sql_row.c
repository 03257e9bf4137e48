/* SPDX-License-Identifier: Apache-2.0 */
/* A row of executions, to and from its execution. */
#include "track/store_sql.h"

#include "base/error.h"

#include <string.h>

/* ---- from the row ---- */

static void *member_at(const struct aep__tracked *execution, size_t i)
{
    return (char *)execution + aep__tracked_members[i].offset;
}

static void read_member(struct aep__statement *row, int column, struct aep__tracked *ret, size_t i)
{
    bool null = aep__sql_is_null(row, column);
    void *to = member_at(ret, i);
    switch (aep__tracked_members[i].type) {
    case AEP__MEMBER_TEXT:
        if (!null) {
            const char *data = aep__sql_text(row, column);
            size_t len = aep__sql_bytes(row, column);
            aep__tracked_set_text(ret, to, (struct aep__slice){data ? data : "", len});
            ret->failed = ret->failed || !data;
        }
        break;
    case AEP__MEMBER_REAL:
        *(double *)to = null ? NAN : aep__sql_real(row, column);
        break;
    case AEP__MEMBER_TIME:
        *(int64_t *)to = null ? AEP__UNKNOWN_US : aep__sql_int(row, column);
        break;
    default:
        *(int64_t *)to = aep__sql_int(row, column);
    }
}

enum flag { FLAG_MIXED_ENDS = 4, FLAG_SESSION_OF_END = 8 };

int aep__sql_read_row(struct aep__sql *base, struct aep__statement *row, struct aep__tracked *ret,
                      aep_error *err)
{
    int column = 1;
    aep__tracked_done(ret);
    aep__tracked_init(ret);
    for (size_t i = 0; i < AEP__TRACKED_MEMBER_COUNT; i++)
        read_member(row, column++, ret, i);
    const char *origins = aep__sql_blob(row, column);
    size_t len = aep__sql_bytes(row, column++);
    int flags = (int)aep__sql_int(row, column);
    ret->mixed_ends = flags & FLAG_MIXED_ENDS;
    ret->session_of_end = flags & FLAG_SESSION_OF_END;
    if (ret->failed)
        return aep__error_memory(err);
    if (!origins || !ret->id || !aep__tracked_unpack_origins(ret, origins, len))
        return aep__sql_damaged(base, err);
    return AEP_OK;
}

/* ---- to the row ---- */

static void bind_time(struct aep__statement *statement, int i, int64_t at_us)
{
    if (at_us == AEP__UNKNOWN_US)
        aep__sql_bind_null(statement, i);
    else
        aep__sql_bind_int(statement, i, at_us);
}

static void bind_member(struct aep__statement *statement, int at,
                        const struct aep__tracked *execution, size_t i)
{
    const void *from = member_at(execution, i);
    switch (aep__tracked_members[i].type) {
    case AEP__MEMBER_TEXT:
        aep__sql_bind_text(statement, at, *(char *const *)from);
        break;
    case AEP__MEMBER_REAL:
        aep__sql_bind_real(statement, at, *(const double *)from); /* NAN is NULL to SQLite */
        break;
    case AEP__MEMBER_TIME:
        bind_time(statement, at, *(const int64_t *)from);
        break;
    default:
        aep__sql_bind_int(statement, at, *(const int64_t *)from);
    }
}

static int64_t sort_at(const struct aep__tracked *execution)
{
    return execution->started_at != AEP__UNKNOWN_US ? execution->started_at
                                                    : execution->last_event_at;
}

static int64_t begun_at(const struct aep__tracked *execution)
{
    return execution->origins[AEP__ORIGIN_STARTED].at_us; /* not known: AEP__UNKNOWN_US */
}

static int64_t silent_at(const struct aep__tracked *execution)
{
    int64_t stalls = execution->stalls_at, abandons = execution->abandons_at;
    if (stalls == AEP__UNKNOWN_US || abandons == AEP__UNKNOWN_US)
        return stalls == AEP__UNKNOWN_US ? abandons : stalls;
    return stalls < abandons ? stalls : abandons;
}

void aep__sql_bind_row(struct aep__statement *statement, const struct aep__tracked *execution,
                       const char origins[AEP__ORIGINS_BYTES], int64_t change)
{
    const int made = (int)AEP__TRACKED_MEMBER_COUNT + 1;
    for (size_t i = 0; i < AEP__TRACKED_MEMBER_COUNT; i++)
        bind_member(statement, (int)i + 1, execution, i);
    aep__sql_bind_int(statement, AEP__TRACKED_AT_change + 1, change);
    aep__sql_bind_blob(statement, made + AEP__MADE_ORIGINS, origins, AEP__ORIGINS_BYTES);
    aep__sql_bind_int(statement, made + AEP__MADE_FLAGS,
                      (execution->mixed_ends ? FLAG_MIXED_ENDS : 0) |
                          (execution->session_of_end ? FLAG_SESSION_OF_END : 0));
    aep__sql_bind_int(statement, made + AEP__MADE_SORT_AT, sort_at(execution));
    bind_time(statement, made + AEP__MADE_BEGUN_AT, begun_at(execution));
    bind_time(statement, made + AEP__MADE_SILENT_AT, silent_at(execution));
}

/* ---- its place ---- */

static void add_value(struct aep__buf *out, const char *text)
{
    aep__buf_byte(out, text != NULL);
    if (text)
        aep__buf_add(out, text, strlen(text) + 1);
}

void aep__sql_add_place(struct aep__buf *out, const struct aep__tracked *execution)
{
    const int64_t numbers[] = {execution->parent_known, sort_at(execution), begun_at(execution)};
    add_value(out, execution->tenant_id);
    add_value(out, execution->correlation_id);
    add_value(out, execution->agent_name);
    add_value(out, execution->session_id);
    add_value(out, execution->parent_named);
    add_value(out, execution->parent_id);
    aep__buf_add(out, numbers, sizeof numbers);
}

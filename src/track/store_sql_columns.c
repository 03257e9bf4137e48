/* SPDX-License-Identifier: Apache-2.0 */
/* A row of executions has a column for each of aep__tracked_members, and some that are made from them,
 * for the indexes:
 *
 *     origins, flags   what the fold has to remember
 *     sort_at          started_at, or last_event_at as long as that is not known: newest first
 *     begun_at         the time of its started event; NULL: it is provisional
 *     silent_at        the first instant at which its silence matters */
#include "track/store_sql.h"

#include <string.h>

static const enum aep__sql_type member_types[] = {
    [AEP__MEMBER_TEXT] = AEP__SQL_TEXT,    [AEP__MEMBER_TIME] = AEP__SQL_INTEGER,
    [AEP__MEMBER_REAL] = AEP__SQL_REAL,    [AEP__MEMBER_COUNT] = AEP__SQL_INTEGER,
    [AEP__MEMBER_FLAG] = AEP__SQL_INTEGER,
};

static const struct {
    const char *name;
    enum aep__sql_type type;
} made_columns[AEP__MADE_COUNT] = {
    [AEP__MADE_ORIGINS] = {"origins", AEP__SQL_BYTES},
    [AEP__MADE_FLAGS] = {"flags", AEP__SQL_INTEGER},
    [AEP__MADE_SORT_AT] = {"sort_at", AEP__SQL_INTEGER},
    [AEP__MADE_BEGUN_AT] = {"begun_at", AEP__SQL_INTEGER},
    [AEP__MADE_SILENT_AT] = {"silent_at", AEP__SQL_INTEGER},
};

const char *aep__sql_column_name(size_t i)
{
    return i < AEP__TRACKED_MEMBER_COUNT ? aep__tracked_members[i].name
                                         : made_columns[i - AEP__TRACKED_MEMBER_COUNT].name;
}

enum aep__sql_type aep__sql_column_type(size_t i)
{
    return i < AEP__TRACKED_MEMBER_COUNT ? member_types[aep__tracked_members[i].type]
                                         : made_columns[i - AEP__TRACKED_MEMBER_COUNT].type;
}

/* Which columns some index depends on, and what changes them: SQLite rewrites an index entry whenever
 * a statement sets one of its columns, changed or not. */
static const struct {
    const char *name;
    enum aep__group group;
} indexed[] = {
    {"stalls_at", AEP__GROUP_SILENCE},
    {"abandons_at", AEP__GROUP_SILENCE},
    {"silent_at", AEP__GROUP_SILENCE},
    {"waiting", AEP__GROUP_SILENCE},
    {"waiting_since", AEP__GROUP_SILENCE},
    {"last_event_at", AEP__GROUP_SILENCE},
    {"outcome", AEP__GROUP_OUTCOME},
    {"ended_at", AEP__GROUP_OUTCOME},
    {"pinned", AEP__GROUP_OUTCOME},
    {"emptied_at", AEP__GROUP_OUTCOME},
    {"id", AEP__GROUP_PLACE},
    {"tenant_id", AEP__GROUP_PLACE},
    {"correlation_id", AEP__GROUP_PLACE},
    {"agent_name", AEP__GROUP_PLACE},
    {"session_id", AEP__GROUP_PLACE},
    {"parent_named", AEP__GROUP_PLACE},
    {"parent_id", AEP__GROUP_PLACE},
    {"parent_known", AEP__GROUP_PLACE},
    {"sort_at", AEP__GROUP_PLACE},
    {"begun_at", AEP__GROUP_PLACE},
};

/* AEP__GROUP_COUNT: of none. */
static enum aep__group group_of(const char *name)
{
    for (size_t i = 0; i < sizeof indexed / sizeof *indexed; i++)
        if (strcmp(indexed[i].name, name) == 0)
            return indexed[i].group;
    return AEP__GROUP_COUNT;
}

void aep__sql_columns(struct aep__buf *out)
{
    aep__buf_text(out, "key");
    for (size_t i = 0; i < AEP__TRACKED_MEMBER_COUNT + AEP__MADE_SELECTED; i++)
        aep__buf_format(out, ", %s", aep__sql_column_name(i));
}

void aep__sql_insert(struct aep__buf *out)
{
    aep__buf_text(out, "INSERT INTO executions (");
    for (size_t i = 0; i < AEP__COLUMN_COUNT; i++)
        aep__buf_format(out, "%s, ", aep__sql_column_name(i));
    aep__buf_text(out, "key) VALUES (");
    for (size_t i = 0; i <= AEP__COLUMN_COUNT; i++)
        aep__buf_format(out, "%s?%zu", i ? ", " : "", i + 1);
    aep__buf_byte(out, ')');
}

void aep__sql_update(struct aep__buf *out, unsigned groups)
{
    const char *separator = "UPDATE executions SET ";
    for (size_t i = 0; i < AEP__COLUMN_COUNT; i++) {
        enum aep__group group = group_of(aep__sql_column_name(i));
        if (group != AEP__GROUP_COUNT && !(groups & 1U << group))
            continue;
        aep__buf_format(out, "%s%s = ?%zu", separator, aep__sql_column_name(i), i + 1);
        separator = ", ";
    }
    aep__buf_format(out, " WHERE key = ?%zu", AEP__COLUMN_COUNT + 1);
}

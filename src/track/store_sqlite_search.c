/* SPDX-License-Identifier: Apache-2.0 */
/* The search for a text, without case, as an SQL function. */
#include "track/store_sqlite.h"

#include "base/error.h"
#include "track/contains.h"

#include <stdlib.h>

/* aep_contains(what, text…): whether one of the texts holds it, without case. */
static void contains(sqlite3_context *context, int count, sqlite3_value **values)
{
    const char *what = (const char *)sqlite3_value_text(values[0]);
    int found = 0;
    for (int i = 1; what && !found && i < count; i++) {
        const char *text = (const char *)sqlite3_value_text(values[i]);
        found = text && aep__contains(sqlite3_user_data(context), text, what);
    }
    sqlite3_result_int(context, found);
}

static void free_contains(void *user)
{
    aep__contains_done(user);
    free(user);
}

int aep__sqlite_add_search(struct aep__sqlite *sqlite, aep_error *err)
{
    struct aep__contains *memory = calloc(1, sizeof *memory);
    if (!memory)
        return aep__error_memory(err);
    aep__contains_init(memory);
    int rc = sqlite3_create_function_v2(sqlite->db, "aep_contains", -1,
                                        SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
                                        memory, contains, NULL, NULL, free_contains);
    return rc == SQLITE_OK ? AEP_OK : aep__sqlite_error(sqlite, err);
}

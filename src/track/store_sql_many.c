/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of many keys by one statement: where the database is another machine's, each question is a way
 * there and back. */
#include "track/store_sql.h"

#include "base/error.h"

#include <stdlib.h>

struct aep__many *aep__many_new(aep_error *err)
{
    struct aep__many *many = calloc(1, sizeof *many);
    if (!many)
        aep__error_memory(err);
    for (unsigned i = 0; many && i < AEP__MANY_MAX; i++)
        aep__tracked_init(&many->rows[i]);
    return many;
}

void aep__many_free(struct aep__many *many)
{
    for (unsigned i = 0; many && i < AEP__MANY_MAX; i++)
        aep__tracked_done(&many->rows[i]);
    free(many);
}

bool aep__many_add(struct aep__many *many, int64_t key)
{
    many->keys[many->count++] = key;
    return many->count < AEP__MANY_MAX;
}

static int read_all(struct aep__sql *base, struct aep__statement *statement, struct aep__many *many,
                    aep_error *err)
{
    int found, result = AEP_OK;
    while (result == AEP_OK && (found = aep__sql_step(statement, err)) != 0) {
        result = found < 0 ? err->code
                           : aep__sql_read_row(base, statement, &many->rows[many->found], err);
        if (result == AEP_OK)
            many->found_keys[many->found++] = aep__sql_int(statement, 0);
    }
    return result;
}

int aep__many_read(struct aep__many *many, struct aep__sql *base, aep_error *err)
{
    many->found = 0;
    if (many->count == 0)
        return AEP_OK;
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_BY_KEYS, err);
    if (!statement)
        return err->code;
    for (unsigned i = 0; i < AEP__MANY_MAX; i++)
        if (i < many->count)
            aep__sql_bind_int(statement, (int)i + 1, many->keys[i]);
        else
            aep__sql_bind_null(statement, (int)i + 1);
    int result = read_all(base, statement, many, err);
    aep__sql_give(base, AEP__SQL_BY_KEYS, statement);
    many->count = 0;
    return result;
}

const struct aep__tracked *aep__many_find(const struct aep__many *many, int64_t key)
{
    for (unsigned i = 0; i < many->found; i++)
        if (many->found_keys[i] == key)
            return &many->rows[i];
    return NULL;
}

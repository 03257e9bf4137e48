/* SPDX-License-Identifier: Apache-2.0 */
#include "track/store.h"

#include "base/error.h"
#include "track/store_kinds.h"

#include <string.h>

/* What a store's place begins with says which kind it is; the last row takes the rest. */
static const struct {
    const char *prefix;
    int (*open)(struct aep__store **ret, const char *where, bool write, aep_error *err);
    int (*name)(const char *where, struct aep__buf *out, aep_error *err); /* NULL: a path */
    bool (*locked)(const char *where, struct aep__buf *out); /* NULL: cannot be known */
} kinds[] = {
    {"postgresql://", aep__store_postgres_open, aep__store_postgres_name, NULL},
    {"postgres://", aep__store_postgres_open, aep__store_postgres_name, NULL},
    {"", aep__store_sqlite_open, NULL, aep__store_sqlite_locked},
};

static size_t kind_of(const char *where)
{
    size_t i = 0;
    while (strncmp(where, kinds[i].prefix, strlen(kinds[i].prefix)) != 0)
        i++;
    return i;
}

int aep__store_open(struct aep__store **ret, const char *where, bool write, aep_error *err)
{
    return kinds[kind_of(where)].open(ret, where, write, err);
}

bool aep__store_is_remote(const char *where)
{
    return kinds[kind_of(where)].name != NULL;
}

bool aep__store_locked(const char *where, struct aep__buf *out)
{
    size_t kind = kind_of(where);
    return kinds[kind].locked && kinds[kind].locked(where, out);
}

int aep__store_name(const char *where, struct aep__buf *out, aep_error *err)
{
    if (aep__store_is_remote(where))
        return kinds[kind_of(where)].name(where, out, err);
    aep__buf_text(out, where);
    aep__buf_string(out);
    return out->failed ? aep__error_memory(err) : AEP_OK;
}

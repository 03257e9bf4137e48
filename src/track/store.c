/* SPDX-License-Identifier: Apache-2.0 */
#include "track/store.h"

#include "track/store_kinds.h"

#include <string.h>

/* What a store's place begins with says which kind it is; the last row takes the rest. */
static const struct {
    const char *prefix;
    int (*open)(struct aep__store **ret, const char *where, bool write, aep_error *err);
} kinds[] = {
    {"postgresql://", aep__store_postgres_open},
    {"postgres://", aep__store_postgres_open},
    {"", aep__store_sqlite_open},
};

int aep__store_open(struct aep__store **ret, const char *where, bool write, aep_error *err)
{
    size_t i = 0;
    while (strncmp(where, kinds[i].prefix, strlen(kinds[i].prefix)) != 0)
        i++;
    return kinds[i].open(ret, where, write, err);
}

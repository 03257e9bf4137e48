/* SPDX-License-Identifier: Apache-2.0 */
#include "track/store_postgres_library.h"

#include "base/error.h"

#include <dlfcn.h>
#include <stdbool.h>

#define LIBRARY "libpq.so.5"

struct aep__pq aep__pq;

static bool find(void *library, const char *name, void *ret)
{
    void **function = ret; /* as POSIX has it: a pointer to data may be one to a function */
    *function = dlsym(library, name);
    return *function != NULL;
}

int aep__pq_load(aep_error *err)
{
    static bool loaded;
    void *library = loaded ? NULL : dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (loaded)
        return AEP_OK;
    loaded = library != NULL;
#define FIND(name) loaded = loaded && find(library, "PQ" #name, &aep__pq.name);
    AEP__PQ_FUNCTIONS(FIND)
#undef FIND
    return loaded ? AEP_OK
                  : aep__error(err, AEP_EIO, "track.store",
                               "PostgreSQL's client library cannot be loaded: %s: install libpq 14 "
                               "or newer (package libpq5)",
                               dlerror());
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "track/ids.h"

#include "base/error.h"

#include <string.h>

bool aep__ids_keep(void *ids, const char *id)
{
    struct aep__buf *texts = &((struct aep__ids *)ids)->texts;
    aep__buf_add(texts, id, strlen(id) + 1);
    return true;
}

const char *aep__ids_next(const struct aep__ids *ids, const char *id)
{
    const struct aep__buf *texts = &ids->texts;
    const char *next = id ? id + strlen(id) + 1 : texts->data;
    return texts->len > 0 && next < texts->data + texts->len ? next : NULL;
}

int aep__ids_check(const struct aep__ids *ids, aep_error *err)
{
    return ids->texts.failed ? aep__error_memory(err) : AEP_OK;
}

int aep__ids_each(const struct aep__ids *ids, struct aep__store *store, aep__ids_fn fn, void *user,
                  aep_error *err)
{
    int result = aep__ids_check(ids, err);
    for (const char *id = NULL; result == AEP_OK && (id = aep__ids_next(ids, id));) {
        struct aep__tracked execution;
        aep__tracked_init(&execution);
        int found = store->ops->get(store, id, &execution, err);
        result = found < 0 ? err->code : found ? fn(user, &execution, err) : AEP_OK;
        aep__tracked_done(&execution);
    }
    return result;
}

void aep__ids_done(struct aep__ids *ids)
{
    aep__buf_done(&ids->texts);
}

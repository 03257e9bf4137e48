/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/filtering.h"

#include "base/clock.h"
#include "base/error.h"

#include <string.h>

void aep__filtering_fail(struct aep__call *call, const aep_error *err)
{
    aep__reply_error(call, err->code == AEP_EINVAL ? 400 : 503, "%s", err->text);
}

/* What a filter by age matches changes by the second, and so does what has failed of late. */
static int64_t age_of(const struct aep__call *call)
{
    const char *sort = aep__call_text(call, "sort");
    if (sort && strcmp(sort, aep__sort_word(AEP__SORT_ATTENTION)) == 0)
        return aep__clock_wall_us() / 1000000;
    for (unsigned i = 0; i < call->request->query_count; i++)
        if (aep__param_find(call->route, call->request->query[i].name)->kind == AEP__PARAM_TIME)
            return aep__clock_wall_us() / 1000000;
    return 0;
}

struct aep__store *aep__filtering_store(struct aep__call *call, char etag[AEP__ETAG_SIZE])
{
    aep_error err;
    struct aep__store *store = aep__serve_store(call->serve, &err);
    const char *target = aep__buf_string(&call->peer->target);
    if (store && aep__serve_etag(call->serve, store, target, age_of(call), etag, &err) == AEP_OK)
        return store;
    aep__filtering_fail(call, &err);
    return NULL;
}

static int add_word(struct aep__filter *filter, const char *name, const char *value, size_t len,
                    aep_error *err)
{
    struct aep__buf word = {0};
    aep__buf_format(&word, "%s:", name);
    aep__buf_add(&word, value, len);
    const char *text = aep__buf_string(&word);
    int code = word.failed ? aep__error_memory(err)
                           : aep__filter_add(filter, text, aep__clock_wall_us(), err);
    aep__buf_done(&word);
    return code;
}

/* Of words with commas between, each is one. */
static int add_param(struct aep__filter *filter, const struct aep__param *param, const char *value,
                     aep_error *err)
{
    int code = AEP_OK;
    while (code == AEP_OK) {
        size_t len = param->kind == AEP__PARAM_WORDS ? strcspn(value, ",") : strlen(value);
        code = add_word(filter, param->filter, value, len, err);
        value += len;
        if (!*value++)
            break;
    }
    return code;
}

int aep__filtering_read(const struct aep__call *call, struct aep__filter *ret, aep_error *err)
{
    int code = AEP_OK;
    aep__filter_init(ret);
    for (unsigned i = 0; code == AEP_OK && i < call->request->query_count; i++) {
        const struct aep__request_member *member = &call->request->query[i];
        const struct aep__param *param = aep__param_find(call->route, member->name);
        if (param->filter)
            code = add_param(ret, param, member->value, err);
    }
    return code;
}

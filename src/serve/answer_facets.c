/* SPDX-License-Identifier: Apache-2.0 */
/* GET facets: what a filter may name, for completion. */
#include "serve/answer.h"

#include "serve/filtering.h"

#include "base/json.h"

#include <string.h>

struct names {
    struct aep__buf *out;
    int64_t left;
    bool first, more;
};

static bool add_name(void *user, const char *name)
{
    struct names *names = user;
    names->more = names->left == 0;
    if (names->more)
        return false;
    names->left--;
    aep__buf_text(names->out, names->first ? "" : ",");
    names->first = false;
    aep__json_add_string(names->out, name, strlen(name));
    return true;
}

void aep__answer_facets(struct aep__call *call)
{
    static const struct {
        enum aep__facet facet;
        const char *member;
    } facets[] = {{AEP__FACET_AGENT, "\"agents\":["}, {AEP__FACET_TENANT, "],\"tenants\":["}};
    char etag[AEP__ETAG_SIZE];
    struct aep__buf out = {0};
    aep_error err;
    bool more = false;
    int code = AEP_OK;
    struct aep__store *store = aep__filtering_store(call, etag);
    if (!store || aep__reply_unchanged(call, etag))
        return;
    aep__serve_add_head(call->serve, &out);
    for (size_t i = 0; code == AEP_OK && i < sizeof facets / sizeof *facets; i++) {
        struct names names = {&out, aep__call_number(call, "limit"), true, false};
        aep__buf_text(&out, facets[i].member);
        code = store->ops->facets(store, facets[i].facet, add_name, &names, &err);
        more |= names.more;
    }
    aep__buf_format(&out, "],\"more\":%s}\n", more ? "true" : "false");
    if (code == AEP_OK)
        aep__reply_json(call, &out, etag);
    else
        aep__filtering_fail(call, &err);
    aep__buf_done(&out);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* GET executions, counts. */
#include "serve/answer.h"

#include "serve/filtering.h"
#include "serve/inside.h"
#include "serve/reply.h"
#include "serve/wire.h"

#include "base/error.h"

#include <string.h>

#define BYTES_MAX 4194304 /* of a reply: it ends early */

struct rows {
    struct aep__serve *serve;
    struct aep__view view;
    struct aep__buf out;
    unsigned count;
};

static bool add_row(void *user, const struct aep__tracked *execution)
{
    struct rows *rows = user;
    aep__buf_text(&rows->out, rows->count++ ? ",\n" : "\n");
    aep__row_add(&rows->out, &rows->serve->fields, execution, &rows->view);
    return rows->out.len < BYTES_MAX && !rows->out.failed;
}

static bool is_true(const struct aep__call *call, const char *name)
{
    return strcmp(aep__call_text(call, name), "true") == 0;
}

static int list(struct aep__call *call, struct aep__store *store, struct rows *rows, aep_error *err)
{
    struct aep__filter filter;
    struct aep__buf next = {0};
    struct aep__query query = {.filter = &filter,
                               .clock_us = rows->view.clock_us,
                               .limit = (unsigned)aep__call_number(call, "limit"),
                               .reverse = is_true(call, "reverse"),
                               .look_most = AEP__LOOK_MOST,
                               .cursor = aep__call_text(call, "cursor"),
                               .next = &next};
    int code = aep__filtering_read(call, &filter, err);
    if (code == AEP_OK)
        code = aep__sort_find(aep__call_text(call, "sort"), &query.sort, err);
    filter.roots = is_true(call, "roots");
    aep__serve_add_head(rows->serve, &rows->out);
    aep__buf_text(&rows->out, "\"executions\":[");
    if (code == AEP_OK)
        code = store->ops->list(store, &query, add_row, rows, err);
    aep__buf_text(&rows->out, "\n],\"next_cursor\":");
    aep__wire_add_text(&rows->out, next.len > 0 ? aep__buf_string(&next) : NULL);
    aep__buf_text(&rows->out, "}\n");
    aep__filter_done(&filter);
    aep__buf_done(&next);
    return code;
}

void aep__answer_list(struct aep__call *call)
{
    char etag[AEP__ETAG_SIZE];
    aep_error err;
    struct aep__store *store = aep__filtering_store(call, etag);
    if (!store || aep__reply_unchanged(call, etag))
        return;
    struct rows rows = {.serve = call->serve, .view = aep__serve_view(call->serve)};
    int code = list(call, store, &rows, &err);
    if (code == AEP_OK)
        aep__reply_json(call, &rows.out, etag);
    else
        aep__filtering_fail(call, &err);
    aep__buf_done(&rows.out);
}

static bool has_filter(const struct aep__call *call)
{
    for (unsigned i = 0; i < call->request->query_count; i++)
        if (aep__param_find(call->route, call->request->query[i].name)->filter)
            return true;
    return is_true(call, "roots");
}

static int total(struct aep__call *call, struct aep__store *store, struct aep__buf *out,
                 aep_error *err)
{
    struct aep__filter filter;
    struct aep__totals totals;
    struct aep__query query = {.filter = &filter,
                               .clock_us = aep__serve_view(call->serve).clock_us,
                               .look_most = AEP__LOOK_MOST};
    int code = aep__filtering_read(call, &filter, err);
    filter.roots = is_true(call, "roots");
    if (code == AEP_OK)
        code = store->ops->totals(store, &query, &totals, err);
    if (code == AEP_OK)
        aep__states_add_counts(out, totals.counts, totals.at_least);
    aep__buf_text(out, ",\"needs_you\":null");
    aep__filter_done(&filter);
    return code;
}

void aep__answer_counts(struct aep__call *call)
{
    char etag[AEP__ETAG_SIZE];
    struct aep__buf out = {0};
    aep_error err;
    struct aep__store *store = aep__filtering_store(call, etag);
    if (!store || aep__reply_unchanged(call, etag))
        return;
    aep__serve_add_head(call->serve, &out);
    int code = has_filter(call) ? total(call, store, &out, &err)
                                : aep__states_add(&out, call->serve, store, &err);
    aep__buf_text(&out, "}\n");
    if (code == AEP_OK)
        aep__reply_json(call, &out, etag);
    else
        aep__filtering_fail(call, &err);
    aep__buf_done(&out);
}

void aep__answer_stream(struct aep__call *call)
{
    struct aep__filter filter;
    aep_error err;
    if (call->serve->feed.count >= AEP__STREAMS_MAX) {
        aep__reply_error(call, 503, "there are %u streams already", call->serve->feed.count);
        return;
    }
    struct aep__stream *stream = NULL;
    if (aep__filtering_read(call, &filter, &err) == AEP_OK)
        stream = aep__stream_begin(call, &filter, &err);
    if (stream)
        aep__feed_take(&call->serve->feed, stream, aep__call_header(call, "Last-Event-ID"));
    else if (!call->replied)
        aep__filtering_fail(call, &err);
    aep__filter_done(&filter);
}

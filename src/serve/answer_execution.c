/* SPDX-License-Identifier: Apache-2.0 */
/* GET executions/{id}, its events, its tree. */
#include "serve/answer.h"

#include "serve/filtering.h"
#include "serve/wire.h"

#include "base/error.h"
#include "base/id.h"
#include "config/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX 4194304 /* of a reply: it ends early */
#define TREE_MAX 1000     /* rows */

/* The store, and the execution in *ret, to be freed also after an error; NULL: it has been replied. */
static struct aep__store *find(struct aep__call *call, struct aep__tracked *ret,
                               char etag[AEP__ETAG_SIZE])
{
    aep_error err;
    char quoted[AEP__QUOTE_SIZE];
    aep__tracked_init(ret);
    struct aep__store *store = aep__filtering_store(call, etag);
    int found = store ? store->ops->get(store, call->given, ret, &err) : 0;
    if (store && found < 0)
        aep__filtering_fail(call, &err);
    else if (store && found == 0)
        aep__reply_error(call, 404, "no execution has the id %s", aep__quote(call->given, quoted));
    else if (store && !aep__reply_unchanged(call, etag))
        return store;
    return NULL;
}

static void finish(struct aep__call *call, int code, struct aep__buf *out, const char *etag,
                   const aep_error *err)
{
    if (code == AEP_OK)
        aep__reply_json(call, out, etag);
    else if (!call->replied)
        aep__filtering_fail(call, err);
    aep__buf_done(out);
}

/* ---- whole ---------------------------------------------------------------------------------- */

static void set_whole(char **text, struct aep__slice whole, bool *failed)
{
    char *copy = whole.data && *text ? strndup(whole.data, whole.len) : NULL;
    *failed |= whole.data && *text && !copy;
    if (!copy)
        return;
    free(*text);
    *text = copy;
}

/* A row has texts cut; the events that they come from have them whole. */
static int make_whole(struct aep__serve *serve, struct aep__store *store,
                      struct aep__tracked *execution, enum aep__origin origin,
                      struct aep__buf *body, aep_error *err)
{
    struct aep__stored_event event;
    struct aep__observation seen;
    char id[AEP_ID_SIZE];
    if (!aep__order_known(&execution->origins[origin]))
        return AEP_OK;
    aep__id_format(execution->origins[origin].id, id);
    int found = store->ops->find_event(store, id, &event, err);
    if (found < 0)
        return err->code;
    if (found == 0 || !event.body.data ||
        aep__observe(&serve->feed.observer, event.body, &seen) != AEP__REJECTED_NOT)
        return AEP_OK;
    bool failed = false;
    if (origin == AEP__ORIGIN_STARTED)
        set_whole(&execution->user_request, seen.user_request, &failed);
    if (origin == AEP__ORIGIN_STEP)
        set_whole(&execution->current_step, seen.current_step, &failed);
    if (origin == AEP__ORIGIN_END) {
        set_whole(&execution->result_summary, seen.result_summary, &failed);
        set_whole(&execution->error_message, seen.error_message, &failed);
        set_whole(&execution->error_type, seen.error_type, &failed);
        aep__wire_add_event(body, &event);
    }
    return failed ? aep__error_memory(err) : AEP_OK;
}

void aep__answer_execution(struct aep__call *call)
{
    static const enum aep__origin origins[] = {AEP__ORIGIN_STARTED, AEP__ORIGIN_STEP,
                                               AEP__ORIGIN_END};
    struct aep__tracked execution;
    struct aep__buf out = {0}, end = {0};
    char etag[AEP__ETAG_SIZE];
    aep_error err;
    int code = AEP_OK;
    struct aep__store *store = find(call, &execution, etag);
    struct aep__view view = aep__serve_view(call->serve);
    for (size_t i = 0; store && code == AEP_OK && i < sizeof origins / sizeof *origins; i++)
        code = make_whole(call->serve, store, &execution, origins[i], &end, &err);
    if (store && code == AEP_OK) {
        aep__serve_add_head(call->serve, &out);
        aep__buf_text(&out, "\"execution\":");
        aep__row_add(&out, &call->serve->fields, &execution, &view);
        aep__buf_text(&out, ",\"expect_within_ms\":");
        if (execution.patience_us > 0)
            aep__buf_format(&out, "%" PRId64, execution.patience_us / 1000);
        else
            aep__buf_text(&out, "null");
        aep__buf_format(&out, ",\"end\":%s", end.len ? "" : "null");
        aep__buf_add(&out, end.data, end.len);
        aep__buf_text(&out, "}\n");
    }
    if (store)
        finish(call, code, &out, etag, &err);
    aep__buf_done(&end);
    aep__tracked_done(&execution);
}

/* ---- events --------------------------------------------------------------------------------- */

struct events {
    struct aep__order after;
    struct aep__buf out;
    unsigned left, count;
    char last[AEP_ID_SIZE];
    bool more;
};

static bool add_event(void *user, const struct aep__stored_event *event)
{
    struct events *events = user;
    if (!aep__order_before(&events->after, &event->order))
        return true;
    events->more = events->left == 0 || events->out.len > BYTES_MAX;
    if (events->more)
        return false;
    events->left--;
    aep__buf_text(&events->out, events->count++ ? ",\n" : "\n");
    aep__wire_add_event(&events->out, event);
    aep__id_format(event->order.id, events->last);
    return true;
}

/* Where the event with that id stands. */
static int find_after(struct aep__call *call, struct aep__store *store, struct aep__order *ret,
                      aep_error *err)
{
    const char *after = aep__call_text(call, "after");
    struct aep__stored_event event;
    char quoted[AEP__QUOTE_SIZE];
    *ret = AEP__ORDER_NONE;
    if (!after)
        return AEP_OK;
    int found = store->ops->find_event(store, after, &event, err);
    if (found < 0)
        return err->code;
    if (found == 0 || strcmp(event.execution_id, call->given) != 0)
        return aep__error(err, AEP_EINVAL, "after", "after: the execution has no event %s",
                          aep__quote(after, quoted));
    *ret = event.order;
    return AEP_OK;
}

void aep__answer_events(struct aep__call *call)
{
    struct events events = {0};
    struct aep__tracked execution;
    char etag[AEP__ETAG_SIZE];
    aep_error err;
    struct aep__store *store = find(call, &execution, etag);
    if (store) {
        events.left = (unsigned)aep__call_number(call, "limit");
        aep__serve_add_head(call->serve, &events.out);
        aep__buf_text(&events.out, "\"events\":[");
        int code = find_after(call, store, &events.after, &err);
        if (code == AEP_OK)
            code = store->ops->events(store, execution.id, &events.after, add_event, &events, &err);
        aep__buf_text(&events.out, "\n],\"next_cursor\":");
        aep__wire_add_text(&events.out, events.more ? events.last : NULL);
        aep__buf_text(&events.out, "}\n");
        finish(call, code, &events.out, etag, &err);
    }
    aep__tracked_done(&execution);
}

/* ---- tree ----------------------------------------------------------------------------------- */

struct tree {
    struct aep__serve *serve;
    struct aep__store *store;
    struct aep__view view;
    struct aep__buf out;
    struct {
        char *id;
        int64_t depth;
    } queue[TREE_MAX];
    unsigned count, at;
    int64_t depth, depth_max;
    bool more, failed;
};

static bool queue_id(void *user, const char *id)
{
    struct tree *tree = user;
    tree->more |= tree->count == TREE_MAX;
    if (tree->count == TREE_MAX)
        return false;
    char *copy = strdup(id);
    tree->failed |= !copy;
    if (copy)
        tree->queue[tree->count].depth = tree->depth, tree->queue[tree->count++].id = copy;
    return copy != NULL;
}

static int add_branch(struct tree *tree, const char *id, int64_t depth, aep_error *err)
{
    struct aep__tracked execution;
    aep__tracked_init(&execution);
    int found = tree->store->ops->get(tree->store, id, &execution, err);
    int code = found < 0 ? err->code : AEP_OK;
    if (found > 0) {
        aep__buf_text(&tree->out, tree->at ? ",\n" : "\n");
        aep__row_add(&tree->out, &tree->serve->fields, &execution, &tree->view);
        tree->depth = depth + 1;
        tree->more |= depth == tree->depth_max && execution.children > 0;
        if (depth < tree->depth_max)
            code = tree->store->ops->children(tree->store, id, queue_id, tree, err);
    }
    aep__tracked_done(&execution);
    return code == AEP_OK && tree->failed ? aep__error_memory(err) : code;
}

static void list_tree(struct aep__call *call, struct tree *tree, const char *id, const char *etag)
{
    aep_error err;
    int code = AEP_OK;
    aep__serve_add_head(call->serve, &tree->out);
    aep__buf_text(&tree->out, "\"executions\":[");
    queue_id(tree, id);
    for (; code == AEP_OK && tree->at < tree->count && tree->out.len < BYTES_MAX; tree->at++)
        code = add_branch(tree, tree->queue[tree->at].id, tree->queue[tree->at].depth, &err);
    tree->more |= tree->at < tree->count;
    aep__buf_format(&tree->out, "\n],\"more\":%s}\n", tree->more ? "true" : "false");
    finish(call, code, &tree->out, etag, &err);
    for (unsigned i = 0; i < tree->count; i++)
        free(tree->queue[i].id);
}

void aep__answer_tree(struct aep__call *call)
{
    struct aep__tracked execution;
    char etag[AEP__ETAG_SIZE];
    struct aep__store *store = find(call, &execution, etag);
    struct tree *tree = store ? calloc(1, sizeof *tree) : NULL;
    if (tree) {
        tree->serve = call->serve;
        tree->store = store;
        tree->view = aep__serve_view(call->serve);
        tree->depth_max = aep__call_number(call, "depth");
        list_tree(call, tree, execution.id, etag);
    } else if (store) {
        aep__reply_error(call, 503, "out of memory");
    }
    free(tree);
    aep__tracked_done(&execution);
}

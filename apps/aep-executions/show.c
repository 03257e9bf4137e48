/* SPDX-License-Identifier: Apache-2.0 */
/* aep show: one execution.
 *
 *     ID ─▶ the execution that is meant, or those that may be ─▶ its parts, or JSON ─▶ stdout */

#include "aep/event_tree.h"
#include "aep/out.h"
#include "executions.h"
#include "meant.h"
#include "showing.h"

#include "base/error.h"
#include "base/id.h"

#define OUT_BYTES 65536

bool aep__showing_flush(struct aep__showing *showing)
{
    if (!showing->held && (showing->out.len >= OUT_BYTES || showing->out.failed))
        showing->closed = aep__out_write(&showing->out) != AEP__EXIT_DONE;
    return !showing->closed;
}

/* ---- showing it ----------------------------------------------------------------------------- */

/* The event that an execution has something from; *ret stays NULL if there is none. */
static int load(struct aep__showing *showing, enum aep__origin origin, json_t **ret, aep_error *err)
{
    const struct aep__order *order = &showing->execution.origins[origin];
    struct aep__store *store = showing->reading.store;
    struct aep__stored_event event;
    char id[AEP_ID_SIZE];
    if (!aep__order_known(order))
        return AEP_OK;
    aep__id_format(order->id, id);
    int found = store->ops->find_event(store, id, &event, err);
    if (found > 0 && event.body.data)
        *ret = aep__event_tree(event.body);
    return found < 0 ? err->code : AEP_OK;
}

void aep__showing_done(struct aep__showing *showing)
{
    json_decref(showing->started);
    json_decref(showing->end);
    aep__tracked_done(&showing->execution);
    aep__buf_done(&showing->out);
}

static int show_json(struct aep__showing *showing, bool events, bool tree, aep_error *err)
{
    int code = AEP_OK;
    aep__row_add(&showing->out, &showing->reading.fields, &showing->execution,
                 &showing->reading.view);
    aep__buf_byte(&showing->out, '\n');
    if (tree)
        code = aep__showing_json_tree(showing, err);
    if (code == AEP_OK && events)
        code = aep__showing_json_events(showing, err);
    return code;
}

int aep__showing_parts(struct aep__showing *showing, aep_error *err)
{
    int code = load(showing, AEP__ORIGIN_STARTED, &showing->started, err);
    if (code == AEP_OK)
        code = load(showing, AEP__ORIGIN_END, &showing->end, err);
    if (code != AEP_OK)
        return code;
    aep__showing_header(showing);
    aep__showing_failure(showing);
    code = aep__showing_timeline(showing, false, err);
    if (code == AEP_OK)
        code = aep__showing_tree(showing, false, err);
    if (code == AEP_OK)
        aep__showing_metrics(showing);
    return code;
}

static int show(struct aep__showing *showing, const struct aep__args *args, aep_error *err)
{
    bool events = aep__args_given(args, "events"), tree = aep__args_given(args, "tree");
    int code = AEP_OK;
    if (showing->reading.json)
        return show_json(showing, events, tree, err);
    if (!events && !tree)
        return aep__showing_parts(showing, err);
    if (events)
        code = aep__showing_timeline(showing, true, err);
    if (code == AEP_OK && tree)
        code = aep__showing_tree(showing, true, err);
    return code;
}

static int run(struct aep__showing *showing, const struct aep__args *args, aep_error *err)
{
    int code = aep__reading_open(&showing->reading, args, err);
    if (code != AEP_OK)
        return aep__out_error(err);
    int found =
        aep__meant_find(&showing->reading, args->name, args->operands[0], &showing->execution, err);
    if (found == 0)
        return AEP__EXIT_FAILED;
    code = found > 0 ? show(showing, args, err) : err->code;
    if (!showing->closed)
        showing->closed = aep__out_write(&showing->out) != AEP__EXIT_DONE;
    if (code != AEP_OK)
        return aep__out_error(err);
    return showing->closed ? AEP__EXIT_FAILED : AEP__EXIT_DONE;
}

int aep__executions_show(struct aep__args *args)
{
    struct aep__showing showing = {0};
    aep_error err;
    aep__tracked_init(&showing.execution);
    int status = run(&showing, args, &err);
    aep__reading_close(&showing.reading);
    aep__showing_done(&showing);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* aep show: one execution.
 *
 *     ID ─▶ the execution that is meant, or those that may be ─▶ its parts, or JSON ─▶ stdout */
#include <stdlib.h>
#include <string.h>

#include "aep/out.h"
#include "executions.h"
#include "look.h"
#include "showing.h"

#include "base/ascii.h"
#include "base/error.h"
#include "base/id.h"

#define CANDIDATES 10 /* that are named */
#define OUT_BYTES 65536

bool aep__showing_flush(struct aep__showing *showing)
{
    if (showing->out.len >= OUT_BYTES || showing->out.failed)
        showing->closed = aep__out_write(&showing->out) != AEP__EXIT_DONE;
    return !showing->closed;
}

/* ---- which one ------------------------------------------------------------------------------ */

struct search {
    struct aep__showing *showing;
    const char *text;
    size_t found;      /* by their ids */
    char *whole, *id;  /* the one of that id; the first one by its id */
    char *correlation; /* the root of the first one of that correlation id */
    struct aep__buf candidates;
};

static void keep(char **at, const char *text)
{
    if (!*at && text)
        *at = strdup(text);
}

static void add_candidate(struct search *search, const struct aep__tracked *execution)
{
    struct aep__buf *out = &search->candidates;
    aep__buf_text(out, execution->id);
    aep__buf_byte(out, ' ');
    aep__look_state(out, execution, &search->showing->reading.view, false);
    aep__buf_format(out, " %s %s\n", execution->agent_name ? execution->agent_name : "-",
                    execution->user_request ? execution->user_request : "");
}

static bool take_found(void *user, const struct aep__tracked *execution)
{
    struct search *search = user;
    size_t len = strlen(search->text);
    bool by_id = strncmp(execution->id, search->text, len) == 0;
    if (by_id && !execution->id[len])
        keep(&search->whole, execution->id);
    if (by_id) {
        search->found++;
        keep(&search->id, execution->id);
        add_candidate(search, execution);
    }
    if (execution->correlation_id && strcmp(execution->correlation_id, search->text) == 0)
        keep(&search->correlation, execution->root_id ? execution->root_id : execution->id);
    return true;
}

static bool take_newest(void *user, const struct aep__tracked *execution)
{
    struct search *search = user;
    keep(&search->whole, execution->id);
    return false;
}

static int search_newest(struct search *search, aep_error *err)
{
    struct aep__reading *reading = &search->showing->reading;
    struct aep__filter filter;
    struct aep__query query = {&filter, reading->view.clock_us, 1};
    aep__filter_init(&filter);
    filter.roots = true;
    int code = reading->store->ops->list(reading->store, &query, take_newest, search, err);
    aep__filter_done(&filter);
    return code;
}

/* Ids of events are in lower case; a correlation id may be anything. */
static int search_text(struct search *search, const char *typed, aep_error *err)
{
    struct aep__store *store = search->showing->reading.store;
    struct aep__buf lower = {0};
    for (const char *at = typed; *at; at++)
        aep__buf_byte(&lower, aep__to_lower(*at));
    search->text = typed;
    int code = store->ops->lookup(store, typed, CANDIDATES + 1, take_found, search, err);
    if (code == AEP_OK && !search->id && !search->correlation) {
        search->text = aep__buf_string(&lower);
        code = store->ops->lookup(store, search->text, CANDIDATES + 1, take_found, search, err);
    }
    if (code == AEP_OK && lower.failed)
        code = aep__error_memory(err);
    aep__buf_done(&lower);
    search->text = typed;
    return code;
}

static int say_candidates(struct search *search, const char *typed)
{
    size_t named = 0;
    aep__out_say("show: \"%s\" begins the ids of %s executions:", typed,
                 search->found > CANDIDATES ? "many" : "several");
    aep__buf_string(&search->candidates);
    for (char *line = search->candidates.data; line && *line && named < CANDIDATES; named++) {
        char *end = strchr(line, '\n');
        *end = '\0';
        aep__out_say("  %s", line);
        line = end + 1;
    }
    if (search->found > CANDIDATES)
        aep__out_say("  ... and more: type more of the id");
    return AEP_EINVAL;
}

/* 1: it is in *showing; 0: it has been reported that there is none; -1 an error. */
static int find(struct aep__showing *showing, const char *typed, aep_error *err)
{
    struct search search = {.showing = showing};
    struct aep__store *store = showing->reading.store;
    bool newest = strcmp(typed, "-") == 0;
    int found = 0;
    int code = newest ? search_newest(&search, err) : search_text(&search, typed, err);
    const char *id = search.whole         ? search.whole
                     : search.correlation ? search.correlation
                     : search.found == 1  ? search.id
                                          : NULL;
    if (code == AEP_OK && id)
        found = store->ops->get(store, id, &showing->execution, err);
    if (code != AEP_OK)
        found = -1;
    else if (found == 0 && search.found > 1)
        say_candidates(&search, typed);
    else if (found == 0 && newest)
        aep__out_say("show: there are no executions yet");
    else if (found == 0)
        aep__out_say(
            "show: no execution has an id that begins with \"%s\", or that correlation id; "
            "`aep list --all` lists them",
            typed);
    free(search.whole);
    free(search.id);
    free(search.correlation);
    aep__buf_done(&search.candidates);
    return found;
}

/* ---- showing it ----------------------------------------------------------------------------- */

static int load_end(struct aep__showing *showing, aep_error *err)
{
    const struct aep__order *order = &showing->execution.origins[AEP__ORIGIN_END];
    struct aep__store *store = showing->reading.store;
    struct aep__stored_event event;
    char id[AEP_ID_SIZE];
    if (!aep__order_known(order))
        return AEP_OK;
    aep__id_format(order->id, id);
    int found = store->ops->find_event(store, id, &event, err);
    if (found > 0 && event.body.data) {
        json_t *tree = json_loadb(event.body.data, event.body.len, 0, NULL);
        showing->end = json_incref(json_object_get(tree, "payload"));
        json_decref(tree);
    }
    return found < 0 ? err->code : AEP_OK;
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

static int show_parts(struct aep__showing *showing, aep_error *err)
{
    int code = load_end(showing, err);
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
        return show_parts(showing, err);
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
    int found = find(showing, args->operands[0], err);
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
    aep__tracked_done(&showing.execution);
    json_decref(showing.end);
    aep__reading_close(&showing.reading);
    aep__buf_done(&showing.out);
    return status;
}

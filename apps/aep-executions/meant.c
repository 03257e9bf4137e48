/* SPDX-License-Identifier: Apache-2.0 */
#include "meant.h"

#include <stdlib.h>
#include <string.h>

#include "aep/out.h"
#include "look.h"

#include "base/ascii.h"
#include "base/error.h"

#define CANDIDATES 10 /* that are named */

struct search {
    const struct aep__reading *reading;
    const char *name; /* of the verb, in messages; NULL: nothing is reported */
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
    aep__look_state(out, execution, &search->reading->view, false);
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
    const struct aep__reading *reading = search->reading;
    struct aep__filter filter;
    struct aep__query query = {.filter = &filter, .clock_us = reading->view.clock_us, .limit = 1};
    aep__filter_init(&filter);
    filter.roots = true;
    int code = reading->store->ops->list(reading->store, &query, take_newest, search, err);
    aep__filter_done(&filter);
    return code;
}

/* Ids of events are in lower case; a correlation id may be anything. */
static int search_text(struct search *search, const char *typed, aep_error *err)
{
    struct aep__store *store = search->reading->store;
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
    aep__out_say("%s: \"%s\" begins the ids of %s executions:", search->name, typed,
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

static void say_none(const struct search *search, const char *typed)
{
    if (strcmp(typed, "-") == 0)
        aep__out_say("%s: there are no executions yet", search->name);
    else
        aep__out_say("%s: no execution has an id that begins with \"%s\", or that correlation "
                     "id; `aep list --all` lists them",
                     search->name, typed);
}

int aep__meant_find(const struct aep__reading *reading, const char *name, const char *typed,
                    struct aep__tracked *ret, aep_error *err)
{
    struct search search = {.reading = reading, .name = name};
    bool newest = strcmp(typed, "-") == 0;
    int found = 0, code = AEP_OK;
    if (newest)
        code = search_newest(&search, err);
    else if (*typed) /* else what a script has lost would be whichever is the only one */
        code = search_text(&search, typed, err);
    const char *id = search.whole         ? search.whole
                     : search.correlation ? search.correlation
                     : search.found == 1  ? search.id
                                          : NULL;
    if (code == AEP_OK && id)
        found = reading->store->ops->get(reading->store, id, ret, err);
    if (code != AEP_OK)
        found = -1;
    else if (name && found == 0 && search.found > 1)
        say_candidates(&search, typed);
    else if (name && found == 0)
        say_none(&search, typed);
    free(search.whole);
    free(search.id);
    free(search.correlation);
    aep__buf_done(&search.candidates);
    return found;
}

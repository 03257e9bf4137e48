/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/route.h"

#include "serve/answer.h"

#include "base/ascii.h"
#include "base/error.h"
#include "config/nearest.h"
#include "config/value.h"
#include "track/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATES "completed failed abandoned waiting stalled running"
#define SORTS "started last_event attention state" /* aep__sort_word() */
#define FILTERS                                                                                    \
    {"state", AEP__PARAM_WORDS, "state", "In one of these states.", STATES, 0, 0, NULL},           \
        {"agent", AEP__PARAM_TEXT,                                                                 \
         "agent", "The agent's name; * stands for any characters.",                                \
         NULL,    0,                                                                               \
         0,       NULL},                                                                           \
        {"tenant", AEP__PARAM_TEXT, "tenant", "The tenant's id.", NULL, 0, 0, NULL},               \
        {"session", AEP__PARAM_TEXT, "session", "The session's id.", NULL, 0, 0, NULL},            \
        {"correlation", AEP__PARAM_TEXT, "correlation", "The correlation id.", NULL, 0, 0, NULL},  \
        {"parent", AEP__PARAM_TEXT, "parent", "Started by this execution.", NULL, 0, 0, NULL},     \
        {"since", AEP__PARAM_TIME, "since", "The last event is not older.", NULL, 0, 0, NULL},     \
        {"until", AEP__PARAM_TIME, "until", "The last event is not newer.", NULL, 0, 0, NULL},     \
    {                                                                                              \
        "q", AEP__PARAM_TEXT, "text",                                                              \
            "Is in the request, the agent, the step or the error, in any case. Of several, all "   \
            "must match.",                                                                         \
            NULL, 0, 0, NULL                                                                       \
    }
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }

static const struct aep__param list_params[] = {
    FILTERS,
    {"roots", AEP__PARAM_WORD, NULL,
     "Leaves out executions that a known other one started; children then counts them.",
     "true false", 0, 0, "false"},
    {"sort", AEP__PARAM_WORD, NULL,
     "The newest start first, the newest event first, or what wants attention: what waits for a "
     "person, what is stalled, what failed within the last hour, what runs, the rest; or by state.",
     SORTS, 0, 0, "started"},
    {"reverse", AEP__PARAM_WORD, NULL, "In the opposite order.", "true false", 0, 0, "false"},
    {"limit", AEP__PARAM_INTEGER, NULL, "As many at most; next_cursor goes on from there.", NULL, 1,
     500, "50"},
    {"cursor", AEP__PARAM_TEXT, NULL, "Where to go on: next_cursor of the answer before.", NULL, 0,
     0, NULL},
    END,
};

static const struct aep__param counts_params[] = {
    FILTERS,
    {"roots", AEP__PARAM_WORD, NULL, "Leaves out executions that a known other one started.",
     "true false", 0, 0, "false"},
    END,
};

static const struct aep__param facets_params[] = {
    {"limit", AEP__PARAM_INTEGER, NULL, "As many names of each kind at most.", NULL, 1, 1000,
     "200"},
    END,
};

static const struct aep__param stream_params[] = {
    FILTERS,
    {"execution", AEP__PARAM_TEXT, NULL, "Also sends the new events of this execution.", NULL, 0, 0,
     NULL},
    END,
};

static const struct aep__param events_params[] = {
    {"after", AEP__PARAM_TEXT, NULL, "Begins after the event with this id.", NULL, 0, 0, NULL},
    {"limit", AEP__PARAM_INTEGER, NULL, "As many at most.", NULL, 1, 1000, "200"},
    END,
};

static const struct aep__param tree_params[] = {
    {"depth", AEP__PARAM_INTEGER, NULL, "So many levels below it.", NULL, 0, 100, "10"},
    END,
};

#define JSON "application/json"
#define API "/api/v1/"

const struct aep__route aep__routes[] = {
    {"GET", API "executions", AEP__ACCESS_TOKEN, aep__answer_list, list_params,
     "Lists executions, newest first.", JSON, "Executions"},
    {"GET", API "executions/{id}", AEP__ACCESS_TOKEN, aep__answer_execution, NULL,
     "Shows an execution, its texts whole.", JSON, "Execution"},
    {"GET", API "executions/{id}/events", AEP__ACCESS_TOKEN, aep__answer_events, events_params,
     "Lists the events of an execution, in their order.", JSON, "Events"},
    {"GET", API "executions/{id}/tree", AEP__ACCESS_TOKEN, aep__answer_tree, tree_params,
     "Lists an execution and those that it started, each below its parent.", JSON, "Tree"},
    {"GET", API "counts", AEP__ACCESS_TOKEN, aep__answer_counts, counts_params,
     "Counts executions by state. With a filter, at_least names the states of which there may be "
     "more, and needs_you is null.",
     JSON, "Counts"},
    {"GET", API "facets", AEP__ACCESS_TOKEN, aep__answer_facets, facets_params,
     "Lists the names of agents and tenants, in order.", JSON, "Facets"},
    {"GET", API "stream", AEP__ACCESS_TOKEN, aep__answer_stream, stream_params,
     "Sends what changes, as server-sent events: hello, execution, removed, counts, event, lag, "
     "reset. The schema has a member of each name: what its data is.",
     "text/event-stream", "Stream"},
    {"GET", API "openapi.json", AEP__ACCESS_TOKEN, aep__answer_openapi, NULL,
     "Describes all of this (OpenAPI 3.1).", JSON, NULL},
    {"POST", API "session", AEP__ACCESS_BEARER, aep__answer_session, NULL,
     "Gives a browser a cookie for the token. Takes no body.", JSON, NULL},
    {"GET", "/metrics", AEP__ACCESS_TOKEN, aep__answer_metrics, NULL, "Metrics for Prometheus.",
     "text/plain; version=0.0.4; charset=utf-8", NULL},
    {"GET", "/healthz", AEP__ACCESS_ALL, aep__answer_healthz, NULL, "Whether the process lives.",
     JSON, NULL},
    {"GET", "/readyz", AEP__ACCESS_ALL, aep__answer_readyz, NULL,
     "Whether the store can be read, and is up to date.", JSON, NULL},
    {"GET", "/", AEP__ACCESS_ALL, aep__answer_page, NULL, "The page.", "text/html; charset=utf-8",
     NULL},
    {"GET", "/assets/{hash}/{name}", AEP__ACCESS_ALL, aep__answer_asset, NULL,
     "A file of the page; its address changes with its content.", "application/octet-stream", NULL},
    {.path = NULL},
};

/* ---- finding -------------------------------------------------------------------------------- */

static bool matches(const char *path, const struct aep__request *request, const char **ret_given)
{
    unsigned part = 0;
    *ret_given = NULL;
    while (*path == '/' && part < request->part_count) {
        const char *name = ++path, *given = request->parts[part++];
        size_t len = strcspn(path, "/");
        path += len;
        if (*name == '{')
            *ret_given = given;
        else if (strlen(given) != len || memcmp(given, name, len) != 0)
            return false;
        if (*name == '{' && !*given)
            return false;
    }
    return !*path && part == request->part_count;
}

const struct aep__route *aep__route_find(const struct aep__request *request, const char *method,
                                         const char **ret_given, const char **ret_allowed)
{
    *ret_allowed = NULL;
    for (const struct aep__route *route = aep__routes; route->path; route++) {
        if (!matches(route->path, request, ret_given))
            continue;
        bool head = strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0;
        if (head || strcmp(method, route->method) == 0)
            return route;
        *ret_allowed = strcmp(route->method, "GET") == 0 ? "GET, HEAD" : route->method;
    }
    return NULL;
}

const struct aep__param *aep__param_find(const struct aep__route *route, const char *name)
{
    for (const struct aep__param *param = route->params; param && param->name; param++)
        if (strcmp(param->name, name) == 0)
            return param;
    return NULL;
}

/* ---- checking ------------------------------------------------------------------------------- */

static int refuse_name(const struct aep__route *route, const char *name, aep_error *err)
{
    char quoted[AEP__QUOTE_SIZE], known[256] = "";
    struct aep__nearest nearest = {.wanted = name};
    for (const struct aep__param *param = route->params; param && param->name; param++) {
        size_t len = strlen(known);
        snprintf(known + len, sizeof known - len, "%s%s", len ? ", " : "", param->name);
        aep__nearest_show(&nearest, param->name);
    }
    const char *meant = aep__nearest_get(&nearest);
    return aep__error(err, AEP_EINVAL, "query", "no parameter is named %s%s%s%s; %s%s",
                      aep__quote(name, quoted), meant ? " (did you mean " : "", meant ? meant : "",
                      meant ? "?)" : "", *known ? "known are " : "this address takes none", known);
}

static bool is_word(const char *words, const char *text, size_t len)
{
    for (const char *at = words; *at; at += strcspn(at, " "), at += *at == ' ')
        if (strcspn(at, " ") == len && memcmp(at, text, len) == 0)
            return true;
    return false;
}

static bool are_words(const char *words, const char *text)
{
    for (;;) {
        size_t len = strcspn(text, ",");
        if (!is_word(words, text, len))
            return false;
        if (!text[len])
            return true;
        text += len + 1;
    }
}

static bool is_integer(const struct aep__param *param, const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > 9 || strspn(text, "0123456789") != len)
        return false;
    long number = strtol(text, NULL, 10);
    return number >= param->min && number <= param->max;
}

static int refuse_value(const struct aep__param *param, const char *value, aep_error *err)
{
    char quoted[AEP__QUOTE_SIZE];
    aep__quote(value, quoted);
    if (param->kind == AEP__PARAM_INTEGER)
        return aep__error(err, AEP_EINVAL, param->name, "%s is %s, not a number from %lld to %lld",
                          param->name, quoted, (long long)param->min, (long long)param->max);
    if (param->words)
        return aep__error(err, AEP_EINVAL, param->name, "%s is %s, not %s: %s", param->name, quoted,
                          param->kind == AEP__PARAM_WORD ? "one of these" : "of these",
                          param->words);
    return aep__error(err, AEP_EINVAL, param->name, "%s is empty", param->name);
}

/* A filter's words are checked by the filter itself. */
static int check_filter(const struct aep__param *param, const char *value, aep_error *err)
{
    struct aep__filter filter;
    struct aep__buf word = {0};
    aep__filter_init(&filter);
    aep__buf_format(&word, "%s:%s", param->filter, value);
    int code = aep__filter_add(&filter, aep__buf_string(&word), 0, err);
    aep__filter_done(&filter);
    aep__buf_done(&word);
    return code;
}

static int check_value(const struct aep__param *param, const char *value, aep_error *err)
{
    bool fits = *value != '\0';
    if (param->kind == AEP__PARAM_INTEGER)
        fits = is_integer(param, value);
    else if (param->kind == AEP__PARAM_WORD)
        fits = is_word(param->words, value, strlen(value));
    else if (param->kind == AEP__PARAM_WORDS)
        fits = are_words(param->words, value);
    if (!fits)
        return refuse_value(param, value, err);
    return param->filter && param->kind != AEP__PARAM_WORDS ? check_filter(param, value, err)
                                                            : AEP_OK;
}

static bool is_repeated(const struct aep__request *request, unsigned at)
{
    for (unsigned i = 0; i < at; i++)
        if (strcmp(request->query[i].name, request->query[at].name) == 0)
            return true;
    return false;
}

int aep__route_check(const struct aep__route *route, const struct aep__request *request,
                     aep_error *err)
{
    for (unsigned i = 0; i < request->query_count; i++) {
        const struct aep__request_member *member = &request->query[i];
        const struct aep__param *param = aep__param_find(route, member->name);
        if (!param)
            return refuse_name(route, member->name, err);
        if (!param->filter && is_repeated(request, i))
            return aep__error(err, AEP_EINVAL, param->name, "%s is given twice", param->name);
        int code = check_value(param, member->value, err);
        if (code != AEP_OK)
            return code;
    }
    return AEP_OK;
}

/* ---- values --------------------------------------------------------------------------------- */

const char *aep__route_text(const struct aep__route *route, const struct aep__request *request,
                            const char *name)
{
    for (unsigned i = 0; i < request->query_count; i++)
        if (strcmp(request->query[i].name, name) == 0)
            return request->query[i].value;
    const struct aep__param *param = aep__param_find(route, name);
    return param ? param->fallback : NULL;
}

int64_t aep__route_number(const struct aep__route *route, const struct aep__request *request,
                          const char *name)
{
    const char *text = aep__route_text(route, request, name);
    return text ? strtoll(text, NULL, 10) : 0;
}

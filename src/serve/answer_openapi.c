/* SPDX-License-Identifier: Apache-2.0 */
/* GET openapi.json: the table of routes and the table of a row's members, in OpenAPI's words. */
#include "serve/answer.h"

#include "serve/inside.h"
#include "serve/reply.h"

#include "base/json.h"
#include "track/filter.h"

#include <stdio.h>
#include <string.h>

static void add_text(struct aep__buf *out, const char *text)
{
    aep__json_add_string(out, text, strlen(text));
}

/* ---- parameters ----------------------------------------------------------------------------- */

static void add_words(struct aep__buf *out, const char *words)
{
    aep__buf_text(out, "{\"type\":\"string\",\"enum\":[");
    for (const char *at = words; *at;) {
        size_t len = strcspn(at, " ");
        aep__buf_text(out, at == words ? "" : ",");
        aep__json_add_string(out, at, len);
        at += len + (at[len] == ' ');
    }
    aep__buf_text(out, "]");
}

static void add_default(struct aep__buf *out, const struct aep__param *param, bool quoted)
{
    if (!param->fallback)
        return;
    aep__buf_text(out, ",\"default\":");
    if (quoted)
        add_text(out, param->fallback);
    else
        aep__buf_text(out, param->fallback);
}

static void add_schema(struct aep__buf *out, const struct aep__param *param)
{
    switch (param->kind) {
    case AEP__PARAM_INTEGER:
        aep__buf_format(out, "{\"type\":\"integer\",\"minimum\":%lld,\"maximum\":%lld",
                        (long long)param->min, (long long)param->max);
        add_default(out, param, false);
        break;
    case AEP__PARAM_WORD:
        add_words(out, param->words);
        add_default(out, param, true);
        break;
    case AEP__PARAM_WORDS:
        aep__buf_text(out, "{\"type\":\"array\",\"items\":");
        add_words(out, param->words);
        aep__buf_byte(out, '}');
        break;
    case AEP__PARAM_TIME:
        aep__buf_text(out, "{\"type\":\"string\",\"examples\":[\"1h\",\"2025-11-13\","
                           "\"2025-11-13T14:30:00Z\"]");
        break;
    case AEP__PARAM_TEXT:
        if (param->filter)
            aep__buf_format(out,
                            "{\"type\":\"array\",\"maxItems\":%d,\"items\":", AEP__FILTER_VALUES);
        aep__buf_text(out, "{\"type\":\"string\",\"minLength\":1");
        aep__buf_text(out, param->filter ? "}" : "");
        break;
    }
    aep__buf_byte(out, '}');
}

static void add_param(struct aep__buf *out, const struct aep__param *param, const char *before)
{
    aep__buf_format(out, "%s{\"name\":\"%s\",\"in\":\"query\",\"description\":", before,
                    param->name);
    add_text(out, param->text);
    if (param->kind == AEP__PARAM_WORDS)
        aep__buf_text(out, ",\"style\":\"form\",\"explode\":false");
    if (param->kind == AEP__PARAM_TEXT && param->filter) /* of several, each is given by itself */
        aep__buf_text(out, ",\"style\":\"form\",\"explode\":true");
    aep__buf_text(out, ",\"schema\":");
    add_schema(out, param);
    aep__buf_byte(out, '}');
}

static void add_params(struct aep__buf *out, const struct aep__route *route)
{
    const char *before = "";
    aep__buf_text(out, ",\"parameters\":[");
    for (const char *at = route->path; (at = strchr(at, '{')); before = ",") {
        size_t len = strcspn(++at, "}");
        aep__buf_format(out,
                        "%s{\"name\":\"%.*s\",\"in\":\"path\",\"required\":true,"
                        "\"schema\":{\"type\":\"string\"}}",
                        before, (int)len, at);
    }
    for (const struct aep__param *param = route->params; param && param->name; param++) {
        add_param(out, param, before);
        before = ",";
    }
    aep__buf_byte(out, ']');
}

/* ---- routes --------------------------------------------------------------------------------- */

static void add_replies(struct aep__buf *out, const struct aep__route *route)
{
    aep__buf_text(out, ",\"responses\":{\"200\":{\"description\":\"As asked for.\",\"content\":{");
    add_text(out, route->type);
    aep__buf_text(out, ":{\"schema\":");
    if (route->schema)
        aep__buf_format(out, "{\"$ref\":\"#/components/schemas/%s\"}", route->schema);
    else
        aep__buf_text(out, "{}");
    aep__buf_text(out, "}}},\"default\":{\"description\":\"Refused, and why.\",\"content\":{"
                       "\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Error\"}"
                       "}}}}");
}

static void add_route(struct aep__buf *out, const struct aep__route *route, bool first)
{
    char method[8] = "get";
    if (strcmp(route->method, "POST") == 0)
        strcpy(method, "post");
    aep__buf_text(out, first ? "\n" : ",\n");
    add_text(out, route->path);
    aep__buf_format(out, ":{\"%s\":{\"summary\":", method);
    add_text(out, route->summary);
    aep__buf_text(out, route->access == AEP__ACCESS_ALL      ? ",\"security\":[]"
                       : route->access == AEP__ACCESS_BEARER ? ",\"security\":[{\"bearer\":[]}]"
                                                             : "");
    add_params(out, route);
    add_replies(out, route);
    aep__buf_text(out, "}}");
}

/* ---- schemas -------------------------------------------------------------------------------- */

#define TYPE(type) "{\"type\":\"" type "\"}"
#define OR_NULL(type) "{\"type\":[\"" type "\",\"null\"]}"
#define TIME_OR_NULL "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"
#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define LIST_OF(schema) "{\"type\":\"array\",\"items\":" schema "}"
#define MEMBERS_MAX 8

#define HEAD                                                                                       \
    {"as_of", TIME_OR_NULL},                                                                       \
    {                                                                                              \
        "lag_ms", OR_NULL("integer")                                                               \
    }
#define CURSOR                                                                                     \
    {                                                                                              \
        "next_cursor", OR_NULL("string")                                                           \
    }
#define ROWS                                                                                       \
    {                                                                                              \
        "executions", LIST_OF(REF("Row"))                                                          \
    }
#define STATES                                                                                     \
    {"states", "{\"type\":\"object\",\"additionalProperties\":" TYPE("integer") "}"},              \
        {"at_least", LIST_OF(TYPE("string"))},                                                     \
    {                                                                                              \
        "needs_you", OR_NULL("integer")                                                            \
    }

static const struct {
    const char *name;
    bool some; /* it has some of its members, not all */
    struct {
        const char *name, *schema;
    } members[MEMBERS_MAX];
} schemas[] = {
    {"Executions", false, {HEAD, ROWS, CURSOR}},
    {"Execution",
     false,
     {HEAD,
      {"execution", REF("Row")},
      {"expect_within_ms", OR_NULL("integer")},
      {"end", "{\"oneOf\":[" TYPE("null") "," REF("Event") "]}"}}},
    {"Events", false, {HEAD, {"events", LIST_OF(REF("Event"))}, CURSOR}},
    {"Tree", false, {HEAD, ROWS, {"more", TYPE("boolean")}}},
    {"Counts", false, {HEAD, STATES}},
    {"Facets",
     false,
     {HEAD,
      {"agents", LIST_OF(TYPE("string"))},
      {"tenants", LIST_OF(TYPE("string"))},
      {"more", TYPE("boolean")}}},
    {"Event", false, {{"delivery", TYPE("string")}, {"event", OR_NULL("object")}}},
    {"Error", false, {{"error", REF("Refusal")}}},
    {"Refusal", false, {{"status", TYPE("integer")}, {"message", TYPE("string")}}},
    {"Stream",
     true,
     {{"hello", REF("Hello")},
      {"execution", REF("Row")},
      {"removed", REF("Removed")},
      {"counts", REF("Counts")},
      {"event", REF("StreamEvent")},
      {"lag", REF("Lag")},
      {"reset", REF("Reset")}}},
    {"Hello", true, {HEAD, {"version", TYPE("string")}, {"number", TYPE("integer")}, STATES}},
    {"Removed", false, {{"id", TYPE("string")}}},
    {"StreamEvent",
     false,
     {{"execution_id", TYPE("string")}, {"delivery", TYPE("string")}, {"event", TYPE("object")}}},
    {"Lag", false, {HEAD, {"behind", TYPE("boolean")}, {"problem", OR_NULL("string")}}},
    {"Reset", false, {HEAD, {"number", TYPE("integer")}}},
};

static void add_object(struct aep__buf *out, size_t i)
{
    aep__buf_text(out, "{\"type\":\"object\",\"properties\":{");
    for (size_t at = 0; at < MEMBERS_MAX && schemas[i].members[at].name; at++)
        aep__buf_format(out, "%s\"%s\":%s", at ? "," : "", schemas[i].members[at].name,
                        schemas[i].members[at].schema);
    aep__buf_text(out, "}");
    for (size_t at = 0; !schemas[i].some && at < MEMBERS_MAX && schemas[i].members[at].name; at++)
        aep__buf_format(out, "%s\"%s\"", at ? "," : ",\"required\":[", schemas[i].members[at].name);
    aep__buf_text(out, schemas[i].some ? "}" : "]}");
}

static void add_schemas(struct aep__buf *out)
{
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        aep__buf_format(out, "\n\"%s\":", schemas[i].name);
        add_object(out, i);
        aep__buf_byte(out, ',');
    }
    aep__buf_text(out, "\n\"Row\":");
    aep__row_fields_schema(out);
}

void aep__answer_openapi(struct aep__call *call)
{
    struct aep__buf out = {0};
    aep__buf_format(&out,
                    "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"aep\",\"version\":\"%s\"},"
                    "\"security\":[{\"bearer\":[]},{\"cookie\":[]}],\"paths\":{",
                    AEP_VERSION);
    for (const struct aep__route *route = aep__routes; route->path; route++)
        add_route(&out, route, route == aep__routes);
    aep__buf_text(&out, "},\n\"components\":{\"schemas\":{");
    add_schemas(&out);
    aep__buf_format(&out,
                    "},\n\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
                    "\"cookie\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"%s\"}}}}\n",
                    call->serve->access.cookie);
    aep__reply_json(call, &out, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* GET openapi.json: the table of routes and the table of a row's members, in OpenAPI's words. */
#include "serve/answer.h"

#include "serve/inside.h"
#include "serve/reply.h"

#include "base/json.h"

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
        aep__buf_text(out, "{\"type\":\"string\",\"minLength\":1");
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

#define HEAD                                                                                       \
    "\"as_of\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"                         \
    "\"lag_ms\":{\"type\":[\"integer\",\"null\"]}"
#define CURSOR ",\"next_cursor\":{\"type\":[\"string\",\"null\"]}"
#define NAMES "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"
#define ROWS                                                                                       \
    ",\"executions\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/Row\"}}"

static const struct {
    const char *name, *members;
} schemas[] = {
    {"Executions", HEAD CURSOR ROWS},
    {"Execution", HEAD ",\"execution\":{\"$ref\":\"#/components/schemas/Row\"},\"end\":{\"oneOf\":["
                       "{\"type\":\"null\"},{\"$ref\":\"#/components/schemas/Event\"}]}"},
    {"Events", HEAD CURSOR ",\"events\":{\"type\":\"array\",\"items\":{\"$ref\":"
                           "\"#/components/schemas/Event\"}}"},
    {"Tree", HEAD ROWS ",\"more\":{\"type\":\"boolean\"}"},
    {"Counts", HEAD ",\"states\":{\"type\":\"object\",\"additionalProperties\":{\"type\":"
                    "\"integer\"}},\"at_least\":" NAMES ",\"needs_you\":{\"type\":[\"integer\","
                    "\"null\"]}"},
    {"Facets", HEAD ",\"agents\":" NAMES ",\"tenants\":" NAMES ",\"more\":{\"type\":\"boolean\"}"},
    {"Event", "\"delivery\":{\"type\":\"string\"},\"event\":{\"type\":[\"object\",\"null\"]}"},
    {"Error", "\"error\":{\"type\":\"object\",\"properties\":{\"status\":{\"type\":\"integer\"},"
              "\"message\":{\"type\":\"string\"}}}"},
};

static void add_schemas(struct aep__buf *out)
{
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++)
        aep__buf_format(out, "\n\"%s\":{\"type\":\"object\",\"properties\":{%s}},", schemas[i].name,
                        schemas[i].members);
    aep__buf_text(out, "\n\"Row\":{\"type\":\"object\",\"properties\":{");
    aep__row_fields_schema(out);
    aep__buf_text(out, "}}");
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

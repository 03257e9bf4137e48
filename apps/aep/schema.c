/* SPDX-License-Identifier: Apache-2.0 */
/* aep schema: the JSON Schemas of the four kinds, as they are installed and hashed. */
#include <string.h>

#include "options.h"
#include "out.h"
#include "verbs.h"

#include "config/nearest.h"
#include "event/kinds.h"

static int list_schemas(void)
{
    struct aep__buf text = {0};
    for (int kind = 0; kind < AEP_KIND_COUNT; kind++)
        aep__buf_format(&text, "%-10s %s %s\n", aep__kinds[kind].name,
                        aep_kind_schema_hash((enum aep_kind)kind), aep__kinds[kind].schema_ref);
    return aep__out_finish(&text);
}

/* A kind by its name or its event type. */
static int find_kind(const char *name)
{
    int kind = aep_kind_find(name);
    return kind >= 0 ? kind : aep__kind_of_type(name, strlen(name));
}

static int refuse_kind(const char *name)
{
    struct aep__nearest nearest = {.wanted = name};
    for (int kind = 0; kind < AEP_KIND_COUNT; kind++)
        aep__nearest_show(&nearest, aep__kinds[kind].name);
    const char *near = aep__nearest_get(&nearest);
    aep__out_say("schema: no kind \"%s\"; did you mean %s?", name, near ? near : AEP__KIND_LIST);
    return AEP__EXIT_USAGE;
}

static int run_schema(struct aep__args *args)
{
    bool list = aep__args_given(args, "list");
    if (args->operand_count + list != 1) {
        aep__out_say("schema: give a kind, or --list");
        return AEP__EXIT_USAGE;
    }
    if (list)
        return list_schemas();
    int kind = find_kind(args->operands[0]);
    if (kind < 0)
        return refuse_kind(args->operands[0]);
    struct aep__buf text = {0};
    aep__buf_text(&text, aep_kind_schema((enum aep_kind)kind));
    if (text.len > 0 && text.data[text.len - 1] != '\n')
        aep__buf_byte(&text, '\n');
    return aep__out_finish(&text);
}

static const struct aep__flag options[] = {
    {"list", 'l', AEP__ARGUMENT_NONE, NULL,
     "Lists each kind with the SHA-256 of its schema (the header x-schema-hash) and its "
     "schema_ref.",
     NULL, NULL, NULL},
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_schema = {
    .name = "schema",
    .summary = "prints the JSON Schema of a kind of event",
    .usage = "KIND\n--list",
    .description = "The schemas (JSON Schema, draft 2020-12) describe whole events, envelope and "
                   "payload. The header x-schema-hash is the SHA-256 of exactly these bytes.",
    .examples = "  aep schema started > started.schema.json",
    .options = options,
    .operands = AEP__KIND_WORDS,
    .operands_max = 1,
    .run = run_schema,
};

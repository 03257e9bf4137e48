/* SPDX-License-Identifier: Apache-2.0 */
/* gen_schemas DIR: writes DIR/<kind>.json, the JSON Schema (draft 2020-12) of each kind's whole
 * envelope, from the kinds table. A part of the build.
 *
 * Envelope and payload are closed: they have exactly the members of the wire contract. So a
 * misspelt name is found, and a member added later leaves older events valid under the newer
 * schema. */
#include "event/kinds.h"

#include <stdio.h>
#include <string.h>

/* What members of several kinds share. */
static const char definitions[] =
    "  \"$defs\": {\n"
    "    \"text\": {\"type\": \"string\", \"pattern\": \"\\\\S\"},\n"
    "    \"id\": {\n"
    "      \"type\": \"string\",\n"
    "      \"pattern\": \"^[^\\\\u0000-\\\\u001f\\\\u007f-\\\\u009f]*[^\\\\u0000-\\\\u001f"
    "\\\\u007f-\\\\u009f\\\\s][^\\\\u0000-\\\\u001f\\\\u007f-\\\\u009f]*$\",\n"
    "      \"maxLength\": 128\n"
    "    },\n"
    "    \"uuid\": {\n"
    "      \"type\": \"string\",\n"
    "      \"pattern\": \"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-"
    "[0-9a-fA-F]{12}$\"\n"
    "    },\n"
    "    \"time\": {\n"
    "      \"type\": \"string\",\n"
    "      \"format\": \"date-time\",\n"
    "      \"pattern\": \"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]"
    "([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\\\\.[0-9]+)?"
    "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$\"\n"
    "    }\n"
    "  }\n";

static void write_number_type(FILE *out, const struct aep__member_row *member)
{
    fprintf(out, "\"type\": \"%s\", \"minimum\": %.0f",
            member->type == AEP__TYPE_INTEGER ? "integer" : "number", member->min);
    if (member->max <= 9007199254740992.0)
        fprintf(out, ", \"maximum\": %.0f", member->max);
}

static void write_type(FILE *out, const struct aep__member_row *member)
{
    switch (member->type) {
    case AEP__TYPE_TEXT:
        fputs(member->required && !member->request ? "\"$ref\": \"#/$defs/text\""
                                                   : "\"type\": \"string\"",
              out);
        break;
    case AEP__TYPE_TIME:
        fputs("\"$ref\": \"#/$defs/time\"", out);
        break;
    case AEP__TYPE_ID:
        fputs("\"$ref\": \"#/$defs/id\"", out);
        break;
    case AEP__TYPE_NUMBER:
    case AEP__TYPE_INTEGER:
        write_number_type(out, member);
        break;
    case AEP__TYPE_BOOL:
        fputs("\"type\": \"boolean\"", out);
        break;
    case AEP__TYPE_OBJECT:
        fputs("\"type\": \"object\"", out);
        break;
    case AEP__TYPE_ARRAY:
        fputs("\"type\": \"array\"", out);
        break;
    case AEP__TYPE_ANY:
        fputs("\"not\": {\"type\": \"null\"}", out);
        break;
    }
}

static void write_required(FILE *out, const struct aep__kind_row *kind)
{
    const char *comma = "";
    fputs("      \"required\": [", out);
    for (size_t i = 0; i < kind->member_count; i++)
        if (kind->members[i].required) {
            fprintf(out, "%s\"%s\"", comma, kind->members[i].name);
            comma = ", ";
        }
    fputs("],\n", out);
}

static void write_payload(FILE *out, const struct aep__kind_row *kind)
{
    fputs("    \"payload\": {\n      \"type\": \"object\",\n", out);
    fputs("      \"additionalProperties\": false,\n", out);
    write_required(out, kind);
    fputs("      \"properties\": {\n", out);
    for (size_t i = 0; i < kind->member_count; i++) {
        const struct aep__member_row *member = &kind->members[i];
        fprintf(out, "        \"%s\": {", member->name);
        write_type(out, member);
        fprintf(out, ", \"description\": \"%s\"}%s\n", member->help,
                i + 1 < kind->member_count ? "," : "");
    }
    fputs("      }\n    }\n", out);
}

static void write_schema(FILE *out, const struct aep__kind_row *kind)
{
    fprintf(out,
            "{\n"
            "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
            "  \"$id\": \"%s\",\n"
            "  \"title\": \"%s\",\n"
            "  \"description\": \"%s\",\n"
            "  \"type\": \"object\",\n"
            "  \"additionalProperties\": false,\n"
            "  \"required\": [\"event_type\", \"event_id\", \"timestamp\", \"tenant_id\", "
            "\"namespace\", \"source\", \"correlation_id\", \"causation_id\", \"schema_ref\", "
            "\"payload\"],\n"
            "  \"properties\": {\n"
            "    \"event_type\": {\"const\": \"%s\"},\n"
            "    \"event_id\": {\"$ref\": \"#/$defs/uuid\"},\n"
            "    \"timestamp\": {\"$ref\": \"#/$defs/time\"},\n"
            "    \"tenant_id\": {\"$ref\": \"#/$defs/text\"},\n"
            "    \"namespace\": {\"$ref\": \"#/$defs/text\"},\n"
            "    \"source\": {\"$ref\": \"#/$defs/text\"},\n"
            "    \"correlation_id\": {\"$ref\": \"#/$defs/id\"},\n"
            "    \"causation_id\": {\"$ref\": \"#/$defs/id\"},\n"
            "    \"schema_ref\": {\"const\": \"%s\"},\n",
            kind->schema_ref, kind->event_type, kind->help, kind->event_type, kind->schema_ref);
    write_payload(out, kind);
    fputs("  },\n", out);
    fputs(definitions, out);
    fputs("}\n", out);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: gen_schemas DIR\n");
        return 2;
    }
    for (int i = 0; i < AEP_KIND_COUNT; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s.json", argv[1], aep__kinds[i].name);
        FILE *out = fopen(path, "w");
        if (!out) {
            perror(path);
            return 1;
        }
        write_schema(out, &aep__kinds[i]);
        if (fclose(out) != 0) {
            perror(path);
            return 1;
        }
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* aep policy: the family of a name under the partition-key policy, and the key of an event. */
#include <string.h>

#include "input.h"
#include "options.h"
#include "out.h"
#include "verbs.h"

#include "base/json.h"

static void add_member(struct aep__buf *out, const char *name, const char *value)
{
    aep__buf_format(out, "\"%s\":", name);
    aep__json_add_string(out, value, strlen(value));
    aep__buf_byte(out, ',');
}

static void add_family_json(struct aep__buf *out, const aep_family *family)
{
    aep__buf_byte(out, '{');
    add_member(out, "family", family->name);
    add_member(out, "partition_key", family->key_field);
    add_member(out, "reason", family->reason);
    add_member(out, "cardinality", family->cardinality);
    aep__buf_format(out, "\"keys_per_day_min\":%u,\"keys_per_day_max\":%u}\n",
                    family->keys_per_day_min, family->keys_per_day_max);
}

static void add_family_text(struct aep__buf *out, const aep_family *family)
{
    aep__buf_format(out,
                    "family:        %s\npartition key: %s\nreason:        %s\n"
                    "cardinality:   %s (%u to %u keys a day)\n",
                    family->name, family->key_field, family->reason, family->cardinality,
                    family->keys_per_day_min, family->keys_per_day_max);
}

static int show_family(const char *name, bool json)
{
    const aep_family *family = aep_policy_find(name);
    struct aep__buf text = {0};
    if (!family && json)
        aep__buf_text(&text, "{\"family\":null}\n");
    if (!family)
        aep__out_say("policy: \"%s\" belongs to no family; `aep policy --list` shows them", name);
    else if (json)
        add_family_json(&text, family);
    else
        add_family_text(&text, family);
    int status = aep__out_finish(&text);
    return family ? status : AEP__EXIT_FAILED;
}

static int list_families(bool json)
{
    size_t count = 0;
    const aep_family *families = aep_policy_families(&count);
    struct aep__buf text = {0};
    for (size_t i = 0; i < count; i++) {
        if (json)
            add_family_json(&text, &families[i]);
        else
            aep__buf_format(&text, "%-22s %-15s %-7s %4u-%-5u %s\n", families[i].name,
                            families[i].key_field, families[i].cardinality,
                            families[i].keys_per_day_min, families[i].keys_per_day_max,
                            families[i].reason);
    }
    return aep__out_finish(&text);
}

static int show_key(const char *file)
{
    struct aep__buf event = {0}, text = {0};
    char key[AEP_CORRELATION_ID_SIZE];
    aep_error err;
    int code = aep__input_read(file, &event, &err);
    if (code == AEP_OK)
        code = aep_policy_key(event.data, event.len, key, &err);
    aep__buf_done(&event);
    if (code != AEP_OK)
        return aep__out_error(&err);
    aep__buf_format(&text, "%s\n", key);
    return aep__out_finish(&text);
}

static int run_policy(struct aep__args *args)
{
    bool json = aep__args_given(args, "json"), list = aep__args_given(args, "list");
    const char *file = aep__args_text(args, "key_of");
    if (args->operand_count + list + (file != NULL) != 1) {
        aep__out_say("policy: give an event type or topic, --list, or --key-of FILE");
        return AEP__EXIT_USAGE;
    }
    if (file && json) {
        aep__out_say("policy: --key-of takes no --json: it prints only the key");
        return AEP__EXIT_USAGE;
    }
    if (file)
        return show_key(file);
    return list ? list_families(json) : show_family(args->operands[0], json);
}

static const struct aep__flag options[] = {
    {"key_of", 0, AEP__ARGUMENT_VALUE, "FILE",
     "Prints the partition key of the event (JSON) in FILE, or on stdin for \"-\".", "FILE", NULL,
     NULL},
    {"list", 'l', AEP__ARGUMENT_NONE, NULL, "Lists the families.", NULL, NULL, NULL},
    {"json", 0, AEP__ARGUMENT_NONE, NULL, "Prints JSON.", NULL, NULL, NULL},
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_policy = {
    .name = "policy",
    .summary = "shows the partition-key policy of an event type or topic",
    .usage = "NAME [--json]\n--key-of FILE|-\n--list [--json]",
    .description =
        "A name belongs to a family by whole words, whatever its prefix. Exit status 1: it "
        "belongs to none, or the event has no key.",
    .examples = "  aep policy omninode.agent.execution.started.v1\n"
                "  aep publish started --agent a --request r --dry-run | aep policy --key-of -",
    .options = options,
    .operands_max = 1,
    .run = run_policy,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* aep publish: one event, from one option per payload member. The options are made from the kinds
 * table, so a member added there becomes an option here.
 *
 * A command line has one of six forms: a kind, --type or --stdin. Each option has the set of forms
 * that it goes with; with another form it is refused. */
#include "publish.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "input.h"
#include "out.h"
#include "receipt.h"
#include "trouble.h"
#include "verbs.h"

#include "base/error.h"
#include "client/entrusted.h"
#include "config/nearest.h"
#include "spool/fate.h"

/* ---- options -------------------------------------------------------------------------------- */

/* The forms, a bit each: first the kinds by their numbers. */
#define FORM_TYPE (1u << AEP_KIND_COUNT)
#define FORM_STDIN (FORM_TYPE << 1)
#define FORM_KINDS (FORM_TYPE - 1)
#define FORM_ONE (FORM_KINDS | FORM_TYPE)
#define FORM_ALL (FORM_ONE | FORM_STDIN)

#define OTHER_TYPE "of any other type (--type)"

static const struct {
    unsigned forms; /* it goes with */
    struct aep__flag flag;
} options[] = {
    {FORM_ALL,
     {"wait", 'w', AEP__ARGUMENT_OPTIONAL, "MS",
      "Waits for Kafka's acknowledgement, at most MS milliseconds, or a time such as 5s (default "
      "10 s). Exit status 3: none has come by then; the event stays on disk and is still sent. 1: "
      "Kafka refused it for good. In local mode there is nothing to wait for: the state stays "
      "spooled.",
      NULL, NULL, NULL}},
    {FORM_ALL,
     {"json", 0, AEP__ARGUMENT_NONE, NULL,
      "Prints a receipt: event_id, correlation_id, state (spooled, acked, deferred, parked, dead, "
      "disabled), segment, offset.",
      NULL, NULL, NULL}},
    {FORM_ALL,
     {"dry_run", 'n', AEP__ARGUMENT_NONE, NULL, "Prints the envelope instead of publishing it.",
      NULL, NULL, NULL}},
    {FORM_STDIN,
     {"stdin", 0, AEP__ARGUMENT_NONE, NULL,
      "Publishes one event for each line of stdin (JSON "
      "Lines).",
      NULL, NULL, NULL}},
    {FORM_ONE,
     {"causation_id", 0, AEP__ARGUMENT_VALUE, "ID",
      "What caused the event. Default: AEP_CAUSATION_ID of the environment.", NULL, NULL, NULL}},
    {FORM_ONE, AEP__TRACEPARENT_OPTION},
    {FORM_ONE, AEP__TRACESTATE_OPTION},
    {1u << AEP_KIND_STARTED,
     {"pid", 0, AEP__ARGUMENT_VALUE, "PID",
      "The process that the execution belongs to, for example $$ in a script: if it ends before "
      "`aep publish completed` or `failed`, the relay publishes failed with the code ABANDONED.",
      NULL, NULL, "of started"}},
    {FORM_TYPE,
     {"type", 0, AEP__ARGUMENT_VALUE, "TYPE", "The event type: a.b.c.vN.", NULL, NULL, OTHER_TYPE}},
    {FORM_TYPE,
     {"payload", 0, AEP__ARGUMENT_VALUE, "JSON", "The payload, an object.", NULL, NULL,
      OTHER_TYPE}},
    {FORM_TYPE,
     {"topic", 0, AEP__ARGUMENT_VALUE, "TOPIC", "The topic. Default: the event type.", NULL, NULL,
      OTHER_TYPE}},
    {FORM_TYPE,
     {"schema_ref", 0, AEP__ARGUMENT_VALUE, "REF",
      "registry://a/b/c/vN. Default: made from the event type.", NULL, NULL, OTHER_TYPE}},
};
#define OPTION_COUNT (sizeof options / sizeof *options)

static const char *const metavars[] = {
    [AEP__TYPE_TEXT] = "TEXT",   [AEP__TYPE_TIME] = "TIME",  [AEP__TYPE_ID] = "ID",
    [AEP__TYPE_NUMBER] = "N",    [AEP__TYPE_INTEGER] = "N",  [AEP__TYPE_BOOL] = NULL,
    [AEP__TYPE_OBJECT] = "JSON", [AEP__TYPE_ARRAY] = "JSON", [AEP__TYPE_ANY] = "JSON",
};

#define EVERY_KIND ((1u << AEP_KIND_COUNT) - 1)

/* The heading of a set of kinds, a bit each: "of started, completed and failed". */
static const char *heading_of(unsigned kinds)
{
    static char headings[EVERY_KIND + 1][sizeof("of " AEP__KIND_LIST)];
    char *heading = headings[kinds];
    size_t len = (size_t)snprintf(heading, sizeof *headings, "of");
    if (kinds == EVERY_KIND)
        return "of every kind";
    for (unsigned kind = 0, left = kinds; left; left &= ~(1u << kind++)) {
        if (!(left & 1u << kind))
            continue;
        const char *before = left == kinds ? " " : left == 1u << kind ? " and " : ", ";
        len += (size_t)snprintf(heading + len, sizeof *headings - len, "%s%s", before,
                                aep__kinds[kind].name);
    }
    return heading;
}

/* The set of kinds that have a member of this name, a bit each. */
static unsigned kinds_with(const char *name)
{
    unsigned kinds = 0;
    for (int kind = 0; kind < AEP_KIND_COUNT; kind++)
        kinds |= (unsigned)(aep__kind_find_member((enum aep_kind)kind, name, strlen(name)) >= 0)
                 << kind;
    return kinds;
}

static size_t add_member_rows(struct aep__flag *rows, size_t max,
                              const struct aep__member_row *member, unsigned kinds)
{
    if (max < 2)
        return 0;
    rows[0] = (struct aep__flag){
        .name = member->name,
        .argument = metavars[member->type] ? AEP__ARGUMENT_VALUE : AEP__ARGUMENT_NONE,
        .metavar = metavars[member->type],
        .help = member->help,
        .group = heading_of(kinds),
    };
    if (!member->option)
        return 1;
    rows[1] = rows[0];
    rows[1].name = member->option;
    rows[1].same_as = member->name;
    return 2;
}

/* The table's rows, then one for every member of every kind, at its first kind. */
static size_t make_options(struct aep__flag *rows, size_t max)
{
    size_t count = 0;
    for (; count < OPTION_COUNT && count < max; count++)
        rows[count] = options[count].flag;
    for (int kind = 0; kind < AEP_KIND_COUNT; kind++) {
        for (size_t i = 0; i < aep__kinds[kind].member_count; i++) {
            const struct aep__member_row *member = &aep__kinds[kind].members[i];
            unsigned kinds = kinds_with(member->name);
            if ((kinds & ((1u << kind) - 1)) == 0)
                count += add_member_rows(rows + count, max - count, member, kinds);
        }
    }
    return count;
}

/* The forms that an option goes with; 0: it is an option of every verb. */
static unsigned forms_of(const char *name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(options[i].flag.name, name) == 0)
            return options[i].forms;
    }
    return kinds_with(name) | (strcmp(name, "correlation_id") == 0 ? FORM_TYPE : 0);
}

static int refuse_option(const struct aep__given *given, unsigned form, aep_error *err)
{
    const struct aep__flag *option = given->option;
    struct aep__buf typed = {0};
    int kind = 0;
    while (kind < AEP_KIND_COUNT && form != 1u << kind)
        kind++;
    aep__help_name(&typed, given->typed->name);
    int code =
        form == FORM_STDIN
            ? aep__error(err, AEP_EINVAL, option->name,
                         "publish: --stdin takes no --%s: each line has its own members",
                         aep__buf_string(&typed))
            : aep__error(err, AEP_EINVAL, option->name,
                         "publish: %s takes no --%s: it is an option %s",
                         form == FORM_TYPE ? "--type" : aep__kinds[kind].name,
                         aep__buf_string(&typed), option->group ? option->group : "of --stdin");
    aep__buf_done(&typed);
    return code;
}

/* Refuses options that do not go with the form. */
static int check_options(const struct aep__args *args, unsigned form, aep_error *err)
{
    for (size_t i = 0; i < args->given_count; i++) {
        const struct aep__flag *option = args->given[i].option;
        unsigned forms = forms_of(option->name);
        if (forms != 0 && !(forms & form))
            return refuse_option(&args->given[i], form, err);
    }
    return AEP_OK;
}

/* ---- an event from options ------------------------------------------------------------------ */

/* An event and the files that it was read from. */
struct source {
    const struct aep__args *args;
    struct aep__draft draft;
    struct aep__buf files[AEP__FIELDS_MAX];
    size_t file_count;
    int wait_ms; /* -1: does not wait for Kafka */
    int64_t pid; /* 0: not given */
    aep_error *err;
};

static int read_number(const struct source *source, const char *name, const char *text, double *ret)
{
    char *end = NULL;
    *ret = strtod(text, &end);
    if (*text && !*end && isfinite(*ret) && !strpbrk(text, "xX "))
        return AEP_OK;
    return aep__error(source->err, AEP_EINVAL, name, "%s must be a number, not \"%s\"", name, text);
}

static int read_json(struct source *source, const char *name, const char *value, const char **ret)
{
    return aep__input_value(name, value, &source->files[source->file_count++], ret, source->err);
}

static int add_field(struct source *source, const struct aep__member_row *member, const char *value)
{
    aep_field *field = &source->draft.fields[source->draft.field_count++];
    int code = AEP_OK;
    *field = (aep_field){.name = member->name, .text = value, .number = 1};
    if (aep__type_is_json(member->type)) {
        code = read_json(source, member->name, value, &field->text);
    } else if (value && aep__type_is_number(member->type)) {
        code = read_number(source, member->name, value, &field->number);
        field->text = NULL;
    }
    field->length = field->text ? strlen(field->text) : 0;
    return code;
}

static void add_text(struct source *source, const char *name, const char *value)
{
    if (value)
        source->draft.fields[source->draft.field_count++] =
            (aep_field){.name = name, .text = value, .length = strlen(value)};
}

/* The member's value: as given, else for ids and the agent from the environment. */
static int read_member(struct source *source, const struct aep__member_row *member)
{
    bool given = aep__args_given(source->args, member->name);
    if (given)
        return add_field(source, member, aep__args_text(source->args, member->name));
    bool starts = aep__kinds[source->draft.kind].opens; /* another agent's, as a rule */
    if (!(starts && strcmp(member->name, "agent_name") == 0))
        add_text(source, member->name, aep__session_id(source->args, member->name));
    return AEP_OK;
}

static int read_kind(struct source *source)
{
    const struct aep__kind_row *kind = &aep__kinds[source->draft.kind];
    const struct aep__args *args = source->args;
    int code = AEP_OK;
    for (size_t i = 0; code == AEP_OK && i < kind->member_count; i++)
        code = read_member(source, &kind->members[i]);
    add_text(source, "causation_id", aep__session_id(args, "causation_id"));
    add_text(source, "traceparent", aep__args_text(args, "traceparent"));
    add_text(source, "tracestate", aep__args_text(args, "tracestate"));
    return code;
}

static int read_any(struct source *source)
{
    const struct aep__args *args = source->args;
    aep_event *event = &source->draft.event;
    const char *payload = aep__args_text(args, "payload");
    *event = *AEP_EVENT(.event_type = aep__args_text(args, "type"),
                        .topic = aep__args_text(args, "topic"),
                        .correlation_id = aep__session_id(args, "correlation_id"),
                        .schema_ref = aep__args_text(args, "schema_ref"),
                        .causation_id = aep__session_id(args, "causation_id"),
                        .traceparent = aep__args_text(args, "traceparent"),
                        .tracestate = aep__args_text(args, "tracestate"));
    return payload ? read_json(source, "payload", payload, &event->payload) : AEP_OK;
}

static int refuse_kind(const struct source *source, const char *name)
{
    struct aep__nearest nearest = {.wanted = name};
    for (int kind = 0; kind < AEP_KIND_COUNT; kind++)
        aep__nearest_show(&nearest, aep__kinds[kind].name);
    const char *near = aep__nearest_get(&nearest);
    return aep__error(source->err, AEP_EINVAL, "kind", "publish: no kind \"%s\"; did you mean %s?",
                      name, near ? near : AEP__KIND_LIST);
}

static int read_pid(struct source *source)
{
    const char *text = aep__args_text(source->args, "pid");
    char *end = NULL;
    if (!text)
        return AEP_OK;
    errno = 0;
    source->pid = strtoll(text, &end, 10);
    if (errno == 0 && *text && !*end && source->pid > 0)
        return AEP_OK;
    return aep__error(source->err, AEP_EINVAL, "pid", "pid must be a process's number, not \"%s\"",
                      text);
}

static int read_source(struct source *source)
{
    const struct aep__args *args = source->args;
    bool any = aep__args_given(args, "type");
    aep__session_check_trace(args);
    if (any == (args->operand_count == 1))
        return aep__error(source->err, AEP_EINVAL, "kind",
                          "publish: give a kind (" AEP__KIND_LIST "), or --type, or --stdin");
    source->draft.kind = any ? -1 : aep_kind_find(args->operands[0]);
    if (!any && source->draft.kind < 0)
        return refuse_kind(source, args->operands[0]);
    int code = check_options(args, any ? FORM_TYPE : 1u << source->draft.kind, source->err);
    if (code == AEP_OK)
        code = read_pid(source);
    if (code != AEP_OK)
        return code;
    return any ? read_any(source) : read_kind(source);
}

static void free_source(struct source *source)
{
    for (size_t i = 0; i < source->file_count; i++)
        aep__buf_done(&source->files[i]);
}

int aep__draft_publish(const struct aep__draft *draft, aep_publisher *publisher,
                       aep_receipt *receipt, aep_error *err)
{
    if (draft->kind < 0)
        return aep_publish_event(publisher, &draft->event, receipt, err);
    return aep__entrusted_publish(publisher, (enum aep_kind)draft->kind, draft->fields,
                                  draft->field_count, receipt, err);
}

/* ---- the verb ------------------------------------------------------------------------------- */

static int show_receipt(const aep_receipt *receipt, const char *state, bool json)
{
    struct aep__buf text = {0};
    if (json) {
        aep__buf_byte(&text, '{');
        aep__receipt_add(&text, receipt, state);
        aep__buf_text(&text, "}\n");
    } else {
        aep__buf_format(&text, "%s\n", receipt->correlation_id);
    }
    return aep__out_finish(&text);
}

static int publish_draft(struct source *source, aep_publisher *publisher, aep_receipt *receipt)
{
    if (source->pid == 0)
        return aep__draft_publish(&source->draft, publisher, receipt, source->err);
    return aep__entrusted_start(publisher, source->pid, source->draft.fields,
                                source->draft.field_count, receipt, source->err);
}

static int publish_one(struct source *source)
{
    struct aep__session session = {0};
    aep_receipt receipt = {.size = sizeof receipt};
    const char *state = aep__fate_word(AEP__FATE_ON_DISK);
    int waited = AEP_OK, status;
    int code = aep__session_open(&session, source->args, source->err);
    if (code == AEP_OK)
        code = publish_draft(source, session.publisher, &receipt);
    if (code == AEP_OK && receipt.position.segment == 0) {
        state = "disabled";
    } else if (code == AEP_OK && source->wait_ms >= 0) {
        waited = aep_publisher_wait(session.publisher, &receipt, source->wait_ms, source->err);
        aep__session_explain(&session, waited, source->err);
        state = aep__receipt_state(&session, waited);
    }
    status = code == AEP_OK ? show_receipt(&receipt, state, aep__args_given(source->args, "json"))
                            : aep__out_error(source->err);
    if (waited != AEP_OK) {
        aep__out_say("publish: %s", source->err->text);
        status = waited == AEP_ERELAY ? AEP__EXIT_DEFERRED : aep__out_exit(waited);
    } else if (code == AEP_OK && source->wait_ms < 0) {
        aep__trouble_hint(&session, AEP__TROUBLE_WAIT_MS);
    }
    aep__session_close(&session);
    return status;
}

static int preview_one(struct source *source)
{
    aep_config *config = NULL;
    struct aep__buf text = {0};
    int code = aep__args_config(source->args, &config, source->err);
    if (code == AEP_OK)
        code = aep__draft_preview(&source->draft, config, &text, source->err);
    aep_config_free(config);
    int status = aep__out_finish(&text);
    return code == AEP_OK ? status : aep__out_error(source->err);
}

static int run_publish(struct aep__args *args)
{
    aep_error err;
    struct source source = {.args = args, .wait_ms = -1, .err = &err};
    int status;
    if (aep__session_wait_ms(args, &source.wait_ms, &err) != AEP_OK)
        return aep__out_error(&err);
    if (aep__args_given(args, "stdin"))
        return check_options(args, FORM_STDIN, &err) == AEP_OK
                   ? aep__publish_lines(args, source.wait_ms)
                   : aep__out_error(&err);
    if (read_source(&source) != AEP_OK)
        status = aep__out_error(&err);
    else if (aep__args_given(args, "dry_run"))
        status = preview_one(&source);
    else
        status = publish_one(&source);
    free_source(&source);
    return status;
}

const struct aep__verb aep__verb_publish = {
    .name = "publish",
    .summary = "publishes an event",
    .usage = "KIND [OPTION]...\n--type TYPE --payload JSON [OPTION]...\n--stdin [OPTION]...",
    .description =
        "KIND is " AEP__KIND_LIST ". The event is on disk when the command ends; a relay in the "
        "background sends it to Kafka. The command prints the "
        "correlation id. On a terminal it also reports, once per "
        "outage, that Kafka cannot be reached; it waits at most a "
        "quarter of a second to find out.\n\n"
        "Give a JSON value as it is, as @FILE, or as - for stdin. "
        "correlation_id, causation_id, session_id and (except for "
        "started) agent_name default to AEP_CORRELATION_ID, "
        "AEP_CAUSATION_ID, AEP_SESSION_ID and AEP_AGENT_NAME, which "
        "`aep run` sets.\n\n"
        "With --stdin each line is an object: \"kind\" and the members "
        "of the payload, or \"event_type\" and \"payload\" (and topic, "
        "schema_ref, correlation_id); either may have causation_id, "
        "traceparent, tracestate. A refused line is reported on stderr, "
        "the others are published, and the exit status is 2. Lines are "
        "published as they arrive, so a program can keep the command "
        "running and write to it; with --json it prints a receipt for "
        "each. If the spool is full, the command waits for room as long "
        "as the relay is freeing some.\n\n"
        "  "
        "{\"kind\":\"progress\",\"agent_name\":\"a\",\"correlation_id\":\"x\",\"progress_percent\":50}\n"
        "  "
        "{\"event_type\":\"acme.quality.gate.passed.v1\",\"payload\":{\"gate\":\"lint\"}}",
    .examples = "  id=$(aep publish started --agent builder --request \"build it\")\n"
                "  aep publish progress --agent builder --correlation-id \"$id\" "
                "--progress-percent 50\n"
                "  aep publish completed --agent builder --correlation-id \"$id\" "
                "--result-summary done --wait\n"
                "  jq -c '.[]' events.json | aep publish --stdin",
    .more_options = make_options,
    .operands = AEP__KIND_WORDS,
    .operands_max = 1,
    .run = run_publish,
};

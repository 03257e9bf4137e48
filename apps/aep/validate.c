/* SPDX-License-Identifier: Apache-2.0 */
/* aep validate: checks events, from us or anyone else.
 *
 *     input ─ one event │ --array: elements │ --lines: lines ─▶ aep_validate() ─▶ findings, summary
 *
 * Only brackets and quotes separate the elements of an array, so that an element that is not JSON
 * is one finding, and the others are still checked. */
#include <string.h>

#include "amount.h"
#include "input.h"
#include "options.h"
#include "out.h"
#include "verbs.h"

#include "base/json.h"
#include "event/findings.h"

struct check {
    bool json, strict;
    const char *unit;  /* "line", "event"; NULL: there is one event only */
    const char *shown; /* the input's name */
    size_t number;     /* of the event being checked: its line, or its index in the array */
    size_t events, invalid, errors, warnings;
    struct aep__buf out;
    aep_error err;
    int code; /* AEP_OK; AEP_EINVAL once an event was invalid; else the error that stopped us */
};

static void add_json_member(struct aep__buf *out, const char *name, const char *value)
{
    aep__buf_format(out, ",\"%s\":", name);
    aep__json_add_string(out, value, strlen(value));
}

static void add_json_finding(struct check *check, const aep_finding *finding, const char *severity)
{
    struct aep__buf *out = &check->out;
    aep__buf_text(out, check->errors + check->warnings > 1 ? ",\n{" : "\n{");
    if (check->unit)
        aep__buf_format(out, "\"%s\":%zu,", check->unit, check->number);
    aep__buf_format(out, "\"severity\":\"%s\"", severity);
    add_json_member(out, "code", finding->code);
    add_json_member(out, "pointer", finding->pointer);
    add_json_member(out, "field", finding->field);
    add_json_member(out, "text", finding->text);
    aep__buf_byte(out, '}');
}

static void add_text_finding(struct check *check, const aep_finding *finding, const char *severity)
{
    struct aep__buf *out = &check->out;
    aep__buf_text(out, check->shown);
    if (check->unit)
        aep__buf_format(out, ": %s %zu", check->unit, check->number);
    aep__buf_format(out, ": %s: %s: ", severity, finding->code);
    if (finding->pointer[0]) {
        aep__out_plain(out, finding->pointer, strlen(finding->pointer));
        aep__buf_text(out, ": ");
    }
    aep__out_plain(out, finding->text, strlen(finding->text));
    aep__buf_byte(out, '\n');
}

static void note_finding(void *user, const aep_finding *finding)
{
    struct check *check = user;
    bool error = finding->severity == AEP_SEVERITY_ERROR;
    if (error)
        check->errors++;
    else
        check->warnings++;
    (check->json ? add_json_finding : add_text_finding)(check, finding,
                                                        error ? "error" : "warning");
}

static void check_event(struct check *check, const char *text, size_t len)
{
    int code = aep_validate(text, len, check->strict, note_finding, check, &check->err);
    check->events++;
    check->invalid += code == AEP_EINVAL;
    if (code != AEP_OK)
        check->code = code;
}

static void check_lines(struct check *check, const char *text, size_t len)
{
    for (const char *end = text + len; text < end;) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t line = (size_t)((newline ? newline : end) - text);
        check->number++;
        if (line > strspn(text, " \t\r"))
            check_event(check, text, line);
        text += line + (newline != NULL);
    }
}

/* The length of the element at text: up to a comma or the closing bracket of its array. */
static size_t measure_element(const char *text, size_t len)
{
    size_t depth = 0, i = 0;
    for (bool quoted = false; i < len; i++) {
        char c = text[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && depth == 0 && (c == ',' || c == ']'))
            break;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return i < len ? i : len;
}

static void refuse_array(struct check *check, const char *text)
{
    check->code = AEP_EINVAL;
    note_finding(check, &(aep_finding){AEP_SEVERITY_ERROR, "json", "", "", text});
}

static size_t skip_blanks(const char *text, size_t len, size_t at)
{
    while (at < len && memchr(" \t\r\n", text[at], 4))
        at++;
    return at;
}

static void check_array(struct check *check, const char *text, size_t len)
{
    size_t at = skip_blanks(text, len, 0);
    if (at == len || text[at] != '[') {
        refuse_array(check, "not a JSON array");
        return;
    }
    at = skip_blanks(text, len, at + 1);
    bool more = at < len && text[at] != ']';
    for (; more; check->number++) {
        size_t element = measure_element(text + at, len - at);
        check_event(check, text + at, element);
        at += element;
        more = at < len && text[at] == ',';
        at += more;
    }
    if (at == len || skip_blanks(text, len, at + 1) != len)
        refuse_array(check, at == len ? "the array does not end" : "something follows the array");
}

static void add_summary(struct check *check)
{
    if (check->json)
        aep__buf_format(&check->out,
                        "%s],\"valid\":%s,\"events\":%zu,\"invalid\":%zu,\"errors\":%zu,"
                        "\"warnings\":%zu}\n",
                        check->errors + check->warnings ? "\n" : "",
                        check->code == AEP_OK ? "true" : "false", check->events, check->invalid,
                        check->errors, check->warnings);
    else
        aep__buf_format(&check->out, "%s: %s: %s, %zu invalid; %s, %s\n", check->shown,
                        check->code == AEP_OK ? "valid" : "invalid",
                        aep__amount_of(check->events, "event").text, check->invalid,
                        aep__amount_of(check->errors, "error").text,
                        aep__amount_of(check->warnings, "warning").text);
}

static int run_validate(struct aep__args *args)
{
    const char *file = args->operand_count ? args->operands[0] : "-";
    bool lines = aep__args_given(args, "lines"), array = aep__args_given(args, "array");
    struct check check = {
        .json = aep__args_given(args, "json"),
        .strict = aep__args_given(args, "strict"),
        .unit = lines   ? "line"
                : array ? "event"
                        : NULL,
    };
    struct aep__buf input = {0}, shown = {0};
    if (lines && array) {
        aep__out_say("validate: give --lines or --array, not both");
        return AEP__EXIT_USAGE;
    }
    aep__out_plain(&shown, file, strlen(file));
    check.shown = strcmp(file, "-") == 0 ? "stdin" : aep__buf_string(&shown);
    int code = aep__input_read(file, &input, &check.err);
    bool read = code == AEP_OK;
    if (read) {
        aep__buf_text(&check.out, check.json ? "{\"findings\":[" : "");
        (lines ? check_lines : array ? check_array : check_event)(&check, input.data, input.len);
        add_summary(&check);
        code = check.code;
    }
    aep__buf_done(&input);
    aep__buf_done(&shown);
    int status = aep__out_finish(&check.out);
    if (!read || (code != AEP_OK && code != AEP_EINVAL))
        return aep__out_error(&check.err);
    return code == AEP_OK ? status : aep__out_exit(code);
}

static const struct aep__flag options[] = {
    {"strict", 's', AEP__ARGUMENT_NONE, NULL, "Counts warnings as errors.", NULL, NULL, NULL},
    {"array", 'a', AEP__ARGUMENT_NONE, NULL, "The input is a JSON array of events.", NULL, NULL,
     NULL},
    {"lines", 'l', AEP__ARGUMENT_NONE, NULL, "The input is JSON Lines: one event per line.", NULL,
     NULL, NULL},
    {"json", 0, AEP__ARGUMENT_NONE, NULL, "Prints the findings and the summary as JSON.", NULL,
     NULL, NULL},
    AEP__OPTIONS_END,
};

#define FINDING_LINE(name, severity, code, meaning) "  " #severity " " code ": " meaning "\n"

const struct aep__verb aep__verb_validate = {
    .name = "validate",
    .summary = "checks events: envelope, and payload where it is one of the four kinds",
    .usage = "[FILE|-] [--strict] [--json] [--array | --lines]",
    .description = "Each finding has a severity, a code, a JSON Pointer (RFC 6901) and a text; a "
                   "summary follows. Exit status 0: all are valid; 2: some are not.\n\n"
                   "The codes:\n" AEP__FINDINGS(FINDING_LINE),
    .examples = "  aep validate event.json\n"
                "  aep validate --lines --strict events.jsonl",
    .options = options,
    .operands = "FILE",
    .operands_max = 1,
    .run = run_validate,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"

#include <string.h>

#include "options.h"
#include "out.h"
#include "verbs.h"

#define WIDTH 80
#define INDENT 28 /* the column where the options' texts begin */

static void add_blanks(struct aep__buf *out, size_t count)
{
    while (count-- > 0)
        aep__buf_byte(out, ' ');
}

/* Appends one paragraph, broken at blanks; the first line continues at column `at`, the others
 * begin at `indent`. */
static void add_wrapped(struct aep__buf *out, const char *text, size_t len, size_t at,
                        size_t indent)
{
    size_t column = at;
    for (size_t i = 0; i < len;) {
        size_t word = 0;
        while (i + word < len && text[i + word] != ' ' && text[i + word] != '\n')
            word++;
        if (column > indent && column + 1 + word > WIDTH) {
            aep__buf_byte(out, '\n');
            add_blanks(out, indent);
            column = indent;
        } else if (column > indent) {
            aep__buf_byte(out, ' ');
            column++;
        }
        aep__buf_add(out, text + i, word);
        column += word;
        i += word + (i + word < len);
    }
    aep__buf_byte(out, '\n');
}

/* Paragraphs wrapped; lines that begin with a blank as they are. */
static void add_description(struct aep__buf *out, const char *text)
{
    while (*text) {
        const char *end = strchr(text, '\n');
        size_t len = end ? (size_t)(end - text) : strlen(text);
        if (*text == ' ') {
            aep__buf_add(out, text, len);
            aep__buf_byte(out, '\n');
        } else {
            add_wrapped(out, text, len, 0, 0);
        }
        text += len + (end != NULL);
    }
}

void aep__help_name(struct aep__buf *out, const char *name)
{
    for (; *name; name++)
        aep__buf_byte(out, *name == '_' ? '-' : *name);
}

void aep__help_option(struct aep__buf *out, const struct aep__flag *row,
                      const struct aep__flag *rows, size_t count)
{
    if (row->letter)
        aep__buf_format(out, "-%c, ", row->letter);
    aep__buf_text(out, "--");
    aep__help_name(out, row->name);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].same_as && strcmp(rows[i].same_as, row->name) == 0)
            aep__buf_format(out, ", --%s", rows[i].name);
    }
    if (row->argument == AEP__ARGUMENT_VALUE)
        aep__buf_format(out, " %s", row->metavar);
    else if (row->argument == AEP__ARGUMENT_OPTIONAL)
        aep__buf_format(out, "[=%s]", row->metavar);
}

static void add_row(struct aep__buf *out, const struct aep__flag *row, const struct aep__flag *rows,
                    size_t count)
{
    size_t begin = out->len;
    aep__buf_text(out, "  ");
    aep__help_option(out, row, rows, count);
    size_t column = out->len - begin;
    if (column + 2 > INDENT) {
        aep__buf_byte(out, '\n');
        column = 0;
    }
    add_blanks(out, INDENT - column);
    add_wrapped(out, row->help, strlen(row->help), INDENT, INDENT);
}

static bool same_group(const struct aep__flag *a, const struct aep__flag *b)
{
    return strcmp(a->group ? a->group : "options", b->group ? b->group : "options") == 0;
}

/* Rows of one heading are shown together, headings in the order in which they first occur. */
static void add_options(struct aep__buf *out, const struct aep__verb *verb)
{
    struct aep__flag rows[AEP__OPTIONS_MAX];
    bool shown[AEP__OPTIONS_MAX] = {false};
    size_t count = aep__verb_options(verb, rows, AEP__OPTIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (shown[i])
            continue;
        aep__buf_format(out, "\n%s:\n", rows[i].group ? rows[i].group : "options");
        for (size_t j = i; j < count; j++) {
            if (shown[j] || !same_group(&rows[i], &rows[j]))
                continue;
            shown[j] = true;
            if (!rows[j].same_as)
                add_row(out, &rows[j], rows, count);
        }
    }
}

static void add_usage(struct aep__buf *out, const struct aep__verb *verb, const char *name)
{
    const char *line = verb->usage ? verb->usage : "";
    for (const char *lead = "usage:";; lead = "      ") {
        size_t len = strcspn(line, "\n");
        aep__buf_format(out, "%s aep %s%s%.*s\n", lead, name, len ? " " : "", (int)len, line);
        if (!line[len])
            break;
        line += len + 1;
    }
}

static void add_verb_line(struct aep__buf *out, const struct aep__verb *verb)
{
    if (verb->hidden)
        return;
    aep__buf_format(out, "  %-12s", verb->name);
    add_wrapped(out, verb->summary, strlen(verb->summary), 14, 14);
}

void aep__help_verb(struct aep__buf *out, const struct aep__verb *verb, const char *name)
{
    aep__buf_format(out, "aep %s: %s\n\n", name, verb->summary);
    add_usage(out, verb, name);
    if (verb->description) {
        aep__buf_byte(out, '\n');
        add_description(out, verb->description);
    }
    if (verb->actions)
        aep__buf_text(out, "\nactions:\n");
    for (const struct aep__verb *const *action = verb->actions; action && *action; action++)
        add_verb_line(out, *action);
    add_options(out, verb);
    if (verb->examples)
        aep__buf_format(out, "\nexamples:\n%s\n", verb->examples);
}

const char aep__help_variables[] =
    "    KAFKA_BOOTSTRAP_SERVERS=host:9092   Kafka; separate several by commas\n"
    "    AEP_MODE=local                      this machine only\n";

const char aep__help_examples[] = "    export AEP_MODE=local\n"
                                  "    aep run --agent builder -- make\n"
                                  "    aep list\n"
                                  "    aep tail\n";

void aep__help_all(struct aep__buf *out, const struct aep__verb *const *verbs)
{
    aep__buf_text(out, "aep: publishes what AI agents do to Kafka, through a durable local "
                       "spool\n\n"
                       "usage: aep VERB [OPTION]...\n");
    for (; *verbs; verbs++) {
        if (aep__verb_heading(*verbs))
            aep__buf_format(out, "\n%s:\n", aep__verb_heading(*verbs));
        add_verb_line(out, *verbs);
    }
    aep__buf_format(out, "\nwhere events go (environment):\n%s\nexample:\n%s", aep__help_variables,
                    aep__help_examples);
    aep__buf_text(out, "\n"
                       "`aep VERB --help` shows a verb's options, `aep --version` the version.\n"
                       "Exit status: 0 done, 1 failed, 2 wrong usage or invalid event,\n"
                       "3 accepted but not acknowledged in time, 4 refused: the spool is full.\n");
}

/* ---- the verb ------------------------------------------------------------------------------- */

/* `aep help VERB ACTION` is `aep VERB ACTION --help`, of verbs that another program runs too. */
static int run_help(struct aep__args *args)
{
    static char help[] = "--help";
    struct aep__buf text = {0};
    if (args->operand_count == 0) {
        aep__help_all(&text, aep__verbs);
        return aep__out_finish(&text);
    }
    const struct aep__verb *verb = aep__verb_find(aep__verbs, args->operands[0]);
    char *action = args->operands[1];
    char *words[] = {action ? action : help, action ? help : NULL, NULL};
    return verb ? aep__verb_main(verb, verb->name, words, NULL)
                : aep__verb_refuse(args->operands[0]);
}

const struct aep__verb aep__verb_help = {
    .name = "help",
    .summary = "shows what a verb does and its options",
    .usage = "[VERB [ACTION]]",
    .operands = "VERB",
    .operands_max = 2,
    .run = run_help,
};

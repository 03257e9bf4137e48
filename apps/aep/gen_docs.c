/* SPDX-License-Identifier: Apache-2.0 */
/* Writes man pages, completions and the reference from the verbs' tables, when aep is built.
 *
 *     gen_docs man DIR        aep.1, aep-publish.1, …
 *     gen_docs bash FILE      completion for bash
 *     gen_docs zsh FILE       completion for zsh
 *     gen_docs markdown FILE  all help texts on one page */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aep/aep.h"
#include "help.h"
#include "verbs.h"

/* Calls fn for every verb that is shown and is not only a heading for actions, by its full name. */
static void each_leaf(const struct aep__verb *const *verbs, const char *above,
                      void (*fn)(FILE *out, const struct aep__verb *verb, const char *name),
                      FILE *out)
{
    for (; *verbs; verbs++) {
        char name[128];
        if (snprintf(name, sizeof name, "%s%s%s", above, *above ? " " : "", (*verbs)->name) >=
            (int)sizeof name)
            abort();
        if ((*verbs)->hidden)
            continue;
        if ((*verbs)->actions)
            each_leaf((*verbs)->actions, name, fn, out);
        else
            fn(out, *verbs, name);
    }
}

/* ---- man pages ------------------------------------------------------------------------------ */

/* Text for troff: no line of it is taken for a request, dashes are dashes. */
static void put_troff(FILE *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool line_begin = i == 0 || text[i - 1] == '\n';
        if (line_begin && (text[i] == '.' || text[i] == '\''))
            fputs("\\&", out);
        if (text[i] == '\\')
            fputs("\\e", out);
        else if (text[i] == '-')
            fputs("\\-", out);
        else
            fputc(text[i], out);
    }
}

static void put_text(FILE *out, const char *text)
{
    put_troff(out, text, strlen(text));
    fputc('\n', out);
}

/* Paragraphs; lines that begin with a blank stay as they are. */
static void put_paragraphs(FILE *out, const char *text)
{
    for (bool plain = true; *text;) {
        size_t len = strcspn(text, "\n");
        bool as_is = *text == ' ';
        if (as_is == plain)
            fputs(as_is ? ".nf\n" : ".fi\n", out);
        plain = !as_is;
        if (len == 0) {
            fputs(".PP\n", out);
        } else {
            put_troff(out, text, len);
            fputc('\n', out);
        }
        text += len + (text[len] == '\n');
        if (!*text && !plain)
            fputs(".fi\n", out);
    }
}

static void put_usage(FILE *out, const struct aep__verb *verb, const char *name)
{
    const char *line = verb->usage ? verb->usage : "";
    do {
        size_t len = strcspn(line, "\n");
        fprintf(out, ".B aep %s\n", name);
        put_troff(out, line, len);
        fputs(line[len] ? "\n.br\n" : "\n", out);
        line += len + (line[len] == '\n');
    } while (*line);
}

static void put_options(FILE *out, const struct aep__verb *verb)
{
    struct aep__flag rows[AEP__OPTIONS_MAX];
    const char *group = "";
    size_t count = aep__verb_options(verb, rows, AEP__OPTIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].same_as)
            continue;
        const char *own = rows[i].group ? rows[i].group : "";
        if (strcmp(own, group) != 0 && *own)
            fprintf(out, ".SS \"%s\"\n", own);
        else if (strcmp(own, group) != 0)
            fputs(".SS \"options of every verb\"\n", out);
        group = own;
        struct aep__buf text = {0};
        aep__help_option(&text, &rows[i], rows, count);
        fputs(".TP\n.B ", out);
        put_text(out, aep__buf_string(&text));
        put_text(out, rows[i].help);
        aep__buf_done(&text);
    }
}

static void put_action(FILE *out, const struct aep__verb *verb, const char *name)
{
    fprintf(out, ".SH \"%s\"\n", name);
    put_usage(out, verb, name);
    fputs(".PP\n", out);
    put_text(out, verb->summary);
    if (verb->description) {
        fputs(".PP\n", out);
        put_paragraphs(out, verb->description);
    }
    fputs(".PP\n", out);
    put_options(out, verb);
}

static void put_exit_status(FILE *out)
{
    fputs(".SH EXIT STATUS\n0 done; 1 failed; 2 wrong usage or an invalid event; 3 accepted, but "
          "not acknowledged in time; 4 refused, the spool is full.\n",
          out);
}

static void put_verb_page(FILE *out, const struct aep__verb *verb)
{
    fprintf(out, ".TH AEP-%s 1 \"\" \"aep %s\" \"aep\"\n.SH NAME\naep\\-%s \\- ", verb->name,
            aep_version(), verb->name);
    put_text(out, verb->summary);
    fputs(".SH SYNOPSIS\n", out);
    put_usage(out, verb, verb->name);
    fputs(".SH DESCRIPTION\n", out);
    put_paragraphs(out, verb->description ? verb->description : verb->summary);
    fputc('\n', out);
    if (verb->actions) {
        each_leaf(verb->actions, verb->name, put_action, out);
    } else {
        fputs(".SH OPTIONS\n", out);
        put_options(out, verb);
    }
    if (verb->examples) {
        fputs(".SH EXAMPLES\n.nf\n", out);
        put_text(out, verb->examples);
        fputs(".fi\n", out);
    }
    put_exit_status(out);
    fputs(".SH SEE ALSO\n.BR aep (1)\n", out);
}

static void put_main_page(FILE *out)
{
    fprintf(out, ".TH AEP 1 \"\" \"aep %s\" \"aep\"\n.SH NAME\naep \\- ", aep_version());
    put_text(out, "publishes what AI agents do to Kafka, through a durable local spool");
    fputs(".SH SYNOPSIS\n.B aep\n.I VERB\n[\\fIOPTION\\fR]...\n.SH DESCRIPTION\n", out);
    put_text(out, "A command that publishes an event ends once the event is on disk. The event "
                  "leaves the disk only after Kafka has acknowledged it. One relay per spool "
                  "runs in the background; no other process talks to Kafka.");
    for (const struct aep__verb *const *verb = aep__verbs; *verb; verb++) {
        if (aep__verb_heading(*verb))
            fprintf(out, ".SS \"%s\"\n", aep__verb_heading(*verb));
        fprintf(out, ".TP\n.BR aep\\-%s (1)\n", (*verb)->name);
        put_text(out, (*verb)->summary);
    }
    put_exit_status(out);
    fputs(".SH ENVIRONMENT\n", out);
    put_paragraphs(out, aep__help_variables);
    put_paragraphs(out, "`aep config explain` lists every option, its variable and its value.\n\n"
                        "AEP_CORRELATION_ID, AEP_CAUSATION_ID, AEP_SESSION_ID, AEP_AGENT_NAME, "
                        "TRACEPARENT: the execution that the caller is part of; `aep run` sets "
                        "them.\n\n"
                        "NO_COLOR: no colour, even on a terminal.");
    fputs("\n.SH EXAMPLES\n", out);
    put_paragraphs(out, aep__help_examples);
    fputs(".SH FILES\n.TP\n$XDG_CONFIG_HOME/aep/aep.conf, /etc/aep/aep.conf\nConfiguration.\n"
          ".TP\n$XDG_STATE_HOME/aep\nThe spools.\n",
          out);
}

static FILE *open_page(const char *folder, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "w");
    if (!out)
        perror(path);
    return out;
}

static int close_page(FILE *out)
{
    bool failed = ferror(out);
    return fclose(out) != 0 || failed ? -1 : 0;
}

static int write_man(const char *folder)
{
    FILE *out = open_page(folder, "aep.1");
    if (!out)
        return -1;
    put_main_page(out);
    int result = close_page(out);
    for (const struct aep__verb *const *verb = aep__verbs; result == 0 && *verb; verb++) {
        char name[64];
        snprintf(name, sizeof name, "aep-%s.1", (*verb)->name);
        out = open_page(folder, name);
        if (!out)
            return -1;
        put_verb_page(out, *verb);
        result = close_page(out);
    }
    return result;
}

/* ---- completions ---------------------------------------------------------------------------- */

static void put_dashed(FILE *out, const char *name)
{
    for (; *name; name++)
        fputc(*name == '_' ? '-' : *name, out);
}

static void put_joined(FILE *out, const char *words)
{
    fputc('=', out);
    for (; *words; words++)
        fputc(*words == ' ' ? '|' : *words, out);
    fputc(' ', out);
}

static void put_names(FILE *out, const struct aep__verb *const *verbs)
{
    for (const char *blank = ""; *verbs; verbs++) {
        if (!(*verbs)->hidden)
            fprintf(out, "%s%s", blank, (*verbs)->name);
        blank = " ";
    }
}

/* The actions of each verb that has some. */
static void put_bash_actions(FILE *out)
{
    for (const struct aep__verb *const *verb = aep__verbs; *verb; verb++) {
        if (!(*verb)->actions)
            continue;
        fprintf(out, "    %s) actions='", (*verb)->name);
        put_names(out, (*verb)->actions);
        fputs("' ;;\n", out);
    }
}

/* One variable of the case: the options of this sort, with the letters they have. */
static void put_bash_options(FILE *out, const char *variable, const struct aep__verb *verb,
                             bool letters, bool (*wanted)(const struct aep__flag *row))
{
    struct aep__flag rows[AEP__OPTIONS_MAX];
    size_t count = aep__verb_options(verb, rows, AEP__OPTIONS_MAX);
    fprintf(out, " %s=' ", variable);
    for (size_t i = 0; i < count; i++) {
        if (!wanted(&rows[i]))
            continue;
        fputs("--", out);
        put_dashed(out, rows[i].name);
        fputc(' ', out);
        if (letters && rows[i].letter)
            fprintf(out, "-%c ", rows[i].letter);
    }
    fputc('\'', out);
}

static bool is_any(const struct aep__flag *row)
{
    return row->name != NULL;
}

static bool takes_value(const struct aep__flag *row)
{
    return row->argument == AEP__ARGUMENT_VALUE;
}

static bool takes_file(const struct aep__flag *row)
{
    return row->choices && strcmp(row->choices, "FILE") == 0;
}

static bool takes_word(const struct aep__flag *row)
{
    return row->choices && !takes_file(row);
}

/* --sort=started|last_event -s=started|last_event: the words that each option takes. */
static void put_bash_words(FILE *out, const struct aep__verb *verb)
{
    struct aep__flag rows[AEP__OPTIONS_MAX];
    size_t count = aep__verb_options(verb, rows, AEP__OPTIONS_MAX);
    fputs(" words=' ", out);
    for (size_t i = 0; i < count; i++) {
        const char letter[] = {'-', (char)rows[i].letter, '\0'};
        if (!takes_word(&rows[i]))
            continue;
        fputs("--", out);
        put_dashed(out, rows[i].name);
        put_joined(out, rows[i].choices);
        if (rows[i].letter) {
            fputs(letter, out);
            put_joined(out, rows[i].choices);
        }
    }
    fputc('\'', out);
}

static void put_bash_case(FILE *out, const struct aep__verb *verb, const char *name)
{
    fprintf(out, "    '%s')", name);
    put_bash_options(out, "options", verb, false, is_any);
    put_bash_options(out, "values", verb, true, takes_value);
    put_bash_options(out, "files", verb, true, takes_file);
    put_bash_words(out, verb);
    fprintf(out, " operands='%s' ;;\n", verb->operands ? verb->operands : "");
}

/* What bash does with the tables. bash-completion has a function for the command line within a
 * command line (_comp_command_offset, older _command_offset); without it the command's own
 * completion is called with the words from there on. */
static const char bash_helpers[] =
    "_aep_reply()\n{\n"
    "    mapfile -t COMPREPLY < <(compgen \"$@\" -- \"$cur\")\n}\n"
    "# the words of $1, for one that may hold colons: bash makes several words of it\n"
    "_aep_colons()\n{\n"
    "    local own=${COMP_LINE:0:COMP_POINT}\n"
    "    own=${own##*[[:space:]]}\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$own\")\n"
    "    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *: ]] && compopt -o nospace 2>/dev/null\n"
    "    [[ $own == *:* && $COMP_WORDBREAKS == *:* ]] || return 0\n"
    "    COMPREPLY=(\"${COMPREPLY[@]#\"${own%\"${own##*:}\"}\"}\")\n}\n"
    "_aep_files()\n{\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    _aep_reply -f\n}\n"
    "# the command line that begins at word $1\n"
    "_aep_command()\n{\n"
    "    local at=$1 i own line=$COMP_LINE\n"
    "    for own in _comp_command_offset _command_offset; do\n"
    "        if declare -F $own >/dev/null; then\n"
    "            $own \"$at\"\n            return\n        fi\n    done\n"
    "    if ((COMP_CWORD == at)); then\n"
    "        [[ $cur == */* ]] && compopt -o filenames 2>/dev/null\n"
    "        _aep_reply -c\n        return\n    fi\n"
    "    own=$(complete -p \"${COMP_WORDS[at]##*/}\" 2>/dev/null)\n"
    "    if [[ $own != *' -F '* ]]; then\n        _aep_files\n        return\n    fi\n"
    "    own=${own##* -F } own=${own%% *}\n"
    "    for ((i = 0; i < at; i++)); do\n        line=${line#*\"${COMP_WORDS[i]}\"}\n    done\n"
    "    line=${line#\"${line%%[![:space:]]*}\"}\n"
    "    local COMP_POINT=$((COMP_POINT - ${#COMP_LINE} + ${#line})) COMP_LINE=$line\n"
    "    local COMP_WORDS=(\"${COMP_WORDS[@]:at}\") COMP_CWORD=$((COMP_CWORD - at))\n"
    "    \"$own\" \"${COMP_WORDS[0]}\" \"$cur\" \"${COMP_WORDS[COMP_CWORD - 1]}\"\n}\n"
    "# the first word from $1 on that is neither an option nor its value, in first; behind \"--\" it\n"
    "# may look like one\n"
    "_aep_first()\n{\n"
    "    local word\n"
    "    for ((first = $1; first < COMP_CWORD;)); do\n"
    "        word=${COMP_WORDS[first]}\n"
    "        if [[ $word == -- ]]; then\n            ((first++))\n            return 0\n"
    "        elif [[ $word != -* ]]; then\n            return 0\n"
    "        elif [[ ${COMP_WORDS[first + 1]} == '=' ]]; then\n            ((first += 3))\n"
    "        elif [[ $values == *\" $word \"* ]]; then\n            ((first += 2))\n"
    "        else\n            ((first++))\n        fi\n    done\n"
    "    [[ $first == \"$COMP_CWORD\" && $cur != -* ]]\n}\n";

/* _aep: which verb and action, then what stands before the word. With --name=value bash makes three
 * words of it. */
static const char bash_begin[] =
    "_aep()\n{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local name=${COMP_WORDS[1]} at=2 first actions options='' values='' files='' words='' operands=''\n"
    "    COMPREPLY=()\n    if ((COMP_CWORD == 1)); then\n"
    "        _aep_reply -W \"$_aep_verbs --help --version\"\n        return\n    fi\n"
    "    _aep_actions \"$name\"\n"
    "    if [[ $actions ]]; then\n"
    "        if ((COMP_CWORD == 2)); then\n"
    "            _aep_reply -W \"$actions\"\n            return\n        fi\n"
    "        name=\"$name ${COMP_WORDS[2]}\" at=3\n"
    "    fi\n    case $name in\n";

static const char bash_end[] =
    "    esac\n"
    "    if [[ $operands == COMMAND ]] && _aep_first \"$at\"; then\n"
    "        _aep_command \"$first\"\n        return\n    fi\n"
    "    if [[ $cur == '=' ]]; then\n"
    "        cur=''\n"
    "    elif [[ $prev == '=' ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n"
    "    if [[ $operands == VERB ]]; then\n"
    "        _aep_actions \"${COMP_WORDS[at]}\"\n"
    "        ((COMP_CWORD > at)) || actions=$_aep_verbs\n"
    "        ((COMP_CWORD > at + 1)) || operands=$actions\n"
    "    fi\n"
    "    if [[ $files == *\" $prev \"* || $operands == FILE && $cur != -* && "
    "$values != *\" $prev \"* ]]; then\n"
    "        _aep_files\n"
    "    elif [[ $words == *\" $prev=\"* ]]; then\n"
    "        words=${words#*\" $prev=\"} words=${words%% *}\n"
    "        _aep_reply -W \"${words//|/ }\"\n"
    "    elif [[ $values == *\" $prev \"* ]]; then\n"
    "        return\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        _aep_reply -W \"$options\"\n"
    "    elif [[ $operands == *:* ]]; then\n"
    "        _aep_colons \"$operands\"\n"
    "    elif [[ $operands != COMMAND && $operands != VERB ]]; then\n"
    "        _aep_reply -W \"$operands\"\n"
    "    fi\n}\ncomplete -F _aep aep\n";

static void put_bash(FILE *out)
{
    fputs("# bash completion for aep; generated from its tables\n_aep_verbs='", out);
    put_names(out, aep__verbs);
    fputs("'\n_aep_actions()\n{\n    case $1 in\n", out);
    put_bash_actions(out);
    fputs("    *) actions='' ;;\n    esac\n}\n", out);
    fputs(bash_helpers, out);
    fputs(bash_begin, out);
    each_leaf(aep__verbs, "", put_bash_case, out);
    fputs(bash_end, out);
}

/* Text between the brackets of a specification of _arguments, within single quotes. */
static void put_zsh_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr("[]:\\", *text))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

/* ":FILE:_files", ":ORDER:(started last_event)"; ":N:" where anything goes. */
static void put_zsh_value(FILE *out, const struct aep__flag *row)
{
    const char *words = takes_word(row) ? row->choices : "";
    fprintf(out, ":%s:", row->metavar);
    if (takes_file(row))
        fputs("_files", out);
    else if (*words)
        fprintf(out, "(%s)", words);
}

/* '(-n --lines)'{-n+,--lines=}'[help]:N:' for one that has a letter, else '--lines=[help]:N:'. */
static void put_zsh_option(FILE *out, const struct aep__flag *row, const char *help)
{
    static const char *const letter_marks[] = {"", "+", "-"};
    static const char *const marks[] = {"", "=", "=-"};
    fputs(" \\\n            '", out);
    if (row->letter) {
        fprintf(out, "(-%c --", row->letter);
        put_dashed(out, row->name);
        fprintf(out, ")'{-%c%s,", row->letter, letter_marks[row->argument]);
    }
    fputs("--", out);
    put_dashed(out, row->name);
    fprintf(out, "%s%s[", marks[row->argument], row->letter ? "}'" : "");
    put_zsh_text(out, help ? help : "");
    fputc(']', out);
    if (row->argument == AEP__ARGUMENT_OPTIONAL)
        fprintf(out, "::%s:", row->metavar);
    else if (row->argument == AEP__ARGUMENT_VALUE)
        put_zsh_value(out, row);
    fputc('\'', out);
}

static const char *help_of(const struct aep__flag *rows, size_t count, const struct aep__flag *row)
{
    for (size_t i = 0; row->same_as && i < count; i++) {
        if (strcmp(rows[i].name, row->same_as) == 0)
            return rows[i].help;
    }
    return row->help;
}

static void put_zsh_case(FILE *out, const struct aep__verb *verb, const char *name)
{
    struct aep__flag rows[AEP__OPTIONS_MAX];
    size_t count = aep__verb_options(verb, rows, AEP__OPTIONS_MAX);
    fprintf(out, "        '%s')\n            _arguments -s -S%s", name,
            verb->stops_at_operand ? " -A '-*'" : "");
    for (size_t i = 0; i < count; i++)
        put_zsh_option(out, &rows[i], help_of(rows, count, &rows[i]));
    const char *operands = verb->operands ? verb->operands : "";
    if (strcmp(operands, "FILE") == 0)
        fputs(" \\\n            '*:file:_files'", out);
    else if (strcmp(operands, "COMMAND") == 0)
        fputs(" \\\n            '*::command:_aep_command'", out);
    else if (strcmp(operands, "VERB") == 0)
        fputs(" \\\n            '1:verb:_aep_verbs' '2:action:{_aep_actions $words[2]}'", out);
    else if (*operands) {
        fprintf(out, " \\\n            '%s:what:{_aep_words ", verb->operands_max == 1 ? "1" : "*");
        put_zsh_text(out, operands);
        fputs("}'", out);
    }
    fputs(" ;;\n", out);
}

/* The body of a function that offers the names of a list with their summaries. */
static void put_zsh_names(FILE *out, const struct aep__verb *const *verbs, const char *indent)
{
    fprintf(out, "%slocal -a names=(", indent);
    for (; *verbs; verbs++) {
        if ((*verbs)->hidden)
            continue;
        fprintf(out, "\n%s    '%s:", indent, (*verbs)->name);
        put_zsh_text(out, (*verbs)->summary);
        fputc('\'', out);
    }
    fprintf(out, ")\n%s_describe verb names", indent);
}

static void put_zsh(FILE *out)
{
    fputs("#compdef aep\n# generated from the tables of aep\n_aep_verbs()\n{\n", out);
    put_zsh_names(out, aep__verbs, "    ");
    fputs("\n}\n# the actions of verb $1; false: it has none\n_aep_actions()\n{\n    case $1 in\n",
          out);
    for (const struct aep__verb *const *verb = aep__verbs; *verb; verb++) {
        if (!(*verb)->actions)
            continue;
        fprintf(out, "    %s)\n", (*verb)->name);
        put_zsh_names(out, (*verb)->actions, "        ");
        fputs(" ;;\n", out);
    }
    fputs("    *) return 1 ;;\n    esac\n}\n"
          "# words; one that ends with a colon goes on\n"
          "_aep_words()\n{\n"
          "    compadd -S '' -- ${(M)@:#*:}\n    compadd -- ${@:#*:}\n}\n"
          "# a command line of its own; _arguments leaves a \"--\" that comes first\n"
          "_aep_command()\n{\n"
          "    if [[ $words[1] == -- ]]; then\n        shift words\n        ((CURRENT--))\n    fi\n"
          "    _normal\n}\n"
          "_aep()\n{\n"
          "    local name=$words[2]\n"
          "    if ((CURRENT == 2)); then\n        _aep_verbs\n        return\n    fi\n"
          "    case $name in\n    ",
          out);
    const char *bar = "";
    for (const struct aep__verb *const *verb = aep__verbs; *verb; verb++) {
        if (!(*verb)->actions)
            continue;
        fprintf(out, "%s%s", bar, (*verb)->name);
        bar = "|";
    }
    fputs(")\n        if ((CURRENT == 3)); then\n            _aep_actions $name\n"
          "            return\n        fi\n"
          "        name=\"$name $words[3]\"\n"
          "        shift words\n        ((CURRENT--)) ;;\n"
          "    esac\n    shift words\n    ((CURRENT--))\n    case $name in\n",
          out);
    each_leaf(aep__verbs, "", put_zsh_case, out);
    fputs("    esac\n}\n_aep \"$@\"\n", out);
}

/* ---- reference ------------------------------------------------------------------------------ */

static void put_section(FILE *out, const struct aep__verb *verb, const char *name)
{
    struct aep__buf text = {0};
    aep__help_verb(&text, verb, name);
    fprintf(out, "\n## aep %s\n\n```text\n%s```\n", name, aep__buf_string(&text));
    aep__buf_done(&text);
}

static void put_markdown(FILE *out)
{
    struct aep__buf text = {0};
    aep__help_all(&text, aep__verbs);
    fprintf(out,
            "# Command line\n\n"
            "Generated from the tables in `apps/aep`, like `--help` and the man pages.\n\n"
            "```text\n"
            "%s```\n",
            aep__buf_string(&text));
    aep__buf_done(&text);
    each_leaf(aep__verbs, "", put_section, out);
}

static int write_file(const char *path, void (*put)(FILE *out))
{
    FILE *out = fopen(path, "w");
    if (!out) {
        perror(path);
        return -1;
    }
    put(out);
    return close_page(out);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*put)(FILE *out);
    } forms[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"markdown", put_markdown}};
    if (argc == 3 && strcmp(argv[1], "man") == 0)
        return write_man(argv[2]) != 0;
    for (size_t i = 0; argc == 3 && i < sizeof forms / sizeof *forms; i++) {
        if (strcmp(argv[1], forms[i].name) == 0)
            return write_file(argv[2], forms[i].put) != 0;
    }
    fputs("usage: gen_docs man DIR | bash FILE | zsh FILE | markdown FILE\n", stderr);
    return 2;
}

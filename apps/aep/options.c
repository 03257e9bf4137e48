/* SPDX-License-Identifier: Apache-2.0 */
/* The parser: one pass over argv. Options go to `given` in order, operands are moved to the front
 * of argv, so that nothing is copied and one allocation holds all. */
#include "options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "config/nearest.h"
#include "config/value.h"
#include "out.h"

/* Where the pass stands. */
struct parse {
    struct aep__args *args;
    char **next; /* the word to look at */
    const struct aep__flag
        *bare; /* the previous word was this option, without its optional value */
    aep_error *err;
};

static const struct aep__flag common_options[] = {
    {"set", 0, AEP__ARGUMENT_VALUE, "KEY=VALUE",
     "Sets a configuration option; beats the environment and aep.conf; may be repeated. `aep "
     "config explain` lists them.",
     NULL, NULL, NULL},
    {"help", 'h', AEP__ARGUMENT_NONE, NULL, "Shows this help.", NULL, NULL, NULL},
    AEP__OPTIONS_END,
};

static size_t add_options(struct aep__flag *rows, size_t count, size_t max,
                          const struct aep__flag *more)
{
    for (; more && more->name && count < max; more++)
        rows[count++] = *more;
    return count;
}

size_t aep__verb_options(const struct aep__verb *verb, struct aep__flag *rows, size_t max)
{
    size_t count = add_options(rows, 0, max, verb->options);
    if (verb->more_options)
        count += verb->more_options(rows + count, max - count);
    return add_options(rows, count, max, common_options);
}

const struct aep__verb *aep__verb_find(const struct aep__verb *const *verbs, const char *name)
{
    for (; verbs && *verbs; verbs++) {
        if (strcmp((*verbs)->name, name) == 0)
            return *verbs;
    }
    return NULL;
}

/* Whether a row's name is these len characters; '_' and '-' are the same. */
static bool name_is(const char *name, const char *typed, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char a = name[i] == '_' ? '-' : name[i], b = typed[i] == '_' ? '-' : typed[i];
        if (a != b || a == '\0')
            return false;
    }
    return name[len] == '\0';
}

static const struct aep__flag *find_long(const struct aep__args *args, const char *typed,
                                         size_t len)
{
    for (size_t i = 0; i < args->row_count; i++) {
        if (name_is(args->rows[i].name, typed, len))
            return &args->rows[i];
    }
    return NULL;
}

/* The option that a row stands for. */
static const struct aep__flag *follow(const struct aep__args *args, const struct aep__flag *row)
{
    return row->same_as ? find_long(args, row->same_as, strlen(row->same_as)) : row;
}

static const struct aep__flag *find_letter(const struct aep__args *args, char letter)
{
    for (size_t i = 0; i < args->row_count; i++) {
        if (args->rows[i].letter == letter)
            return &args->rows[i];
    }
    return NULL;
}

/* Turns one kind of dash into the other, in place. */
static char *replace_dashes(char *text, char from, char to)
{
    for (char *c = strchr(text, from); c; c = strchr(c, from))
        *c = to;
    return text;
}

static int refuse_unknown(const struct parse *parse, const char *typed, size_t len)
{
    char name[64], plain[64], hint[96] = "";
    snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), typed);
    snprintf(plain, sizeof plain, "%s", name);
    struct aep__nearest nearest = {.wanted = replace_dashes(plain, '-', '_')};
    for (size_t i = 0; i < parse->args->row_count; i++)
        aep__nearest_show(&nearest, parse->args->rows[i].name);
    if (aep__nearest_get(&nearest))
        snprintf(hint, sizeof hint, "; did you mean --%s?", aep__nearest_get(&nearest));
    return aep__error(parse->err, AEP_EINVAL, "", "%s: unknown option --%s%s", parse->args->name,
                      name, replace_dashes(hint, '_', '-'));
}

static void add_given(struct parse *parse, const struct aep__flag *typed, const char *value)
{
    struct aep__args *args = parse->args;
    args->given[args->given_count++] = (struct aep__given){follow(args, typed), typed, value};
}

/* Takes the next word as the option's value. */
static int take_value(struct parse *parse, const struct aep__flag *option, const char *shown)
{
    if (!*parse->next)
        return aep__error(parse->err, AEP_EINVAL, "", "%s: %s needs a value: %s", parse->args->name,
                          shown, option->metavar);
    add_given(parse, option, *parse->next++);
    return AEP_OK;
}

static int parse_long(struct parse *parse, const char *word)
{
    const char *typed = word + 2, *equals = strchr(typed, '=');
    size_t len = equals ? (size_t)(equals - typed) : strlen(typed);
    const struct aep__flag *option = find_long(parse->args, typed, len);
    if (!option)
        return refuse_unknown(parse, typed, len);
    if (equals && option->argument == AEP__ARGUMENT_NONE)
        return aep__error(parse->err, AEP_EINVAL, "", "%s: --%.*s takes no value",
                          parse->args->name, (int)len, typed);
    if (equals || option->argument != AEP__ARGUMENT_VALUE) {
        add_given(parse, option, equals ? equals + 1 : NULL);
        parse->bare = !equals && option->argument == AEP__ARGUMENT_OPTIONAL ? option : NULL;
        return AEP_OK;
    }
    return take_value(parse, option, word);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One word of letters: the last of them may have a value, joined or in the next word. An optional
 * value must be joined and begin with a digit: -w5s. */
static int parse_letters(struct parse *parse, const char *word)
{
    for (const char *letter = word + 1; *letter; letter++) {
        const struct aep__flag *option = find_letter(parse->args, *letter);
        if (!option)
            return aep__error(parse->err, AEP_EINVAL, "", "%s: unknown option -%c",
                              parse->args->name, *letter);
        bool may_go_without = option->argument == AEP__ARGUMENT_OPTIONAL;
        if ((option->argument == AEP__ARGUMENT_VALUE && letter[1]) ||
            (may_go_without && is_digit(letter[1]))) {
            add_given(parse, option, letter + 1);
            return AEP_OK;
        }
        parse->bare = may_go_without ? option : NULL;
        if (option->argument == AEP__ARGUMENT_VALUE)
            return take_value(parse, option, (char[]){'-', *letter, '\0'});
        add_given(parse, option, NULL);
    }
    return AEP_OK;
}

/* `--wait 5`: an optional value has to be joined to its option, and no verb takes a number as an
 * operand. */
static int refuse_apart(const struct parse *parse, const char *word)
{
    const char *name = parse->bare->name;
    bool plain = word[strspn(word, "0123456789")] == '\0';
    if (plain && strcmp(parse->bare->metavar, "MS") == 0)
        return aep__error(parse->err, AEP_EINVAL, name,
                          "%s: write --%s=%ss for seconds or --%s=%s for milliseconds, not \"%s\" "
                          "by itself",
                          parse->args->name, name, word, name, word, word);
    return aep__error(parse->err, AEP_EINVAL, name, "%s: write --%s=%s, not \"%s\" by itself",
                      parse->args->name, name, word, word);
}

/* A folder where no operand belongs is probably meant as the spool. */
static bool means_spool(const struct aep__args *args, const char *word)
{
    for (size_t i = 0; strchr(word, '/') && i < args->row_count; i++)
        if (strcmp(args->rows[i].name, "spool") == 0)
            return true;
    return false;
}

static int refuse_operand(const struct parse *parse, const char *word)
{
    if (means_spool(parse->args, word))
        return aep__error(parse->err, AEP_EINVAL, "",
                          "%s: unexpected argument \"%s\"; did you mean --spool %s?",
                          parse->args->name, word, word);
    return aep__error(parse->err, AEP_EINVAL, "", "%s: unexpected argument \"%s\"",
                      parse->args->name, word);
}

static int check_operands(const struct parse *parse)
{
    const struct aep__args *args = parse->args;
    const struct aep__verb *verb = args->verb;
    if (aep__args_given(args, "help"))
        return AEP_OK;
    if (args->operand_count < verb->operands_min)
        return aep__error(parse->err, AEP_EINVAL, "",
                          "%s: an argument is missing; usage: aep %s "
                          "%s",
                          args->name, args->name, verb->usage ? verb->usage : "");
    if (args->operand_count > verb->operands_max)
        return refuse_operand(parse, args->operands[verb->operands_max]);
    return AEP_OK;
}

static int parse_words(struct parse *parse)
{
    struct aep__args *args = parse->args;
    bool options_end = false;
    while (*parse->next) {
        char *word = *parse->next++;
        int code = AEP_OK;
        if (parse->bare && is_digit(word[0]))
            return refuse_apart(parse, word);
        parse->bare = NULL;
        if (options_end || word[0] != '-' || !word[1]) {
            options_end |= args->verb->stops_at_operand;
            args->operands[args->operand_count++] = word;
        } else if (strcmp(word, "--") == 0) {
            options_end = true;
        } else {
            code = word[1] == '-' ? parse_long(parse, word) : parse_letters(parse, word);
        }
        if (code != AEP_OK)
            return code;
    }
    args->operands[args->operand_count] = NULL;
    return check_operands(parse);
}

/* Every letter of a word may be an option of its own. */
static size_t count_possible(char **argv)
{
    size_t count = 0;
    for (; *argv; argv++)
        count += (*argv)[0] == '-' && (*argv)[1] != '-' ? strlen(*argv) : 1;
    return count;
}

int aep__args_parse(struct aep__args *args, const struct aep__verb *verb, const char *name,
                    char **argv, aep_error *err)
{
    args->verb = verb;
    snprintf(args->name, sizeof args->name, "%s", name);
    args->row_count = aep__verb_options(verb, args->rows, AEP__OPTIONS_MAX);
    args->operands = argv;
    args->operand_count = args->given_count = 0;
    args->given = malloc((count_possible(argv) + 1) * sizeof *args->given);
    if (!args->given)
        return aep__error_memory(err);
    struct parse parse = {.args = args, .next = argv, .err = err};
    return parse_words(&parse);
}

void aep__args_done(struct aep__args *args)
{
    free(args->given);
    args->given = NULL;
}

static const struct aep__given *find_given(const struct aep__args *args, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = args->given_count; i-- > 0;) {
        if (name_is(args->given[i].option->name, name, len))
            return &args->given[i];
    }
    return NULL;
}

bool aep__args_given(const struct aep__args *args, const char *name)
{
    return find_given(args, name) != NULL;
}

const char *aep__args_text(const struct aep__args *args, const char *name)
{
    const struct aep__given *given = find_given(args, name);
    return given ? given->value : NULL;
}

int aep__args_int(const struct aep__args *args, const char *name, int64_t min, int64_t max,
                  int64_t *ret, aep_error *err)
{
    const char *text = aep__args_text(args, name);
    if (!text)
        return AEP_OK;
    char *end = NULL, shown[64];
    long long value = strtoll(text, &end, 10);
    snprintf(shown, sizeof shown, "%s", name);
    if (*text == '\0' || *end || value < min || value > max)
        return aep__error(err, AEP_EINVAL, name,
                          "%s: --%s takes a whole number from %lld to %lld, not \"%s\"", args->name,
                          replace_dashes(shown, '_', '-'), (long long)min, (long long)max, text);
    *ret = value;
    return AEP_OK;
}

int aep__args_ms(const struct aep__args *args, const char *name, int min, int *ret, aep_error *err)
{
    const struct aep__option_row row = {
        .key = name, .type = AEP__OPTION_TYPE_MS, .min = min > 0 ? min : 0, .max = INT_MAX};
    const char *text = aep__args_text(args, name);
    struct aep__buf canonical = {0};
    struct aep__problem problem;
    int64_t ms = -1;
    bool fine = !text || (min < 0 && strcmp(text, "-1") == 0) ||
                aep__value_parse(&row, text, &canonical, &ms, &problem);
    aep__buf_done(&canonical);
    if (!fine)
        return aep__error(err, AEP_EINVAL, name, "%s: --%s: %s", args->name, name, problem.text);
    if (text)
        *ret = (int)ms;
    return AEP_OK;
}

static int set_option(const struct aep__args *args, aep_config *config, const char *setting,
                      aep_error *err)
{
    char key[128];
    const char *equals = strchr(setting, '=');
    size_t len = equals ? (size_t)(equals - setting) : 0;
    if (!equals || len >= sizeof key)
        return aep__error(err, AEP_EINVAL, "set", "%s: --set takes KEY=VALUE, not \"%s\"",
                          args->name, setting);
    memcpy(key, setting, len);
    key[len] = '\0';
    int code = aep_config_set(config, key, equals + 1, err);
    if (code == AEP_ECONFIG && err) /* set on the command line, it is wrong usage */
        err->code = code = AEP_EINVAL;
    return code;
}

/* A relative path starts at our working folder, also for a folder that does not exist yet. */
static int set_spool(const struct aep__args *args, aep_config *config, aep_error *err)
{
    const char *named = aep__args_text(args, "spool");
    char path[PATH_MAX];
    if (!named || realpath(named, path))
        return named ? aep_config_set(config, "spool.dir", path, err) : AEP_OK;
    if (errno != ENOENT)
        return aep__error_errno(err, AEP_ESPOOL, "spool", "%s", named);
    bool absolute = named[0] == '/';
    if (!absolute && !getcwd(path, sizeof path))
        return aep__error_errno(err, AEP_ESPOOL, "spool", "the working folder");
    struct aep__buf folder = {0};
    aep__buf_format(&folder, "%s%s%s", absolute ? "" : path, absolute ? "" : "/", named);
    int code = folder.failed ? aep__error_memory(err)
                             : aep_config_set(config, "spool.dir", aep__buf_string(&folder), err);
    aep__buf_done(&folder);
    return code;
}

static void say_log(void *user, enum aep_log_level level, const char *text)
{
    (void)user;
    if (level <= AEP_LOG_WARNING)
        aep__out_say("%s", text);
}

int aep__args_config(const struct aep__args *args, aep_config **ret, aep_error *err)
{
    aep_config *config = aep_config_new();
    if (!config)
        return aep__error_memory(err);
    int code = AEP_OK;
    aep_config_set_log(config, say_log, NULL);
    for (size_t i = 0; code == AEP_OK && i < args->given_count; i++) {
        if (strcmp(args->given[i].option->name, "set") == 0)
            code = set_option(args, config, args->given[i].value, err);
    }
    if (code == AEP_OK)
        code = set_spool(args, config, err);
    if (code != AEP_OK) {
        aep_config_free(config);
        return code;
    }
    *ret = config;
    return AEP_OK;
}

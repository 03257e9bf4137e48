/* SPDX-License-Identifier: Apache-2.0 */
/* The light front program: finds the verb, runs it here or becomes the program that does.
 *
 *     aep publish …  ──▶ the table in verbs.c ──▶ publish.c
 *     aep topics …   ──▶ the table            ──▶ exec ../libexec/aep/aep-topics
 *     aep watch …    ──▶ not in the table     ──▶ exec aep-watch, if it is installed */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "aep/aep.h"
#include "config/nearest.h"
#include "help.h"
#include "out.h"
#include "program.h"
#include "verbs.h"

static int show_verbs(void)
{
    struct aep__buf text = {0};
    aep__help_all(&text, aep__verbs);
    return aep__out_finish(&text);
}

static int show_version(void)
{
    struct aep__buf text = {0};
    aep__buf_format(&text, "aep %s\n", aep_version());
    return aep__out_finish(&text);
}

static int refuse_verb(const char *name)
{
    struct aep__nearest nearest = {.wanted = name};
    for (const struct aep__verb *const *verb = aep__verbs; *verb; verb++)
        aep__nearest_show(&nearest, (*verb)->name);
    const char *near = aep__nearest_get(&nearest);
    if (near)
        aep__out_say("unknown verb \"%s\"; did you mean %s?", name, near);
    else
        aep__out_say("unknown verb \"%s\"; `aep --help` lists them", name);
    return AEP__EXIT_USAGE;
}

static int run_verb(const struct aep__verb *verb, char **argv)
{
    return verb->program ? aep__program_exec(verb->program, argv)
                         : aep__verb_main(verb, verb->name, argv, NULL);
}

/* A verb that another package brings, as a program of that name. */
static int run_foreign(const char *name, char **argv)
{
    char program[64], path[PATH_MAX];
    int len = snprintf(program, sizeof program, "aep-%s", name);
    bool plain = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
    if (!plain || len < 0 || (size_t)len >= sizeof program ||
        !aep__program_find(program, path, sizeof path))
        return refuse_verb(name);
    return aep__program_exec(program, argv);
}

/* `aep help [VERB]…` is `aep VERB --help`. */
static int run_help(char **argv)
{
    static char help[] = "--help";
    const struct aep__verb *verb = argv[0] ? aep__verb_find(aep__verbs, argv[0]) : NULL;
    if (!argv[0])
        return show_verbs();
    if (!verb)
        return refuse_verb(argv[0]);
    char *words[] = {argv[1] ? argv[1] : help, argv[1] ? help : NULL, NULL};
    return run_verb(verb, words);
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int main(int argc, char **argv)
{
    aep__out_guard();
    if (argc < 2) {
        aep__out_say("a verb is wanted; `aep --help` lists them");
        return AEP__EXIT_USAGE;
    }
    const char *word = argv[1];
    if (is_one_of(word, "--help", "-h"))
        return show_verbs();
    if (is_one_of(word, "--version", "-V"))
        return show_version();
    if (strcmp(word, "help") == 0)
        return run_help(argv + 2);
    const struct aep__verb *verb = aep__verb_find(aep__verbs, word);
    return verb ? run_verb(verb, argv + 2) : run_foreign(word, argv + 2);
}

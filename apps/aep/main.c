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

/* @argv  from the verb's name on */
static int run_verb(const struct aep__verb *verb, char **argv)
{
    return verb->program ? aep__program_exec(verb->program, argv + !verb->shared)
                         : aep__verb_main(verb, verb->name, argv + 1, NULL);
}

/* A verb that another package provides, as a program of that name. */
static int run_foreign(const char *name, char **argv)
{
    char program[64], path[PATH_MAX];
    int len = snprintf(program, sizeof program, "aep-%s", name);
    bool plain = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
    if (!plain || len < 0 || (size_t)len >= sizeof program ||
        !aep__program_find(program, path, sizeof path))
        return aep__verb_refuse(name);
    return aep__program_exec(program, argv);
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int main(int argc, char **argv)
{
    aep__out_guard();
    if (argc < 2)
        return aep__verb_refuse("");
    const char *word = argv[1];
    if (is_one_of(word, "--help", "-h"))
        return show_verbs();
    if (is_one_of(word, "--version", "-V"))
        return show_version();
    const struct aep__verb *verb = aep__verb_find(aep__verbs, word);
    return verb ? run_verb(verb, argv + 1) : run_foreign(word, argv + 2);
}

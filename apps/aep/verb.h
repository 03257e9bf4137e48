/* SPDX-License-Identifier: Apache-2.0 */
/* A verb of the command line as data: its name, its options, its help and the function that runs
 * it. Parser, help, man pages and completions all read these tables and nothing else.
 *
 *     struct aep__verb ──▶ options: rows of its own, rows made at run time (publish: one for each
 *        │                          payload member), rows that every verb has
 *        └──▶ actions: verbs below it ("dead list"), for a verb that does nothing by itself
 *
 * A verb is either run here (run) or by another program (program), as git runs git-foo. */
#ifndef AEP_APP_VERB_H
#define AEP_APP_VERB_H

#include <stdbool.h>
#include <stddef.h>

enum aep__exit {
    AEP__EXIT_DONE = 0,
    AEP__EXIT_FAILED = 1,
    AEP__EXIT_USAGE = 2,     /* wrong usage, or an invalid event */
    AEP__EXIT_DEFERRED = 3,  /* accepted, not acknowledged in time */
    AEP__EXIT_FULL = 4,      /* refused: the spool is full */
    AEP__EXIT_ABANDONED = 5, /* watch --exit-status: the execution was */
};

enum aep__argument {
    AEP__ARGUMENT_NONE,
    AEP__ARGUMENT_VALUE,    /* --name VALUE, --name=VALUE */
    AEP__ARGUMENT_OPTIONAL, /* --name, --name=VALUE */
};

struct aep__flag {
    const char *name; /* long, without dashes; a '_' in it is typed and shown as '-' */
    char letter;      /* 0: none */
    enum aep__argument argument;
    const char *metavar;
    const char *help;
    const char *choices; /* for completion: words, or "FILE"; NULL: anything */
    const char *same_as; /* short for this other option of the same verb */
    const char *group;   /* heading in the help; NULL: the verb's own */
};

struct aep__args;

struct aep__verb {
    const char *name;
    const char *summary;
    const char *usage;       /* what follows the name, one form a line */
    const char *description; /* paragraphs, separated by an empty line; wrapped when shown. A line
                                that begins with a blank is shown as it is */
    const char *examples;
    const struct aep__flag *options; /* ended by a row without a name; NULL: none */
    size_t (*more_options)(struct aep__flag *rows, size_t max);
    const struct aep__verb *const *actions; /* ended by NULL */
    int (*otherwise)(
        char **argv);     /* of a verb with actions: where the first word is none of them; NULL:
                                      that is refused */
    const char *operands; /* for completion: words, or "FILE", "COMMAND", "VERB" */
    size_t operands_min, operands_max;
    bool stops_at_operand; /* words after the first operand are not ours */
    bool hidden;
    const char *program;
    bool shared; /* the program runs several verbs: their names are its first argument */
    int (*run)(struct aep__args *args); /* returns enum aep__exit */
};

#define AEP__OPERANDS_ANY ((size_t)-1)
#define AEP__OPTIONS_END                                                                           \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/** All options of a verb, the common ones last, into rows; returns how many. */
size_t aep__verb_options(const struct aep__verb *verb, struct aep__flag *rows, size_t max);
#define AEP__OPTIONS_MAX 64
/** The one of a list (ended by NULL) with this name; NULL: none. */
const struct aep__verb *aep__verb_find(const struct aep__verb *const *verbs, const char *name);

#endif

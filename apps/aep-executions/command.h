/* SPDX-License-Identifier: Apache-2.0 */
/* The command of --exec: run for each change of state, one after the other, without a shell. The row is
 * its standard input. Nobody waits for it but the next one, and the end of the program. */
#ifndef AEP_EXECUTIONS_COMMAND_H
#define AEP_EXECUTIONS_COMMAND_H

#include "track/row.h"

#include <sys/types.h>

#define AEP__COMMANDS_MAX 1000 /* that are waiting */

struct aep__command_call {
    struct aep__buf id, state, correlation, row;
};

struct aep__command {
    struct aep__buf text;            /* its words, a NUL after each */
    char **words;                    /* NULL at the end; NULL: there is no command */
    bool quiet;                      /* a screen is shown: what it writes is not */
    struct aep__command_call *calls; /* a ring */
    size_t first, count;
    pid_t pid; /* of the one that runs; 0: none */
    uint64_t dropped;
    int error; /* errno: it could not be started */
};

/** Reads the command: words with blanks between; quotes keep blanks, a backslash the next character.
 * Errors: AEP_EINVAL a quote is open, or there is no word; AEP_ENOMEM */
int aep__command_init(struct aep__command *command, const char *typed, aep_error *err);
/** Ends the one that runs. */
void aep__command_done(struct aep__command *command);
/** Has it run for an execution. */
void aep__command_call(struct aep__command *command, const struct aep__tracked *execution,
                       const struct aep__view *view);
/** Takes the end of the one that ran, starts the next. */
void aep__command_turn(struct aep__command *command);
bool aep__command_idle(const struct aep__command *command);

#endif

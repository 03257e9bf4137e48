/* SPDX-License-Identifier: Apache-2.0 */
/* Running a command as if nothing stood between it and its caller.
 *
 *     caller ──signal──▶ this process ──passed on──▶ child      sent by a program to us alone
 *     terminal ──────signal─────┴────────────────▶ child      to the whole group: not passed on
 *     child stops ──▶ this process stops likewise, so that the shell sees its job stop
 *
 * The child stays in our process group and session, with our descriptors, terminal, signal mask and
 * dispositions as they were at our start. Signals are blocked here and taken one by one with
 * sigwaitinfo(2), which tells who sent them; there are no handlers. */
#ifndef AEP_APP_CHILD_H
#define AEP_APP_CHILD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

/* To be set in the child's environment; a NULL value is left alone. */
struct aep__child_variable {
    const char *name, *value;
};

struct aep__child_end {
    int exec_error;      /* errno if it could not be started; the rest is not set then */
    int status;          /* as wait(2) gives it: it exited or was killed */
    struct rusage usage; /* of it and of those that it has waited for */
};

/** Runs argv (found as execvp(3) finds it) to its end.
 * @variables  ended by a NULL name */
void aep__child_run(char *const argv[], const struct aep__child_variable *variables,
                    struct aep__child_end *ret);
/** Ends this process by the signal that ended a child, without a core of our own; returns the exit
 * status that stands for it should that fail. */
int aep__child_die(int signal);

/** From now on a signal that asks us to end (SIGTERM, SIGINT, SIGHUP, SIGQUIT) does so at once, with
 * this exit status: aep__child_run() leaves them blocked. */
void aep__child_exit_when_told(int status);

#endif

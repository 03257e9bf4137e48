/* SPDX-License-Identifier: Apache-2.0 */
/* Trial: whether a program can run at all. It is run with --version, in bounded time; a library that is
 * missing, or too old for it, ends it before it says anything.
 *
 * For our own programs only: the child raises SIGCHLD, whose action becomes the default. */
#ifndef AEP_UPGRADE_TRIAL_H
#define AEP_UPGRADE_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define AEP__TRIAL_LINE 320

enum aep__trial_result {
    AEP__TRIAL_WAITS, /* it has not ended yet */
    AEP__TRIAL_RUNS,
    AEP__TRIAL_FAILS,
};

struct aep__trial {
    pid_t pid;      /* 0: it could not be started */
    int fd;         /* what it writes; -1 */
    int64_t end_us; /* when it is killed; monotonic */
    size_t len;
    char line[AEP__TRIAL_LINE]; /* the first that it wrote: its version, or why it cannot run */
};

void aep__trial_begin(struct aep__trial *trial, const char *path);
/** Does not wait. Once it is another result than WAITS, the trial is over. */
enum aep__trial_result aep__trial_look(struct aep__trial *trial);
/** Ends one that is under way. */
void aep__trial_done(struct aep__trial *trial);

/** The whole of it: true if the program runs. Waits for some seconds at most. */
bool aep__trial_run(struct aep__trial *trial, const char *path);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as something to poll: none interrupts anything. */
#ifndef AEP_EXECUTIONS_SIGNALS_H
#define AEP_EXECUTIONS_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

struct aep__signals {
    int fd;          /* to be polled; -1 */
    sigset_t before; /* what was blocked */
};

/** Takes those that end, stop, resize, and tell of children. False with errno. */
bool aep__signals_open(struct aep__signals *signals);
void aep__signals_close(struct aep__signals *signals);
/** The next one that came; 0: none. */
int aep__signals_take(struct aep__signals *signals);

#endif

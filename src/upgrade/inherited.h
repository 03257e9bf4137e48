/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that a program leaves to the one that it becomes: a lock that is never free meanwhile, a
 * socket that clients can call meanwhile. They are passed as service managers pass sockets, by
 * sd_listen_fds(3): from descriptor 3 on, with LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES. */
#ifndef AEP_UPGRADE_INHERITED_H
#define AEP_UPGRADE_INHERITED_H

#include <stddef.h>

#define AEP__INHERITED_END 11 /* behind the last of their places */

struct aep__inherited {
    const char *name;
    int fd; /* -1: none */
};

/** At the start of a program: fills in the descriptors that were left to it under these names. What is
 * taken is closed by an exec; what has another name stays as it is. */
void aep__inherited_take(struct aep__inherited *list, size_t count);
/** Right before the exec: puts those that there are in their places. No other descriptor from 3 on that is
 * still needed may be among those places. -1 with errno */
int aep__inherited_leave(const struct aep__inherited *list, size_t count);

#endif

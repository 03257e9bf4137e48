/* SPDX-License-Identifier: Apache-2.0 */
/* Who of the roll (spool/roll.h) is gone, and the ends of their executions.
 *
 *     folder "open" ─ inotify ─┐                         ┌─ the spool knows its end ─▶ nothing
 *     processes ──── pidfds ───┼─ epoll ─▶ look ─▶ judge ┼─ a child has joined, and lives ─▶ later
 *     each 5 s, or each second ┘                         └─ DECLARING ─▶ append failed ─▶ DECLARED
 *
 * Only the process that holds the spool's lock judges. Killed at any step, the next one goes on there:
 * it finds the DECLARING, looks whether that event is in the spool, and else appends the same one. */
#ifndef AEP_RELAY_DEPARTED_H
#define AEP_RELAY_DEPARTED_H

#include "spool/append.h"
#include "spool/roll_search.h"

#define AEP__DEPARTED_SWEEP_US 5000000 /* between looks at the entries of those who live */

struct aep__relay;

/* A process whose file is in the roll. */
struct aep__party {
    char file[AEP__ROLL_NAME_SIZE];
    struct aep__os_process process;
    enum aep__roll_kind kind;
    enum aep__os_life life; /* REBOOTED: gone, with another boot */
    int pidfd;              /* -1: it is looked at each second */
    bool there;             /* its file, at the newest look */
    bool held;              /* by somebody who ends an execution in it, at the newest look */
    bool said;              /* that something in it is damaged */
};

struct aep__departed {
    struct aep__os_process self;
    int ready_fd; /* epoll: something is to be looked at; -1: looked at each second */
    int watch_fd; /* of the folder; -1 */
    struct aep__party *parties;
    size_t count, cap;
    int64_t look_us;  /* the next look; INT64_MAX: none is due */
    int64_t sweep_us; /* the next one at those who live, too */
    bool unread;      /* a file has no first unit yet */
    bool pending;     /* something could not be declared yet */
    bool told;        /* the log, why */
};

void aep__departed_init(struct aep__departed *departed);
/** Begins to watch; the first step judges what has been left. */
void aep__departed_begin(struct aep__relay *relay);
void aep__departed_done(struct aep__departed *departed);
/** The descriptor is readable. */
void aep__departed_heard(struct aep__relay *relay);
/** In each turn: looks and judges if that is due. */
void aep__departed_step(struct aep__relay *relay);
/** Whether an execution is open whose process lives, or whose end is still to be said: the relay stays. */
bool aep__departed_open(struct aep__relay *relay);

#endif

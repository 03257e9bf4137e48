/* SPDX-License-Identifier: Apache-2.0 */
/* `aep watch`: what its screen and its lines have in common. */
#ifndef AEP_EXECUTIONS_WATCH_H
#define AEP_EXECUTIONS_WATCH_H

#include "aep/options.h"
#include "changes.h"
#include "command.h"
#include "following.h"
#include "reading.h"
#include "signals.h"

struct aep__watch {
    const struct aep__args *args;
    struct aep__reading reading;
    struct aep__following following;
    struct aep__signals signals;
    struct aep__filter filter; /* of the command line */
    struct aep__buf words;     /* the same as typed, with blanks between */
    struct aep__buf id;        /* of the one that is watched; empty: those of the filter */
    unsigned until;            /* a bit for each state that ends it; 0: none does */
    bool exit_status, bell;
    struct aep__command command;
    struct aep__changes changes;
    struct aep__tracked last; /* the one that is watched, as it was seen last */
    struct aep__board *board; /* NULL: lines are written */
    struct aep__buf out;      /* lines */
    int64_t changed_us;       /* monotonic: when changes were looked at */
    bool ended;
    int status; /* of the exit, once it has ended */
    int signal; /* that ended it; 0: none */
};

/** Ends it with that exit status. */
void aep__watch_end(struct aep__watch *watch, int status);

#endif

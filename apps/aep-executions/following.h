/* SPDX-License-Identifier: Apache-2.0 */
/* A reader that stays: it keeps its connection to the tracker, so that this lives on, asks now and then
 * how far it has read, and looks a few times a second whether the store has changed. Nothing here
 * waits. */
#ifndef AEP_EXECUTIONS_FOLLOWING_H
#define AEP_EXECUTIONS_FOLLOWING_H

#include "reading.h"

struct aep__following {
    struct aep__reading *reading; /* its view is kept up to date */
    struct aep__buf store, spool; /* paths */
    int fd;                       /* the connection; -1: none */
    bool asked;
    int64_t asked_us, answered_us, start_us, looked_us; /* monotonic */
    int64_t changes;                                    /* the store's last one */
    bool reopened;                   /* at the last turn: the store is another one than before */
    char problem[sizeof(aep_error)]; /* why events cannot be read or stored for now; "": none */
};

/** @reading  open; borrowed */
int aep__following_open(struct aep__following *following, struct aep__reading *reading,
                        aep_error *err);
void aep__following_close(struct aep__following *following);
/** Takes what the tracker has answered, asks again when it is time, starts one if none lives.
 * @ret_changed  the store has changed, or is another one */
int aep__following_turn(struct aep__following *following, bool *ret_changed, aep_error *err);
/** When to come back at the latest; earlier if fd can be read. */
int64_t aep__following_next_us(const struct aep__following *following);

#endif

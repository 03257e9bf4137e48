/* SPDX-License-Identifier: Apache-2.0 */
/* Belonging: which execution an event is of (ingest.h has the rule), and which events a new started
 * event takes over from those that had them till then. */
#ifndef AEP_TRACK_BELONGING_H
#define AEP_TRACK_BELONGING_H

#include "track/store.h"

struct aep__belonging {
    struct aep__tracked *execution; /* found or begun, not stored yet */
    bool begun;
    bool dead;      /* retention has removed it: the rest says nothing */
    bool bound;     /* the event names it */
    bool guess;     /* it names a cause of which nothing is known */
    bool displaces; /* a provisional one of another tenant, correlation id or agent has its id */
};

/** Finds the event's execution, or begins one, in ret->execution, which is initialised. */
int aep__belonging_find(struct aep__store *store, const struct aep__observation *event,
                        struct aep__belonging *ret, aep_error *err);

/** displace: gives a provisional execution another id, since this one is a started event's; before that is
 * in the store. claim: what a started event, whose execution this is, takes over; the event itself is in the
 * store by then, the execution not yet; where it takes over one whose events cannot be folded again, it has
 * the facts of that one. Executions that lost events are folded again, those that lost all are removed.
 * @changed   called for each that is still there, to be put
 * @removed   called for each that is not */
struct aep__claim {
    struct aep__store *store;
    const char *claimer; /* the execution's id: its row in the store is of before */
    struct aep__observer *observer;
    int (*changed)(void *user, struct aep__tracked *execution, aep_error *err);
    int (*removed)(void *user, const struct aep__tracked *execution, aep_error *err);
    void *user;
};
int aep__belonging_displace(const struct aep__claim *claim, const char *id, aep_error *err);
int aep__belonging_claim(const struct aep__claim *claim, struct aep__tracked *execution,
                         const struct aep__observation *event, bool *ret_took, aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* An execution handle's entry in the roll (spool/roll.h), by which it outlives its process.
 *
 *     start ─ STARTING ─ append ─ open ─┬─ progress: nothing ─┬─ ENDING ─ append terminal ─ gone
 *                                       └─ in a forked child: JOINED, once
 *
 * Each step is done under the process's lock, around the append of an event: see aep__witness. */
#ifndef AEP_CLIENT_ENROLMENT_H
#define AEP_CLIENT_ENROLMENT_H

#include "client/publish.h"
#include "spool/roll_own.h"

struct aep__enrolment {
    uint8_t execution[16];            /* the started event's id */
    const struct aep__process *home;  /* where it was started; NULL: it is not enrolled */
    struct aep__roll_place place;     /* in that process's file, */
    char file[AEP__ROLL_NAME_SIZE];   /* which a forked child opens by name, */
    struct aep__os_file folder;       /* if the spool is still the same */
    const struct aep__process *guest; /* a forked child that has joined; NULL: none */
    struct aep__roll_place joined;    /* in its file */
    int home_fd;                      /* home's file, while a child ends the execution; -1 */
};

void aep__enrolment_init(struct aep__enrolment *enrolment);

/** What watches over the handle's events; user: the enrolment. */
extern const struct aep__witness aep__witness_start, aep__witness_progress, aep__witness_end;

/** The handle is freed. If it is still open here, nobody can end it any more but the relay. Takes the
 * process's lock. */
void aep__enrolment_release(struct aep__enrolment *enrolment, struct aep__process *process);

/* ---- for others that enter executions in the roll ---- */

/** Appends to *out what the end of an execution takes from its start.
 * @envelope  of its started event */
void aep__enrolment_describe(const struct aep__process *process,
                             const struct aep__envelope *envelope, struct aep__buf *out);
/** An event's agent name as it stands in its payload: redacted, cut, JSON. */
struct aep__slice aep__enrolment_agent_name(const struct aep__envelope *envelope);
/** Where an event that is appended next cannot stand before. Under the lock. */
aep_position aep__enrolment_position(const struct aep__process *process);
/** Whether an end may follow what stands in the roll, as `another` process or as the owner.
 * Errors: AEP_ESTATE */
int aep__enrolment_check(const struct aep__roll_entry *entry, aep_error *err);
/** After an attempt to read or write the roll, errno as it was. */
int aep__enrolment_failed(const struct aep__process *process, aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The store as its tracker has it: opened, lost and opened again, whatever becomes of it. One that
 * cannot be used is tried again, ever more rarely; one that has been removed is made anew. */
#ifndef AEP_APP_TRACKER_WRITER_H
#define AEP_APP_TRACKER_WRITER_H

#include "base/log.h"
#include "track/ingest.h"

struct aep__writer {
    const char *where; /* to open it by; borrowed */
    int64_t abandon_after_us;
    struct aep__meter *meter; /* borrowed; NULL: none */
    struct aep__log *log;     /* borrowed */
    struct aep__store *store; /* NULL: it cannot be used */
    struct aep__ingest ingest;
    int64_t as_of_us; /* as stored */
    int64_t retry_us; /* monotonic: when to try again */
    int64_t pause_us;
    char problem[384]; /* "": none */
};

/** Opens the store if it is not open and its time has come; it is closed if another file, or none,
 * has its name. True: it can be used. */
bool aep__writer_open(struct aep__writer *writer);
/** Gives it up for now; err says why. */
void aep__writer_fail(struct aep__writer *writer, const aep_error *err);
void aep__writer_close(struct aep__writer *writer);
/** Whether the store that is open has been removed, or another one is at its place. */
bool aep__writer_replaced(const struct aep__writer *writer);

int aep__writer_begin(struct aep__writer *writer, aep_error *err);
/** Notes up to when the store has everything, if that has changed, with the transaction. */
int aep__writer_note(struct aep__writer *writer, int64_t as_of_us, aep_error *err);
int aep__writer_commit(struct aep__writer *writer, aep_error *err);
/** Pins an execution, or no longer, in a transaction of its own. 1; 0: there is none of that id; -1:
 * give it up then. */
int aep__writer_pin(struct aep__writer *writer, const char *id, bool pinned, aep_error *err);

#endif

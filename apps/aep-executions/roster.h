/* SPDX-License-Identifier: Apache-2.0 */
/* The executions that a screen holds: every one that is open or has failed within the last hour, and of
 * the rest the newest, more as they are asked for. The store is read once; after that only what has
 * changed:
 *
 *     store ─▶ load ─▶ rows by id ◀─ changes after `at`
 *
 * A row is held in brief. */
#ifndef AEP_EXECUTIONS_ROSTER_H
#define AEP_EXECUTIONS_ROSTER_H

#include "brief.h"
#include "ids.h"

#include "track/match.h"
#include "track/store.h"

struct aep__roster {
    struct aep__brief **rows; /* owned, in no order */
    size_t count, cap;
    struct aep__ids ids; /* to their places in rows */
    bool loaded;
    int64_t at;          /* the last change that it has */
    size_t over, window; /* rows of the rest, and how many of them are wanted */
    bool more;           /* the store has others of the rest */
    unsigned looked;     /* rows in which texts were searched, if the search stopped there; 0 */
    bool failed;         /* out of memory */
    struct aep__contains contains;
};

/** Empties it; usable again. */
void aep__roster_clear(struct aep__roster *roster);
void aep__roster_done(struct aep__roster *roster);
/** Adds it, or replaces the one of that id. False: out of memory. */
bool aep__roster_add(struct aep__roster *roster, const struct aep__tracked *execution);
void aep__roster_remove(struct aep__roster *roster, const char *id);
const struct aep__brief *aep__roster_find(const struct aep__roster *roster, const char *id);

/** Brings it up to date; everything is read anew if it is not `loaded`, or too much has changed.
 * @filter     the same as when it was loaded. Open ones are held in whatever state, since that changes
 *             with the clock; and children although it says `roots`, since they may begin to wait
 * @clock_us   for their states */
int aep__roster_update(struct aep__roster *roster, struct aep__store *store,
                       const struct aep__filter *filter, int64_t clock_us, aep_error *err);

#endif

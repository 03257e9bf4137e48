/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of executions, each above those that it started, these by when they started. */
#ifndef AEP_EXECUTIONS_BRANCHES_H
#define AEP_EXECUTIONS_BRANCHES_H

#include "base/buf.h"
#include "track/store.h"

/** Return false to stop. What is given is borrowed.
 * @lines  what stands before its name: "│  └─ "; "" for the topmost */
typedef bool (*aep__branches_fn)(void *user, const struct aep__tracked *execution,
                                 const char *lines);

/** Gives an execution and all its descendants.
 * @utf8  whether lines may be drawn
 * Returns 1; 0: there is none of that id; -1: an error */
int aep__branches_walk(struct aep__store *store, const char *id, bool utf8, aep__branches_fn fn,
                       void *user, aep_error *err);

#endif

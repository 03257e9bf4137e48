/* SPDX-License-Identifier: Apache-2.0 */
/* Ids as a store gives them, kept until it may be asked again: what it is asked for each of them may
 * change what the ids were read from. Zero it before the first. */
#ifndef AEP_TRACK_IDS_H
#define AEP_TRACK_IDS_H

#include "track/store.h"

struct aep__ids {
    struct aep__buf texts; /* strings */
};

/** Keeps one: an aep__id_fn whose user is a struct aep__ids. */
bool aep__ids_keep(void *ids, const char *id);
/** The one after `id`, or (NULL) the first one; NULL: there is none. */
const char *aep__ids_next(const struct aep__ids *ids, const char *id);
/** Errors: AEP_ENOMEM not all are kept */
int aep__ids_check(const struct aep__ids *ids, aep_error *err);
/** Calls fn for the execution of each that the store has, until one fails. Errors: the store's and fn's;
 * AEP_ENOMEM */
typedef int (*aep__ids_fn)(void *user, struct aep__tracked *execution, aep_error *err);
int aep__ids_each(const struct aep__ids *ids, struct aep__store *store, aep__ids_fn fn, void *user,
                  aep_error *err);
void aep__ids_done(struct aep__ids *ids);

#endif

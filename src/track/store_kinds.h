/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of stores, for aep__store_open() to choose from. */
#ifndef AEP_TRACK_STORE_KINDS_H
#define AEP_TRACK_STORE_KINDS_H

#include "track/store.h"

int aep__store_sqlite_open(struct aep__store **ret, const char *path, bool write, aep_error *err);
int aep__store_postgres_open(struct aep__store **ret, const char *url, bool write, aep_error *err);

/** Who has it locked against writers; see aep__store_locked(). */
bool aep__store_sqlite_locked(const char *path, struct aep__buf *out);

/** Appends the name of a store. */
int aep__store_postgres_name(const char *url, struct aep__buf *out, aep_error *err);

#endif

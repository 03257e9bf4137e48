/* SPDX-License-Identifier: Apache-2.0 */
/* A cursor: a place in a list, between two executions, as text that its readers do not look into. It
 * holds its place whatever changes around it: what did not move is neither left out nor given again. */
#ifndef AEP_TRACK_LIST_CURSOR_H
#define AEP_TRACK_LIST_CURSOR_H

#include "aep/aep.h"
#include "base/buf.h"
#include "track/sort.h"

/** Behind an execution of that rank; the store's key decides between equal ones. */
struct aep__list_cursor {
    enum aep__sort sort;
    bool reverse;
    unsigned segment;
    int64_t value, key;
};

void aep__list_cursor_add(struct aep__buf *out, const struct aep__list_cursor *cursor);
/** Reads one of a list with that order. Errors: AEP_EINVAL it is none */
int aep__list_cursor_read(const char *text, enum aep__sort sort, bool reverse,
                          struct aep__list_cursor *ret, aep_error *err);

#endif

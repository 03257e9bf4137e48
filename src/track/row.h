/* SPDX-License-Identifier: Apache-2.0 */
/* A row: an execution as programs read it, a JSON object with the same members everywhere (`aep list
 * --json`, the HTTP API). What is not known is null; times are RFC 3339, UTC. */
#ifndef AEP_TRACK_ROW_H
#define AEP_TRACK_ROW_H

#include "aep/aep.h"
#include "base/buf.h"
#include "track/state.h"

#include <stdbool.h>
#include <stdint.h>

/** From when an execution is seen. */
struct aep__view {
    int64_t clock_us; /* up to when the sources have been read */
    bool behind;      /* they may hold more: what has not ended may be in another state by now */
};

/** Whether a state may be another one by now: shown with a "?". */
bool aep__view_uncertain(const struct aep__view *view, enum aep__state state);

#define AEP__ROW_FIELDS_MAX 64

/** Which members of a row are wanted, in order. */
struct aep__row_fields {
    uint8_t at[AEP__ROW_FIELDS_MAX];
    size_t count;
};

/** All of them. */
void aep__row_fields_all(struct aep__row_fields *fields);
/** Those of a list: "id,state". Errors: AEP_EINVAL names the nearest known one */
int aep__row_fields_read(struct aep__row_fields *fields, const char *list, aep_error *err);

/** Appends all names, with blanks between. */
void aep__row_fields_words(struct aep__buf *out);

/** Appends a row's JSON Schema: an object that has all of them. */
void aep__row_fields_schema(struct aep__buf *out);

/** Appends the object, without a line end. */
void aep__row_add(struct aep__buf *out, const struct aep__row_fields *fields,
                  const struct aep__tracked *execution, const struct aep__view *view);

#endif

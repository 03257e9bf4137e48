/* SPDX-License-Identifier: Apache-2.0 */
/* A table of numbers by id. Ids are borrowed. */
#ifndef AEP_EXECUTIONS_IDS_H
#define AEP_EXECUTIONS_IDS_H

#include <stdbool.h>
#include <stddef.h>

#define AEP__IDS_NONE ((size_t)-1)

struct aep__ids {
    struct aep__ids_slot {
        const char *id; /* NULL: free */
        size_t number;
    } * slots;
    size_t count, cap;
};

/** The number of an id; AEP__IDS_NONE. */
size_t aep__ids_find(const struct aep__ids *ids, const char *id);
/** Sets it. False: out of memory. */
bool aep__ids_set(struct aep__ids *ids, const char *id, size_t number);
void aep__ids_remove(struct aep__ids *ids, const char *id);
/** Empties it; usable again. */
void aep__ids_done(struct aep__ids *ids);

#endif

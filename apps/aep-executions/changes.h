/* SPDX-License-Identifier: Apache-2.0 */
/* What has changed since the last look: for those who follow executions without a screen, for --exec and
 * for --bell. */
#ifndef AEP_EXECUTIONS_CHANGES_H
#define AEP_EXECUTIONS_CHANGES_H

#include "roster.h"

#include "track/row.h"

struct aep__change {
    const struct aep__tracked *execution;
    enum aep__state state;
    bool fresh;    /* it was not known before */
    bool of_state; /* it is in another state than before */
};
typedef void (*aep__change_fn)(void *user, const struct aep__change *change);

struct aep__changes {
    struct aep__changes_known {
        char *id;
        int64_t number; /* of its last change */
        enum aep__state state;
    } * known; /* by id */
    size_t count;
    struct aep__roster roster;
    bool begun; /* something has been looked at */
};

/** Looks at the executions that match, or at the one of that id, and gives each change, the oldest
 * first. At the first look all are fresh.
 * @id  NULL: those of the filter */
int aep__changes_look(struct aep__changes *changes, struct aep__store *store,
                      const struct aep__filter *filter, const char *id,
                      const struct aep__view *view, aep__change_fn fn, void *user, aep_error *err);
void aep__changes_done(struct aep__changes *changes);

#endif

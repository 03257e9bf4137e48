/* SPDX-License-Identifier: Apache-2.0 */
/* What has changed since the last look: for those who follow executions without a screen, for --exec and
 * for --bell. The store tells what was written, the clock which open ones have fallen silent. */
#ifndef AEP_EXECUTIONS_CHANGES_H
#define AEP_EXECUTIONS_CHANGES_H

#include "ids.h"

#include "track/match.h"
#include "track/row.h"
#include "track/store.h"

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
        int64_t number;  /* of its last change */
        int64_t next_us; /* when its state may be another one without a change */
        unsigned look;   /* the last one that has seen it */
        enum aep__state state;
        bool open, shown; /* shown: it was one of the filter's */
    } * known;
    size_t count, cap;
    struct aep__ids ids; /* to known */
    int64_t at;          /* the last change that was looked at */
    int64_t begun_us;    /* the clock of the first look */
    unsigned look;
    struct aep__contains contains;
    bool begun; /* something has been looked at */
    bool lost;  /* the store is another one: everything has to be looked at again */
};

/** Looks at the executions that match, or at the one of that id, and gives each change, the oldest
 * first. At the first look all that are open are fresh.
 * @id  NULL: those of the filter */
int aep__changes_look(struct aep__changes *changes, struct aep__store *store,
                      const struct aep__filter *filter, const char *id,
                      const struct aep__view *view, aep__change_fn fn, void *user, aep_error *err);
void aep__changes_done(struct aep__changes *changes);

#endif

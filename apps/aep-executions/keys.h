/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of `aep watch`: one table, from which the help sheet is made too. */
#ifndef AEP_EXECUTIONS_KEYS_H
#define AEP_EXECUTIONS_KEYS_H

#include "base/buf.h"

#include <stdbool.h>

enum aep__action {
    AEP__ACTION_NONE,
    AEP__ACTION_DOWN,
    AEP__ACTION_UP,
    AEP__ACTION_PAGE_DOWN,
    AEP__ACTION_PAGE_UP,
    AEP__ACTION_TOP,
    AEP__ACTION_BOTTOM,
    AEP__ACTION_OPEN,
    AEP__ACTION_BACK,
    AEP__ACTION_FILTER,
    AEP__ACTION_NEXT,
    AEP__ACTION_PREVIOUS,
    AEP__ACTION_UNFOLD,
    AEP__ACTION_FOLD,
    AEP__ACTION_FOLD_ALL,
    AEP__ACTION_SORT,
    AEP__ACTION_REVERSE,
    AEP__ACTION_STATE, /* its parameter: the state */
    AEP__ACTION_ALL,
    AEP__ACTION_NEEDS_ME,
    AEP__ACTION_FAULTS,
    AEP__ACTION_FOLLOW,
    AEP__ACTION_PAUSE,
    AEP__ACTION_COPY,
    AEP__ACTION_BROWSE,
    AEP__ACTION_JSON,
    AEP__ACTION_REDRAW,
    AEP__ACTION_HELP,
    AEP__ACTION_QUIT,
};

struct aep__key {
    int code; /* a character, or enum aep__keycode */
    enum aep__action action;
    int parameter;
    const char *shown, *help; /* for the sheet; NULL: another row speaks for it */
};

/** What a key does; NULL: nothing. */
const struct aep__key *aep__key_find(int code);
/** Appends the help sheet. */
void aep__keys_help(struct aep__buf *out);

#endif

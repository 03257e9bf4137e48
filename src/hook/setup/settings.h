/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of an agent as text, and our hooks in them.
 *
 *     { …, "hooks": { "Stop": [ theirs…, ours ], … } }
 *                               │        └ one group or handler for each event, always the last
 *                               └ kept, byte for byte, as is everything else
 *
 * Ours is a handler whose command is a program called aep with the words "hook" and the agent's name.
 * A group of which all handlers are ours is ours. What is removed leaves the text as it was before it
 * was added; containers that were empty then are told apart from those that were added by `before`. */
#ifndef AEP_HOOK_SETUP_SETTINGS_H
#define AEP_HOOK_SETUP_SETTINGS_H

#include "aep/aep.h"
#include "base/buf.h"

#include <stdbool.h>

#define AEP__HOOK_EVENTS_MAX 32

/* What is to stand in the settings of one agent. */
struct aep__hook_wanted {
    const char *agent;
    bool version; /* the file needs "version": 1 */
    size_t count;
    const char *events[AEP__HOOK_EVENTS_MAX];
    size_t begins[AEP__HOOK_EVENTS_MAX]; /* in texts, of what is added for that event */
    struct aep__buf texts;               /* JSON on one line each, with a NUL */
};

struct aep__hook_found {
    size_t found;            /* handlers of ours */
    bool current;            /* they are exactly what the set says */
    struct aep__buf program; /* what the first of them calls */
};

/** Whether our hooks stand in a text. Free look->program.
 * Errors: AEP_EINVAL it is no JSON, or a part that we need has another type; AEP_ENOMEM */
int aep__settings_look(struct aep__slice text, const struct aep__hook_wanted *set,
                       struct aep__hook_found *look, aep_error *err);
/** Appends the text with our hooks, which are not in it yet. Errors as above. */
int aep__settings_add(struct aep__slice text, const struct aep__hook_wanted *set,
                      struct aep__buf *out, aep_error *err);
/** Appends the text without our hooks.
 * @before    the text before they were added; data NULL: there was none
 * @ret_gone  nothing is left that somebody else has written
 * Errors as above */
int aep__settings_remove(struct aep__slice text, struct aep__slice before,
                         const struct aep__hook_wanted *set, struct aep__buf *out, bool *ret_gone,
                         aep_error *err);

#endif

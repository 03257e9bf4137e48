/* SPDX-License-Identifier: Apache-2.0 */
/* Which parts of an agent's settings are ours; checks the types of those that we look at. */
#ifndef AEP_HOOK_SETUP_OURS_H
#define AEP_HOOK_SETUP_OURS_H

#include "hook/setup/settings.h"
#include "hook/setup/tree.h"

/** Reads the text behind a byte-order mark, and checks what the set will touch.
 * @ret_mark   the length of the mark
 * @ret_hooks  the object "hooks"; 0: there is none
 * Errors: AEP_EINVAL, AEP_ENOMEM. Free the tree in any case. */
int aep__ours_read(struct aep__json_tree *tree, struct aep__slice text,
                   const struct aep__hook_wanted *set, size_t *ret_mark, size_t *ret_hooks,
                   aep_error *err);
/** Marks our handlers and the groups that hold nothing else; returns how many handlers.
 * @program  NULL, or gets what the first of them calls */
size_t aep__ours_mark(const struct aep__json_tree *tree, size_t hooks, const char *agent,
                      struct aep__buf *program);

#endif

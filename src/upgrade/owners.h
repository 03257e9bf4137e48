/* SPDX-License-Identifier: Apache-2.0 */
/* Owners: who can decide which program a path leads to. That is whoever owns, or may write, the file, one of
 * the folders on the way to it, or one of the symbolic links.
 *
 *     /usr ─▶ bin ─▶ aep-relay ╌link╌▶ / ─▶ opt ─▶ aep ─▶ aep-relay
 *
 * In a sticky folder (/tmp) nobody but a name's owner changes what it leads to; but where there is no such
 * name, anyone can make it. */
#ifndef AEP_UPGRADE_OWNERS_H
#define AEP_UPGRADE_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define AEP__OWNERS_MAX 8

struct aep__owners {
    uid_t users[AEP__OWNERS_MAX];
    gid_t groups[AEP__OWNERS_MAX];
    size_t user_count, group_count;
    bool everyone;
};

/** Adds a user. What does not fit is left out: it is trusted less. */
void aep__owners_add_user(struct aep__owners *owners, uid_t user);
/** Adds those who can decide what an absolute path leads to. */
void aep__owners_add(struct aep__owners *owners, const char *path);
/** Whether it is for these alone to decide.
 * @why  if not, who else can, and by what */
bool aep__owners_decide(const struct aep__owners *owners, const char *path, char *why, size_t size);

#endif

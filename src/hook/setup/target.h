/* SPDX-License-Identifier: Apache-2.0 */
/* A file of another program, changed so that it is at any instant the old one or the new one.
 *
 *     open ─▶ read ─▶ keep (NAME.aep-backup) ─▶ replace: NAME.aep-new, sync, read again, exchange
 *                                          └──▶ remove, where we had made it
 *
 * NAME is what symbolic links lead to. Its folder is locked (flock) while we are at it: two of us take turns.
 * What a killed one has left of NAME.aep-new is removed by the next. Folders that are missing are made; each
 * gets an empty file .aep-made, by which they are removed again if nothing else is in them.
 *
 * Not changed is what is no plain file, is read-only, has several names (hard links), or would get another
 * owner. */
#ifndef AEP_HOOK_SETUP_TARGET_H
#define AEP_HOOK_SETUP_TARGET_H

#include "aep/aep.h"
#include "base/buf.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct aep__target {
    char path[PATH_MAX]; /* links resolved */
    int lock_fd;         /* of its folder; -1: opened to be read */
    bool to_write;
    bool raced; /* somebody else has changed it since it was read */
    bool exists;
    struct stat st;         /* if it exists */
    struct aep__buf text;   /* what is in it */
    struct aep__buf before; /* what was in it before we changed it: from the backup */
    bool has_before;
    bool has_litter; /* a killed one of us has left something; with to_write it is gone by now */
};

/** Reads it, and the backup. Without `to_write` nothing is made and a missing folder is a missing file.
 * Free with aep__target_done() in any case.
 * Errors: AEP_EIO it cannot be read; AEP_EINVAL it is over 8 MiB or no plain file; with to_write also
 * AEP_ESTATE it cannot be changed, and why */
int aep__target_open(struct aep__target *file, const char *path, bool to_write, aep_error *err);
void aep__target_done(struct aep__target *file);

/** Whether it could be changed. Errors: AEP_ESTATE, and why not */
int aep__target_writable(const struct aep__target *file, aep_error *err);
/** Makes this the backup; data NULL: there is none. */
int aep__target_keep(struct aep__target *file, struct aep__slice text, aep_error *err);
/** Puts a text in its place. Errors: AEP_EIO; AEP_ESTATE it cannot keep its owner, or with
 * file->raced somebody else has changed it since it was read. Then it is as it was. */
int aep__target_replace(struct aep__target *file, struct aep__slice text, aep_error *err);
/** Removes it, and the folders that were made for it. Errors as above. */
int aep__target_remove(struct aep__target *file, aep_error *err);

#endif

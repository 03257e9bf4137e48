/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that we make for a file of another program, and remove again: an empty file .aep-made is in each. */
#ifndef AEP_HOOK_SETUP_FOLDERS_H
#define AEP_HOOK_SETUP_FOLDERS_H

/** Makes what is missing of this absolute path. 0, or -1 with errno: what was made is gone again. */
int aep__folders_make(const char *path);
/** Removes the folders above this file that we have made, if nothing is left in them, else our mark. */
void aep__folders_remove(const char *file);

#endif

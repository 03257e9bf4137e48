/* SPDX-License-Identifier: Apache-2.0 */
/* Private folders, for what aep keeps. */
#ifndef AEP_BASE_FOLDER_H
#define AEP_BASE_FOLDER_H

/** mkdir -p with 0700 for what is missing, whatever the umask. 0, or -1 with errno. */
int aep__folder_make(const char *path);

#endif

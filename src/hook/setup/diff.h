/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two texts, line by line, as diff -u shows it. */
#ifndef AEP_HOOK_SETUP_DIFF_H
#define AEP_HOOK_SETUP_DIFF_H

#include "base/buf.h"

/** Appends it; nothing where they are the same. data NULL: there is no such file. */
void aep__diff_add(const char *path, struct aep__slice old, struct aep__slice new,
                   struct aep__buf *out);

#endif

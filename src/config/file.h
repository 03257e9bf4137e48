/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a small file with settings or secrets. */
#ifndef AEP_CONFIG_FILE_H
#define AEP_CONFIG_FILE_H

#include "config/config.h"

/** Who may have written the file, or may read it. */
enum aep__file_trust {
    AEP__FILE_ANY_OWNER = 0,       /* nobody but its owner and group may write it */
    AEP__FILE_OWN = 1 << 0,        /* and its owner must be this user or root */
    AEP__FILE_UNREADABLE = 1 << 1, /* and others must not read it: it holds a secret */
};

/** Reads a whole regular file; symbolic links are followed, and their target is checked.
 * @field       what names the file, for err->field
 * @ret_absent  set if there is none, which is then no error; NULL: it is an error
 * Errors: AEP_ECONFIG with the path; AEP_ENOMEM. Blocks on the disk only, not on a FIFO. */
int aep__file_read(const char *path, unsigned trust, const char *field, struct aep__buf *out,
                   bool *ret_absent, aep_error *err);

#endif

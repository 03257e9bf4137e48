/* SPDX-License-Identifier: Apache-2.0 */
/* Names of secrets: of JSON members, variables, options, headers.
 *
 * A name is broken into words at separators and capitals and compared in lower case from its end:
 *
 *     DB_PASSWORD  dbPassword  db.password-2      all end in the word password: secret
 *     password_file  max_tokens  session_id       end in something else: not secret
 *     pad_token                                   ends in a longer row that says: not secret */
#ifndef AEP_EVENT_SECRET_NAME_H
#define AEP_EVENT_SECRET_NAME_H

#include "aep/aep.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The secret that a name stands for. */
struct aep__secret {
    const char *kind; /* for [REDACTED:kind] */
    bool numbers;     /* numbers under it are secrets too */
    bool vague;       /* as the whole name it is an ordinary word as well: "token", "secret" */
    bool folder;      /* also a name of the working directory: "PWD" */
    bool keys_only;   /* a name of JSON members, not of assignments in a text */
};

/** The rows in force. */
struct aep__secret_names {
    uint32_t endings[26]; /* [last letter]: a bit for each letter that may stand before it */
    char **extra;         /* more names, broken up as "dbpassword" */
    size_t extra_count;
};

/** Prepares the rows. */
void aep__secret_names_init(struct aep__secret_names *names);
void aep__secret_names_done(struct aep__secret_names *names);
/** Adds a name, matched as the last words of names like the others.
 * Returns AEP_OK; AEP_EINVAL: no two letters at its end, or too long; AEP_ENOMEM. */
int aep__secret_names_add(struct aep__secret_names *names, const char *name, size_t len);
/** The row of a name, or NULL. *ret_whole (may be NULL): the row is the whole name. */
const struct aep__secret *aep__secret_names_find(const struct aep__secret_names *names,
                                                 const char *name, size_t len, bool *ret_whole);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Access: who may read. Two secrets, each in a file of its own that only this user can read:
 *
 *     serve.token     in the address that `aep serve` prints, behind "#"; programs send it as
 *                     "Authorization: Bearer …". --token-file names another file
 *     serve.session   what a browser gets for the token, as a cookie: a browser sends cookies to every
 *                     port of a host, so another program on this host may come to see it, but not
 *                     the token
 *
 * And a request has to name us by a name that is ours: else a page of some other site could have its
 * own name resolved to our address, and read what we answer (DNS rebinding). */
#ifndef AEP_SERVE_ACCESS_H
#define AEP_SERVE_ACCESS_H

#include "aep/aep.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define AEP__SECRET_SIZE 44 /* of one that is made: 43 characters and a NUL */

struct aep__access {
    struct aep__buf token, session;
    struct aep__buf hosts; /* names in lower case, each with a NUL */
    char cookie[16];       /* its name: aep-PORT */
};

/** Reads the secrets, or makes them.
 * @state_dir   $XDG_STATE_HOME/aep
 * @token_file  NULL: serve.token there
 * Errors: AEP_ECONFIG the token's file is missing, can be read by others, or holds no token; AEP_EIO */
int aep__access_open(struct aep__access *access, const char *state_dir, const char *token_file,
                     aep_error *err);
void aep__access_done(struct aep__access *access);
/** Names that requests may give, separated by commas; port numbers do not matter.
 * Errors: AEP_EINVAL one is no name */
int aep__access_add_hosts(struct aep__access *access, const char *names, aep_error *err);
void aep__access_set_port(struct aep__access *access, uint16_t port);

/** Whether the header Host, or the authority in Origin, names us. */
bool aep__access_host(const struct aep__access *access, const char *host);
bool aep__access_origin(const struct aep__access *access, const char *origin);
/** Whether the header Authorization bears the token. */
bool aep__access_bearer(const struct aep__access *access, const char *authorization);
/** Whether the header Cookie bears the session. */
bool aep__access_cookie(const struct aep__access *access, const char *cookies);

#endif

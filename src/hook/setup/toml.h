/* SPDX-License-Identifier: Apache-2.0 */
/* Looks values up in TOML, one a line, as Codex writes its own settings. What it does not understand it
 * passes over: it only serves to tell a person what is switched off. */
#ifndef AEP_HOOK_SETUP_TOML_H
#define AEP_HOOK_SETUP_TOML_H

#include "base/buf.h"

#include <stdbool.h>

/** Appends the value of a key as it stands there; false: there is none.
 * @path  the names down to it, ended by NULL: {"features", "hooks", NULL} */
bool aep__toml_find(struct aep__slice text, const char *const *path, struct aep__buf *out);

#endif

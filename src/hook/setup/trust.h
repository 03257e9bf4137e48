/* SPDX-License-Identifier: Apache-2.0 */
/* Codex runs a hook only once a person has trusted it. It notes that in config.toml, by the hook's place:
 *
 *     [hooks.state."/home/me/.codex/hooks.json:pre_tool_use:0:0"]
 *     trusted_hash = "sha256:…"
 *
 * The hash is of the hook's own fields; whether it is still the right one only Codex knows. */
#ifndef AEP_HOOK_SETUP_TRUST_H
#define AEP_HOOK_SETUP_TRUST_H

#include "base/buf.h"

/** Appends a line for what is not trusted, and one for what is switched off there.
 * @folder  Codex's
 * @file    hooks.json, with our hooks in it */
void aep__trust_add(const char *folder, const char *file, struct aep__buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of programs, as they tell them themselves. */
#ifndef AEP_HOOK_SETUP_VERSION_H
#define AEP_HOOK_SETUP_VERSION_H

#include "base/buf.h"

#include <stdbool.h>

/** Runs `PROGRAM --version`, a path or a name in PATH, five seconds at most, and appends the first thing in
 * what it prints that looks like a version: "2.1.139". False: it told none. */
bool aep__version_ask(const char *program, struct aep__buf *out);
/** Whether a version is older than another: their numbers, one after another. */
bool aep__version_older(const char *version, const char *than);

#endif

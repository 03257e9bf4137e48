/* SPDX-License-Identifier: Apache-2.0 */
/* The programs that come with this one: where they are, and becoming one of them. */
#ifndef AEP_APP_PROGRAM_H
#define AEP_APP_PROGRAM_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/** The path of a program of ours: ../libexec/aep/NAME as seen from this program, or NAME beside it,
 * else in the folder that the build was made for. False: there is none. */
bool aep__program_find(const char *name, char *path, size_t size);
/** Becomes it, with its name as argv[0] and these arguments (ended by NULL). Returns only when that
 * fails, with the exit status, after a message. */
int aep__program_exec(const char *name, char *const *arguments);
/** Runs it with these arguments and waits; its exit status, or AEP__EXIT_FAILED after a message. */
int aep__program_run(const char *name, char *const *arguments);
/** Runs it, waits, and appends what it prints; what it says on stderr is dropped. False: it is not
 * installed, or has failed. */
bool aep__program_read(const char *name, char *const *arguments, struct aep__buf *out);

#endif

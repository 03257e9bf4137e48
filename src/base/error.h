/* SPDX-License-Identifier: Apache-2.0 */
/* Fills an aep_error: every failure passes through here once, so that code, field and text are
 * always set together. Marked cold, so that compilers move error paths out of the hot path. */
#ifndef AEP_BASE_ERROR_H
#define AEP_BASE_ERROR_H

#include "aep/aep.h"

/** Fills err (may be NULL) and returns code, for `return aep__error(…)`. field may be NULL. */
int aep__error(aep_error *err, int code, const char *field, const char *format, ...)
    __attribute__((cold, format(printf, 4, 5)));
/** Like aep__error(), with ": " and aep__errno_text(errno) appended to the text. */
int aep__error_errno(aep_error *err, int code, const char *field, const char *format, ...)
    __attribute__((cold, format(printf, 4, 5)));
/** What an errno means, static, in English whatever the program's language. Threads: any */
const char *aep__errno_text(int number);
/** AEP_ENOMEM. */
int aep__error_memory(aep_error *err) __attribute__((cold));

#endif

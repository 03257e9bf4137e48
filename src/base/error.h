/* SPDX-License-Identifier: Apache-2.0 */
/* Filling an aep_error: every failure passes through here once, so that a code, a field and a text
 * are always set together. Cold, so that compilers keep what leads here out of the way of what
 * happens every time. */
#ifndef AEP_BASE_ERROR_H
#define AEP_BASE_ERROR_H

#include "aep/aep.h"

/** Fills err (may be NULL) and returns code, for `return aep__error(…)`. field may be NULL. */
int aep__error(aep_error *err, int code, const char *field, const char *format, ...)
    __attribute__((cold, format(printf, 4, 5)));
/** As aep__error(), with ": strerror(errno)" behind the text. */
int aep__error_errno(aep_error *err, int code, const char *field, const char *format, ...)
    __attribute__((cold, format(printf, 4, 5)));
/** AEP_ENOMEM. */
int aep__error_memory(aep_error *err) __attribute__((cold));

#endif

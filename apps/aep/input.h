/* SPDX-License-Identifier: Apache-2.0 */
/* The program's input: a file or stdin as a whole, and option values that may name one. */
#ifndef AEP_APP_INPUT_H
#define AEP_APP_INPUT_H

#include "aep/aep.h"
#include "base/buf.h"

/** Drops a byte-order mark from the front of what was read.
 * @shown  the input's name
 * Errors: AEP_EINVAL it is UTF-16 */
int aep__input_begin(struct aep__buf *input, const char *shown, aep_error *err);
/** Fills out, which is empty, with all of a file ("-": stdin), NUL-terminated behind its len, without
 * a byte-order mark.
 * Errors: AEP_EIO with the name and why; AEP_EINVAL it is UTF-16; AEP_ETOOBIG over 256 MiB;
 * AEP_ENOMEM. */
int aep__input_read(const char *name, struct aep__buf *out, aep_error *err);

/** A JSON-typed option value: the text itself, or for "@FILE" and "-" what is read from there.
 * *ret is the value, or out's content.
 * @name  the member that it is the value of
 * Errors: AEP_EINVAL no FILE is named, or it cannot be read; AEP_EIO stdin; AEP_ETOOBIG over 256 MiB;
 * AEP_ENOMEM */
int aep__input_value(const char *name, const char *value, struct aep__buf *out, const char **ret,
                     aep_error *err);

#endif

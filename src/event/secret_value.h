/* SPDX-License-Identifier: Apache-2.0 */
/* What stands under a secret-looking name, and what is put in its place. */
#ifndef AEP_EVENT_SECRET_VALUE_H
#define AEP_EVENT_SECRET_VALUE_H

#include "base/buf.h"
#include "event/secret_name.h"

#include <stdbool.h>
#include <stddef.h>

/** Whether the text under such a name is a secret indeed: not empty, redacted before, or a file's
 * path. */
bool aep__secret_is_value(const struct aep__secret *secret, const char *value, size_t len);
/** Appends [REDACTED:kind]. */
void aep__secret_mark(struct aep__buf *out, const char *kind);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* How many columns text takes on a terminal: wide characters two, combining ones none. The colours
 * that we put into a line (ESC [ … m) take none. */
#ifndef AEP_APP_COLUMNS_H
#define AEP_APP_COLUMNS_H

#include "base/buf.h"

/** Shortens a buffer's text from `begin` on to that many columns, if it takes more; the mark at the
 * end shows that it was cut, and is there however few columns there are.
 * @mark  "…" or "..." */
void aep__columns_fit(struct aep__buf *buf, size_t begin, size_t columns, const char *mark);

/** Appends plain text, which begins at column `at`, broken at blanks so that lines take at most that
 * many columns; each but the first begins at column `indent`. A longer word stands as it is.
 * @columns  0: it is not broken */
void aep__columns_wrap(struct aep__buf *buf, const char *text, size_t len, size_t at, size_t indent,
                       size_t columns);

size_t aep__columns_of(const char *text, size_t len);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A verb's help as text, from its table; in help.c also the verb that shows it. */
#ifndef AEP_APP_HELP_H
#define AEP_APP_HELP_H

#include "base/buf.h"
#include "verb.h"

/** The help of one verb; name as typed: "dead list". */
void aep__help_verb(struct aep__buf *out, const struct aep__verb *verb, const char *name);
/** What the program does and its verbs, a line each. */
void aep__help_all(struct aep__buf *out, const struct aep__verb *const *verbs);

/** Of the program as a whole: command lines to begin with, and the variables that say where events
 * go. Lines begin with four blanks. */
extern const char aep__help_examples[], aep__help_variables[];

/** Appends an option as it is typed: "-f, --follow", "--wait[=MS]". */
void aep__help_option(struct aep__buf *out, const struct aep__flag *row,
                      const struct aep__flag *rows, size_t count);
/** Appends a name with '-' for '_'. */
void aep__help_name(struct aep__buf *out, const char *name);

#endif

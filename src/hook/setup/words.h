/* SPDX-License-Identifier: Apache-2.0 */
/* A command line as words: what a shell would make of a plain command, and words that a shell reads back
 * as they are. Words are in a buffer, each with a NUL. */
#ifndef AEP_HOOK_SETUP_WORDS_H
#define AEP_HOOK_SETUP_WORDS_H

#include "base/buf.h"

/** Appends the words of a command: blanks, quotes and backslashes as in sh(1), nothing else. */
void aep__words_split(struct aep__buf *words, const char *command);
/** The word of this number; NULL: there are fewer. */
const char *aep__words_get(const struct aep__buf *words, size_t number);
/** Appends a word so that a shell reads it back: as it is if that is safe, else in quotes. */
void aep__words_quote(struct aep__buf *out, const char *word);

#endif

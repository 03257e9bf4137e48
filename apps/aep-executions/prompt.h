/* SPDX-License-Identifier: Apache-2.0 */
/* A line that is typed at the foot of the screen. */
#ifndef AEP_EXECUTIONS_PROMPT_H
#define AEP_EXECUTIONS_PROMPT_H

#include "base/buf.h"

#include <stdbool.h>

enum aep__prompt_end {
    AEP__PROMPT_OPEN,
    AEP__PROMPT_DONE,
    AEP__PROMPT_GIVEN_UP,
};

struct aep__prompt {
    bool open;
    struct aep__buf text;
};

/** Begins with a text. */
void aep__prompt_begin(struct aep__prompt *prompt, const char *text);
/** Takes a key. Tab completes the last word with one of `words` (blanks between; NULL: none). */
enum aep__prompt_end aep__prompt_key(struct aep__prompt *prompt, int key, const char *words);
void aep__prompt_done(struct aep__prompt *prompt);

#endif

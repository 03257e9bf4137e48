/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to a text, in its order: ranges and what stands there instead. Every other byte is kept. */
#ifndef AEP_HOOK_SETUP_EDITS_H
#define AEP_HOOK_SETUP_EDITS_H

#include "base/buf.h"

struct aep__edits {
    struct aep__buf ranges, texts;
};

/** Notes one: [begin, end) becomes `text`. Ranges come in order and do not overlap; several may insert
 * at one place, in the order in which they come. */
void aep__edits_note(struct aep__edits *edits, size_t begin, size_t end, struct aep__slice text);
/** Appends the changed text. Out of memory: out->failed. */
void aep__edits_apply(const struct aep__edits *edits, struct aep__slice text, struct aep__buf *out);
void aep__edits_done(struct aep__edits *edits);

#endif

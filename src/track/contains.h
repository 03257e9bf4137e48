/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a text holds another, without case, in any script. One rule for all: for the stores, for those
 * who follow changes, and for the index of a store. */
#ifndef AEP_TRACK_CONTAINS_H
#define AEP_TRACK_CONTAINS_H

#include "base/buf.h"

#include <locale.h>
#include <stdbool.h>

struct aep__contains {
    locale_t locale;            /* UTF-8, whatever the program's is; 0: there is none */
    struct aep__buf what, text; /* memory */
};

void aep__contains_init(struct aep__contains *contains);
void aep__contains_done(struct aep__contains *contains);
bool aep__contains(struct aep__contains *contains, const char *text, const char *what);
/** Appends a text without its case. If one text holds another, so do they folded. */
void aep__contains_fold(const struct aep__contains *contains, struct aep__buf *out,
                        const char *text);

#endif

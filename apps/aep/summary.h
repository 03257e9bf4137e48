/* SPDX-License-Identifier: Apache-2.0 */
/* What an event says, in a few words: "3 of 7 compile", "E_NET: no route (2.5 s)". */
#ifndef AEP_APP_SUMMARY_H
#define AEP_APP_SUMMARY_H

#include "base/buf.h"

#include <jansson.h>

/** Appends the front of a text, 4 KiB at most, without what could drive a terminal. */
void aep__summary_text(struct aep__buf *out, const char *text);
/** Appends a payload's words, without what could drive a terminal.
 * @kind  enum aep_kind; negative: any other event, shown as JSON */
void aep__summary_add(struct aep__buf *out, const json_t *payload, int kind);
/** The colour of its kind (ESC [ … m); NULL: none. */
const char *aep__summary_colour(int kind);

#endif

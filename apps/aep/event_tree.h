/* SPDX-License-Identifier: Apache-2.0 */
/* An event's JSON as a tree, to be shown. It holds whatever the tracker and the relay take for an event:
 * what jansson's own reader refuses is repaired. */
#ifndef AEP_APP_EVENT_TREE_H
#define AEP_APP_EVENT_TREE_H

#include "base/buf.h"

#include <jansson.h>

/** The tree, freed by json_decref(). NUL becomes a blank, invalid UTF-8 U+FFFD, and a number that no
 * double can hold a text. NULL: it is no JSON, or out of memory. */
json_t *aep__event_tree(struct aep__slice json);

#endif

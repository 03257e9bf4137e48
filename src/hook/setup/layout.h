/* SPDX-License-Identifier: Apache-2.0 */
/* How a container is laid out, so that what is appended to it looks like what is there: its white space
 * between two elements, the text's line ends and indentation. */
#ifndef AEP_HOOK_SETUP_LAYOUT_H
#define AEP_HOOK_SETUP_LAYOUT_H

#include "hook/setup/edits.h"
#include "hook/setup/tree.h"

struct aep__layout {
    size_t at, end;          /* where it is appended; end: of the white space that this replaces */
    struct aep__slice space; /* before each element; of an empty container: built from the rest */
    bool empty, lines;       /* lines: an element a line */
    bool appended;
    const char *line_end;
    struct aep__slice indent, unit; /* of the container's own line; of one level */
    bool in_array;
};

struct aep__layout aep__layout_of(const struct aep__json_tree *tree, size_t container);
/** Notes an element or member to be appended. Those of one container come one after another. */
void aep__layout_append(struct aep__layout *layout, struct aep__edits *edits,
                        struct aep__slice item);
/** After the last: what belongs before the bracket of a container that was empty. */
void aep__layout_close(struct aep__layout *layout, struct aep__edits *edits);
/** Appends a line break with the container's indentation and so many levels more; where it has no lines
 * `instead`. */
void aep__layout_break(const struct aep__layout *layout, int levels, const char *instead,
                       struct aep__buf *out);

#endif

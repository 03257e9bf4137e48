/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text (RFC 8259) as a tree of where things stand in it, for edits that keep every other byte.
 *
 *     text   {"a": [1, 2], "b": {}}
 *     nodes  0 {…} ─▶ 1 "a" […] ─▶ 2 1, 3 2;  4 "b" {…}
 *
 * Nodes refer to each other by index, in the order of the text; 0 is the root and, where a node is
 * referred to, none. The text is borrowed. */
#ifndef AEP_HOOK_SETUP_TREE_H
#define AEP_HOOK_SETUP_TREE_H

#include "aep/aep.h"
#include "base/json.h"

struct aep__tree_node {
    enum aep__json_token type; /* the first token of the value */
    bool marked;               /* its user's own */
    size_t begin, end;         /* of the value */
    size_t item;               /* where the member begins: its name's quote; of an element: begin */
    struct aep__slice name;    /* of a member, as it stands between the quotes */
    size_t parent, next, first, last, count;
};

struct aep__json_tree {
    struct aep__slice text;
    struct aep__buf nodes; /* struct aep__tree_node */
};

/** Reads a text; free with aep__tree_done() in any case.
 * Errors: AEP_EINVAL with the line and what is wrong there; AEP_ENOMEM */
int aep__tree_read(struct aep__json_tree *tree, struct aep__slice text, aep_error *err);
void aep__tree_done(struct aep__json_tree *tree);

struct aep__tree_node *aep__tree_at(const struct aep__json_tree *tree, size_t node);
/** The member of an object, however its name is written; 0: there is none, or it is no object. */
size_t aep__tree_member(const struct aep__json_tree *tree, size_t object, const char *name);
/** Whether this member has that name. */
bool aep__tree_named(const struct aep__json_tree *tree, size_t member, const char *name);
/** The value as it stands in the text. */
struct aep__slice aep__tree_value(const struct aep__json_tree *tree, size_t node);
/** What is between the brackets of a container. */
struct aep__slice aep__tree_inside(const struct aep__json_tree *tree, size_t node);
/** Appends the text of a string; false: it is none. */
bool aep__tree_string(const struct aep__json_tree *tree, size_t node, struct aep__buf *out);
/** Appends a valid JSON text without the white space between its tokens. */
void aep__tree_dense(struct aep__slice text, struct aep__buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/tree.h"

#include "base/error.h"

/* One pass of the scanner. */
struct pass {
    struct aep__json_tree *tree;
    struct aep__json json;
    size_t open;            /* the container that it is in */
    struct aep__slice name; /* of the member that has begun; data NULL: none */
};

struct aep__tree_node *aep__tree_at(const struct aep__json_tree *tree, size_t node)
{
    return (struct aep__tree_node *)(void *)tree->nodes.data + node;
}

static size_t count_nodes(const struct aep__json_tree *tree)
{
    return tree->nodes.len / sizeof(struct aep__tree_node);
}

/* Adds the value whose first token has just been read. */
static void add_node(struct pass *pass, enum aep__json_token type)
{
    struct aep__json_tree *tree = pass->tree;
    size_t quote = type == AEP__JSON_STRING, index = count_nodes(tree);
    size_t begin = (size_t)(pass->json.token.data - tree->text.data) - quote;
    struct aep__tree_node node = {
        .type = type,
        .begin = begin,
        .end = (size_t)(pass->json.at - tree->text.data),
        .item = pass->name.data ? (size_t)(pass->name.data - tree->text.data) - 1 : begin,
        .name = pass->name,
        .parent = pass->open,
    };
    aep__buf_add(&tree->nodes, &node, sizeof node);
    pass->name = (struct aep__slice){NULL, 0};
    if (tree->nodes.failed || index == 0)
        return;
    struct aep__tree_node *parent = aep__tree_at(tree, pass->open);
    if (parent->last)
        aep__tree_at(tree, parent->last)->next = index;
    else
        parent->first = index;
    parent->last = index;
    parent->count++;
}

static bool is_container(enum aep__json_token type)
{
    return type == AEP__JSON_OBJECT || type == AEP__JSON_ARRAY;
}

static void take_token(struct pass *pass, enum aep__json_token token)
{
    struct aep__json_tree *tree = pass->tree;
    if (token == AEP__JSON_NAME) {
        pass->name = pass->json.token;
    } else if (token == AEP__JSON_OBJECT_END || token == AEP__JSON_ARRAY_END) {
        struct aep__tree_node *node = aep__tree_at(tree, pass->open);
        node->end = (size_t)(pass->json.at - tree->text.data);
        pass->open = node->parent;
    } else {
        size_t index = count_nodes(tree);
        add_node(pass, token);
        if (is_container(token))
            pass->open = index;
    }
}

static int refuse(const struct pass *pass, aep_error *err)
{
    struct aep__slice text = pass->tree->text;
    size_t at = pass->json.position, line = 1;
    if (pass->json.problem == AEP__JSON_MEMORY)
        return aep__error_memory(err);
    for (size_t i = 0; i < at && i < text.len; i++)
        line += text.data[i] == '\n';
    bool comment = at < text.len && (text.data[at] == '/' || text.data[at] == '#');
    return aep__error(err, AEP_EINVAL, NULL, "line %zu: %s", line,
                      comment ? "a comment, which JSON does not have" : pass->json.message);
}

int aep__tree_read(struct aep__json_tree *tree, struct aep__slice text, aep_error *err)
{
    struct pass pass = {.tree = tree};
    enum aep__json_token token;
    *tree = (struct aep__json_tree){.text = text};
    aep__json_begin(&pass.json, text.data ? text.data : "", text.len, AEP__JSON_DEPTH, true);
    while ((token = aep__json_next(&pass.json)) > AEP__JSON_END && !tree->nodes.failed)
        take_token(&pass, token);
    int code = AEP_OK;
    if (tree->nodes.failed)
        code = aep__error_memory(err);
    else if (token == AEP__JSON_ERROR)
        code = refuse(&pass, err);
    aep__json_done(&pass.json);
    return code;
}

void aep__tree_done(struct aep__json_tree *tree)
{
    aep__buf_done(&tree->nodes);
}

/* ---- asking ---------------------------------------------------------------------------------- */

bool aep__tree_named(const struct aep__json_tree *tree, size_t member, const char *name)
{
    struct aep__buf scratch = {0};
    struct aep__slice text = aep__json_decode(aep__tree_at(tree, member)->name, &scratch, NULL);
    bool same = text.data && text.len == strlen(name) && memcmp(text.data, name, text.len) == 0;
    aep__buf_done(&scratch);
    return same;
}

size_t aep__tree_member(const struct aep__json_tree *tree, size_t object, const char *name)
{
    if (aep__tree_at(tree, object)->type != AEP__JSON_OBJECT)
        return 0;
    size_t node = aep__tree_at(tree, object)->first;
    while (node && !aep__tree_named(tree, node, name))
        node = aep__tree_at(tree, node)->next;
    return node;
}

struct aep__slice aep__tree_value(const struct aep__json_tree *tree, size_t node)
{
    const struct aep__tree_node *at = aep__tree_at(tree, node);
    return (struct aep__slice){tree->text.data + at->begin, at->end - at->begin};
}

struct aep__slice aep__tree_inside(const struct aep__json_tree *tree, size_t node)
{
    struct aep__slice value = aep__tree_value(tree, node);
    return (struct aep__slice){value.data + 1, value.len - 2};
}

bool aep__tree_string(const struct aep__json_tree *tree, size_t node, struct aep__buf *out)
{
    struct aep__buf scratch = {0};
    if (aep__tree_at(tree, node)->type != AEP__JSON_STRING)
        return false;
    struct aep__slice text = aep__json_decode(aep__tree_inside(tree, node), &scratch, NULL);
    aep__buf_add(out, text.data, text.len);
    out->failed |= text.data == NULL;
    aep__buf_done(&scratch);
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void aep__tree_dense(struct aep__slice text, struct aep__buf *out)
{
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!quoted && is_space(c))
            continue;
        aep__buf_byte(out, c);
        if (quoted && c == '\\')
            aep__buf_byte(out, text.data[++i]);
        else if (c == '"')
            quoted = !quoted;
    }
}

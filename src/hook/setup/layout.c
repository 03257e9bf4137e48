/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/layout.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The white space before a byte. */
static struct aep__slice space_before(struct aep__slice text, size_t at)
{
    size_t begin = at;
    while (begin > 0 && is_space(text.data[begin - 1]))
        begin--;
    return (struct aep__slice){text.data + begin, at - begin};
}

/* The blanks at the front of the line that a byte is on. */
static struct aep__slice indent_of(struct aep__slice text, size_t at)
{
    size_t begin = at, end;
    while (begin > 0 && text.data[begin - 1] != '\n')
        begin--;
    for (end = begin; end < at && (text.data[end] == ' ' || text.data[end] == '\t');)
        end++;
    return (struct aep__slice){text.data + begin, end - begin};
}

static bool has_line(struct aep__slice space)
{
    return space.len && memchr(space.data, '\n', space.len);
}

/* One level of indentation: that of the root's last member. */
static struct aep__slice unit_of(const struct aep__json_tree *tree)
{
    const struct aep__tree_node *root = aep__tree_at(tree, 0);
    struct aep__slice unit = {NULL, 0};
    if (root->last && has_line(space_before(tree->text, aep__tree_at(tree, root->last)->item)))
        unit = indent_of(tree->text, aep__tree_at(tree, root->last)->item);
    return unit.len ? unit : AEP__SLICE("  ");
}

static const char *line_end_of(struct aep__slice text)
{
    const char *end = text.len ? memchr(text.data, '\n', text.len) : NULL;
    return end && end > text.data && end[-1] == '\r' ? "\r\n" : "\n";
}

struct aep__layout aep__layout_of(const struct aep__json_tree *tree, size_t container)
{
    const struct aep__tree_node *node = aep__tree_at(tree, container);
    struct aep__layout layout = {
        .empty = node->count == 0,
        .in_array = node->type == AEP__JSON_ARRAY,
        .line_end = line_end_of(tree->text),
        .indent = indent_of(tree->text, node->item),
        .unit = unit_of(tree),
    };
    if (layout.empty) {
        /* Like its neighbours: on lines of their own, or all on one. */
        layout.at = node->begin + 1;
        layout.end = node->end - 1;
        layout.lines =
            !layout.in_array && (container == 0 || has_line(space_before(tree->text, node->item)));
    } else {
        layout.at = layout.end = aep__tree_at(tree, node->last)->end;
        layout.space = space_before(tree->text, aep__tree_at(tree, node->last)->item);
        layout.lines = has_line(layout.space);
    }
    return layout;
}

void aep__layout_break(const struct aep__layout *layout, int levels, const char *instead,
                       struct aep__buf *out)
{
    if (!layout->lines) {
        aep__buf_text(out, instead);
        return;
    }
    aep__buf_text(out, layout->line_end);
    aep__buf_add(out, layout->indent.data, layout->indent.len);
    while (levels-- > 0)
        aep__buf_add(out, layout->unit.data, layout->unit.len);
}

void aep__layout_append(struct aep__layout *layout, struct aep__edits *edits,
                        struct aep__slice item)
{
    struct aep__buf text = {0};
    bool first = layout->empty && !layout->appended;
    aep__buf_text(&text, first ? "" : ",");
    if (layout->empty)
        aep__layout_break(layout, 1, first ? "" : " ", &text);
    else
        aep__buf_add(&text, layout->space.data, layout->space.len);
    aep__buf_add(&text, item.data, item.len);
    edits->texts.failed |= text.failed;
    aep__edits_note(edits, layout->at, first ? layout->end : layout->at,
                    (struct aep__slice){text.data, text.len});
    layout->at = first ? layout->end : layout->at;
    layout->appended = true;
    aep__buf_done(&text);
}

void aep__layout_close(struct aep__layout *layout, struct aep__edits *edits)
{
    struct aep__buf text = {0};
    if (layout->empty && layout->appended)
        aep__layout_break(layout, 0, "", &text);
    aep__edits_note(edits, layout->at, layout->at, (struct aep__slice){text.data, text.len});
    aep__buf_done(&text);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/settings.h"

#include <string.h>

#include "base/error.h"
#include "hook/setup/edits.h"
#include "hook/setup/layout.h"
#include "hook/setup/ours.h"

/* A text that is being changed. */
struct work {
    const struct aep__hook_wanted *set;
    struct aep__json_tree tree;
    size_t hooks; /* 0: none */
    size_t mark;  /* bytes of a byte-order mark before the JSON */
    struct aep__edits edits;
};

static int begin(struct work *work, struct aep__slice text, const struct aep__hook_wanted *set,
                 aep_error *err)
{
    *work = (struct work){.set = set};
    return aep__ours_read(&work->tree, text, set, &work->mark, &work->hooks, err);
}

/* Appends the result; frees everything. */
static int finish(struct work *work, struct aep__slice text, int code, struct aep__buf *out,
                  aep_error *err)
{
    if (code == AEP_OK) {
        aep__buf_add(out, text.data, work->mark);
        aep__edits_apply(&work->edits, work->tree.text, out);
    }
    aep__edits_done(&work->edits);
    aep__tree_done(&work->tree);
    return code == AEP_OK && out->failed ? aep__error_memory(err) : code;
}

static struct aep__tree_node *at(const struct work *work, size_t node)
{
    return aep__tree_at(&work->tree, node);
}

static const char *entry_of(const struct aep__hook_wanted *set, size_t event)
{
    return set->texts.data + set->begins[event];
}

/* ---- looking --------------------------------------------------------------------------------- */

static bool same_text(struct aep__slice a, const char *b)
{
    struct aep__buf first = {0}, second = {0};
    aep__tree_dense(a, &first);
    aep__tree_dense(aep__slice_text(b), &second);
    bool same = first.len == second.len && memcmp(first.data, second.data, first.len) == 0;
    aep__buf_done(&first);
    aep__buf_done(&second);
    return same;
}

/* Whether the event has this entry of ours, once. */
static bool is_current(const struct work *work, size_t event)
{
    size_t array = aep__tree_member(&work->tree, work->hooks, work->set->events[event]);
    size_t ours = 0;
    for (size_t node = array ? at(work, array)->first : 0; node; node = at(work, node)->next) {
        if (!at(work, node)->marked)
            continue;
        ours++;
        if (!same_text(aep__tree_value(&work->tree, node), entry_of(work->set, event)))
            return false;
    }
    return ours == 1;
}

int aep__settings_look(struct aep__slice text, const struct aep__hook_wanted *set,
                       struct aep__hook_found *look, aep_error *err)
{
    struct work work;
    *look = (struct aep__hook_found){0};
    int code = begin(&work, text, set, err);
    if (code == AEP_OK) {
        look->found = aep__ours_mark(&work.tree, work.hooks, set->agent, &look->program);
        look->current = look->found == set->count &&
                        (!set->version || aep__tree_member(&work.tree, 0, "version"));
        for (size_t i = 0; i < set->count && look->current; i++)
            look->current = is_current(&work, i);
    }
    aep__tree_done(&work.tree);
    return code;
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* What is added for an event that is not there: its name and an array. */
static void add_event(const struct aep__hook_wanted *set, size_t event, struct aep__buf *out)
{
    aep__json_add_string(out, set->events[event], strlen(set->events[event]));
    aep__buf_text(out, ": [");
    aep__buf_text(out, entry_of(set, event));
    aep__buf_byte(out, ']');
}

static void add_to_event(struct work *work, size_t array, const char *entry)
{
    struct aep__layout layout = aep__layout_of(&work->tree, array);
    aep__layout_append(&layout, &work->edits, aep__slice_text(entry));
    aep__layout_close(&layout, &work->edits);
}

/* Which event of the set a member is; count: none. */
static size_t find_event(const struct work *work, size_t member)
{
    size_t event = 0;
    while (event < work->set->count &&
           !aep__tree_named(&work->tree, member, work->set->events[event]))
        event++;
    return event;
}

static void add_to_hooks(struct work *work)
{
    bool there[AEP__HOOK_EVENTS_MAX] = {false};
    struct aep__layout layout = aep__layout_of(&work->tree, work->hooks);
    struct aep__buf item = {0};
    for (size_t node = at(work, work->hooks)->first; node; node = at(work, node)->next) {
        size_t event = find_event(work, node);
        if (event == work->set->count)
            continue;
        there[event] = true;
        add_to_event(work, node, entry_of(work->set, event));
    }
    for (size_t event = 0; event < work->set->count; event++) {
        if (there[event])
            continue;
        aep__buf_clear(&item);
        add_event(work->set, event, &item);
        aep__layout_append(&layout, &work->edits, (struct aep__slice){item.data, item.len});
    }
    aep__layout_close(&layout, &work->edits);
    aep__buf_done(&item);
}

/* The member "hooks" with all events, as a member of the root. */
static void add_hooks(const struct work *work, const struct aep__layout *root, struct aep__buf *out)
{
    aep__buf_text(out, "\"hooks\": {");
    for (size_t event = 0; event < work->set->count; event++) {
        aep__buf_text(out, event ? "," : "");
        aep__layout_break(root, 2, event ? " " : "", out);
        add_event(work->set, event, out);
    }
    aep__layout_break(root, 1, "", out);
    aep__buf_byte(out, '}');
}

static void add_to_root(struct work *work)
{
    struct aep__layout layout = aep__layout_of(&work->tree, 0);
    struct aep__buf item = {0};
    if (work->set->version && !aep__tree_member(&work->tree, 0, "version"))
        aep__layout_append(&layout, &work->edits, AEP__SLICE("\"version\": 1"));
    if (!work->hooks) {
        add_hooks(work, &layout, &item);
        aep__layout_append(&layout, &work->edits, (struct aep__slice){item.data, item.len});
    }
    aep__layout_close(&layout, &work->edits);
    aep__buf_done(&item);
}

int aep__settings_add(struct aep__slice text, const struct aep__hook_wanted *set,
                      struct aep__buf *out, aep_error *err)
{
    struct work work;
    int code = begin(&work, text, set, err);
    if (code == AEP_OK && work.hooks)
        add_to_hooks(&work);
    if (code == AEP_OK)
        add_to_root(&work);
    return finish(&work, text, code, out, err);
}

/* ---- removing -------------------------------------------------------------------------------- */

/* The same place in the text before: a container there tells what was in ours, and that it was there. */
struct twin {
    const struct aep__json_tree *tree; /* NULL: there is none */
    size_t node;
};

static struct twin twin_of(const struct work *work, size_t member, struct twin parent)
{
    const struct aep__tree_node *node = at(work, member);
    struct aep__buf name = {0};
    struct twin twin = {NULL, 0};
    if (parent.tree && node->name.data) {
        struct aep__buf scratch = {0};
        struct aep__slice text = aep__json_decode(node->name, &scratch, NULL);
        aep__buf_add(&name, text.data, text.len);
        twin.node = aep__tree_member(parent.tree, parent.node, aep__buf_string(&name));
        twin.tree = twin.node ? parent.tree : NULL;
        aep__buf_done(&scratch);
    }
    aep__buf_done(&name);
    return twin;
}

static bool all_marked(const struct work *work, size_t container)
{
    size_t node = at(work, container)->first;
    bool any = node != 0;
    while (node && at(work, node)->marked)
        node = at(work, node)->next;
    return any && !node;
}

/* Marks what was empty but for ours, and was not there before. */
static void mark_containers(struct work *work, struct twin root)
{
    struct twin hooks = twin_of(work, work->hooks, root);
    for (size_t event = at(work, work->hooks)->first; event; event = at(work, event)->next)
        at(work, event)->marked = all_marked(work, event) && !twin_of(work, event, hooks).tree;
    at(work, work->hooks)->marked = all_marked(work, work->hooks) && !hooks.tree;
}

/* Marks "version" where we have added it. Without a text before we have if there is nothing else. */
static void mark_version(struct work *work, bool was_there, struct twin root)
{
    size_t version = work->set->version ? aep__tree_member(&work->tree, 0, "version") : 0;
    if (!version || !same_text(aep__tree_value(&work->tree, version), "1"))
        return;
    at(work, version)->marked = was_there
                                    ? root.tree && !twin_of(work, version, root).tree
                                    : at(work, work->hooks)->marked && at(work, 0)->count == 2;
}

static void cut(struct work *work, size_t begin, size_t end)
{
    aep__edits_note(&work->edits, begin, end, (struct aep__slice){NULL, 0});
}

static void empty_container(struct work *work, size_t container, struct twin twin)
{
    struct aep__slice inside = {NULL, 0};
    if (twin.tree && aep__tree_at(twin.tree, twin.node)->type == at(work, container)->type &&
        aep__tree_at(twin.tree, twin.node)->count == 0)
        inside = aep__tree_inside(twin.tree, twin.node);
    aep__edits_note(&work->edits, at(work, container)->begin + 1, at(work, container)->end - 1,
                    inside);
}

/* Cuts what is marked in a container: each with the comma before it, or behind it where it is the first. */
static void prune(struct work *work, size_t container, struct twin twin)
{
    size_t kept = 0, gone = 0; /* the last of each so far; gone: only of those behind kept */
    if (all_marked(work, container)) {
        empty_container(work, container, twin);
        return;
    }
    for (size_t node = at(work, container)->first; node; node = at(work, node)->next) {
        if (at(work, node)->marked) {
            gone = node;
            continue;
        }
        if (gone && kept)
            cut(work, at(work, kept)->end, at(work, gone)->end);
        else if (gone)
            cut(work, at(work, at(work, container)->first)->item, at(work, node)->item);
        prune(work, node, twin_of(work, node, twin));
        kept = node;
        gone = 0;
    }
    if (gone)
        cut(work, at(work, kept)->end, at(work, gone)->end);
}

int aep__settings_remove(struct aep__slice text, struct aep__slice before,
                         const struct aep__hook_wanted *set, struct aep__buf *out, bool *ret_gone,
                         aep_error *err)
{
    struct work work;
    struct aep__json_tree old = {0};
    struct twin root = {NULL, 0};
    size_t old_mark, old_hooks;
    *ret_gone = false;
    int code = begin(&work, text, set, err);
    if (before.data && aep__ours_read(&old, before, set, &old_mark, &old_hooks, NULL) == AEP_OK)
        root.tree = &old;
    if (code == AEP_OK && aep__ours_mark(&work.tree, work.hooks, set->agent, NULL) > 0) {
        mark_containers(&work, root);
        mark_version(&work, before.data != NULL, root);
        *ret_gone = !before.data && all_marked(&work, 0);
        prune(&work, 0, root);
    }
    aep__tree_done(&old);
    return finish(&work, text, code, out, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/ours.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "hook/setup/words.h"

/* ---- reading --------------------------------------------------------------------------------- */

static int refuse_type(const struct aep__json_tree *tree, size_t node, const char *what,
                       const char *type, aep_error *err)
{
    size_t line = 1;
    for (size_t i = 0; i < aep__tree_at(tree, node)->begin; i++)
        line += tree->text.data[i] == '\n';
    return aep__error(err, AEP_EINVAL, NULL, "line %zu: %s is not %s", line, what, type);
}

static int check_events(const struct aep__json_tree *tree, size_t hooks,
                        const struct aep__hook_wanted *set, aep_error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        char what[128];
        size_t event = aep__tree_member(tree, hooks, set->events[i]);
        if (!event || aep__tree_at(tree, event)->type == AEP__JSON_ARRAY)
            continue;
        snprintf(what, sizeof what, "\"%s\" in \"hooks\"", set->events[i]);
        return refuse_type(tree, event, what, "an array", err);
    }
    return AEP_OK;
}

static int check_types(const struct aep__json_tree *tree, const struct aep__hook_wanted *set,
                       size_t *ret_hooks, aep_error *err)
{
    if (aep__tree_at(tree, 0)->type != AEP__JSON_OBJECT)
        return refuse_type(tree, 0, "the whole", "an object", err);
    size_t hooks = *ret_hooks = aep__tree_member(tree, 0, "hooks");
    if (hooks && aep__tree_at(tree, hooks)->type != AEP__JSON_OBJECT)
        return refuse_type(tree, hooks, "\"hooks\"", "an object", err);
    return hooks ? check_events(tree, hooks, set, err) : AEP_OK;
}

int aep__ours_read(struct aep__json_tree *tree, struct aep__slice text,
                   const struct aep__hook_wanted *set, size_t *ret_mark, size_t *ret_hooks,
                   aep_error *err)
{
    *ret_mark = text.len ? aep__utf8_mark(text.data, text.len) : 0;
    struct aep__slice json = {text.data + *ret_mark, text.len - *ret_mark};
    int code = aep__tree_read(tree, json, err);
    return code == AEP_OK ? check_types(tree, set, ret_hooks, err) : code;
}

/* ---- recognising ----------------------------------------------------------------------------- */

/* The words that a handler runs: of "args" behind the program, else of a command for a shell. */
static void add_words(const struct aep__json_tree *tree, size_t handler, struct aep__buf *words)
{
    static const char *const commands[] = {"command", "bash", "exec", NULL};
    size_t command = 0, args = aep__tree_member(tree, handler, "args");
    struct aep__buf text = {0};
    for (const char *const *name = commands; *name && !command; name++)
        command = aep__tree_member(tree, handler, *name);
    if (!command || !aep__tree_string(tree, command, &text))
        goto done;
    if (!args) {
        aep__words_split(words, aep__buf_string(&text));
        goto done;
    }
    aep__buf_text(words, aep__buf_string(&text));
    aep__buf_byte(words, '\0');
    for (size_t arg = aep__tree_at(tree, args)->first; arg; arg = aep__tree_at(tree, arg)->next) {
        aep__tree_string(tree, arg, words);
        aep__buf_byte(words, '\0');
    }
done:
    aep__buf_done(&text);
}

static bool is_word(const struct aep__buf *words, size_t number, const char *word)
{
    const char *got = aep__words_get(words, number);
    return got && strcmp(got, word) == 0;
}

static bool is_handler(const struct aep__json_tree *tree, size_t handler, const char *agent,
                       struct aep__buf *program)
{
    struct aep__buf words = {0};
    if (aep__tree_at(tree, handler)->type != AEP__JSON_OBJECT)
        return false;
    add_words(tree, handler, &words);
    const char *path = aep__words_get(&words, 0), *slash = path ? strrchr(path, '/') : NULL;
    const char *name = slash ? slash + 1 : path;
    bool ours =
        name && strcmp(name, "aep") == 0 && is_word(&words, 1, "hook") && is_word(&words, 2, agent);
    if (ours && program && program->len == 0)
        aep__buf_text(program, path);
    aep__buf_done(&words);
    return ours;
}

/* Marks the handlers of an array; returns how many are ours. *ret_all: there is no other. */
static size_t mark_handlers(const struct aep__json_tree *tree, size_t array, const char *agent,
                            struct aep__buf *program, bool *ret_all)
{
    size_t found = 0, count = aep__tree_at(tree, array)->count;
    for (size_t one = aep__tree_at(tree, array)->first; one; one = aep__tree_at(tree, one)->next) {
        bool ours = is_handler(tree, one, agent, program);
        aep__tree_at(tree, one)->marked = ours;
        found += ours;
    }
    *ret_all = count > 0 && found == count;
    return found;
}

/* The same for an element of an event: a group, or where the agent has none a handler. */
static size_t mark_element(const struct aep__json_tree *tree, size_t node, const char *agent,
                           struct aep__buf *program)
{
    struct aep__tree_node *at = aep__tree_at(tree, node);
    size_t inner = aep__tree_member(tree, node, "hooks");
    if (inner && aep__tree_at(tree, inner)->type == AEP__JSON_ARRAY)
        return mark_handlers(tree, inner, agent, program, &at->marked);
    at->marked = is_handler(tree, node, agent, program);
    return at->marked;
}

size_t aep__ours_mark(const struct aep__json_tree *tree, size_t hooks, const char *agent,
                      struct aep__buf *program)
{
    size_t found = 0;
    for (size_t event = hooks ? aep__tree_at(tree, hooks)->first : 0; event;
         event = aep__tree_at(tree, event)->next) {
        if (aep__tree_at(tree, event)->type != AEP__JSON_ARRAY)
            continue;
        for (size_t node = aep__tree_at(tree, event)->first; node;
             node = aep__tree_at(tree, node)->next)
            found += mark_element(tree, node, agent, program);
    }
    return found;
}

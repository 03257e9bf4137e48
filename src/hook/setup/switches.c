/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/switches.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/setup/target.h"
#include "hook/setup/toml.h"
#include "hook/setup/tree.h"
#include "hook/setup/trust.h"

/* A value in a file that switches hooks off. The file is below the agent's folder ("~/"), below the working
 * directory ("./") or absolute; one that ends in "/" stands for every *.json in it. */
struct toggle {
    enum aep__hook_agent_id id;
    const char *file;
    const char *path[3]; /* the names down to it */
    const char *value;   /* as it stands there; "aep": an array that has this name in it */
};

static const struct toggle toggles[] = {
    {AEP__HOOK_CLAUDE_CODE, "/etc/claude-code/managed-settings.json", {"disableAllHooks"}, "true"},
    {AEP__HOOK_CLAUDE_CODE,
     "/etc/claude-code/managed-settings.json",
     {"allowManagedHooksOnly"},
     "true"},
    {AEP__HOOK_CLAUDE_CODE, "/etc/claude-code/managed-settings.d/", {"disableAllHooks"}, "true"},
    {AEP__HOOK_CLAUDE_CODE,
     "/etc/claude-code/managed-settings.d/",
     {"allowManagedHooksOnly"},
     "true"},
    {AEP__HOOK_CLAUDE_CODE, "~/settings.json", {"disableAllHooks"}, "true"},
    {AEP__HOOK_CLAUDE_CODE, "./.claude/settings.json", {"disableAllHooks"}, "true"},
    {AEP__HOOK_CLAUDE_CODE, "./.claude/settings.local.json", {"disableAllHooks"}, "true"},
    {AEP__HOOK_CODEX, "~/config.toml", {"features", "hooks"}, "false"},
    {AEP__HOOK_CODEX, "~/config.toml", {"features", "codex_hooks"}, "false"},
    {AEP__HOOK_CODEX, "/etc/codex/requirements.toml", {"features", "hooks"}, "false"},
    {AEP__HOOK_CODEX, "/etc/codex/requirements.toml", {"allow_managed_hooks_only"}, "true"},
    {AEP__HOOK_GEMINI_CLI, "/etc/gemini-cli/settings.json", {"hooksConfig", "enabled"}, "false"},
    {AEP__HOOK_GEMINI_CLI, "~/settings.json", {"hooksConfig", "enabled"}, "false"},
    {AEP__HOOK_GEMINI_CLI, "~/settings.json", {"hooksConfig", "disabled"}, "aep"},
    {AEP__HOOK_GEMINI_CLI, "~/settings.json", {"hooks", "enabled"}, "false"},
    {AEP__HOOK_GEMINI_CLI, "~/settings.json", {"hooks", "disabled"}, "aep"},
    {AEP__HOOK_GEMINI_CLI, "~/settings.json", {"tools", "enableHooks"}, "false"},
    {AEP__HOOK_GEMINI_CLI, "./.gemini/settings.json", {"hooksConfig", "enabled"}, "false"},
    {AEP__HOOK_GEMINI_CLI, "./.gemini/settings.json", {"hooksConfig", "disabled"}, "aep"},
    {AEP__HOOK_COPILOT_CLI, "~/settings.json", {"disableAllHooks"}, "true"},
    {AEP__HOOK_COPILOT_CLI, "~/config.json", {"disableAllHooks"}, "true"},
    {AEP__HOOK_COPILOT_CLI, "~/hooks/aep.json", {"disableAllHooks"}, "true"},
};

static bool has_name(const struct aep__json_tree *tree, size_t array)
{
    bool found = false;
    for (size_t node = aep__tree_at(tree, array)->first; node && !found;
         node = aep__tree_at(tree, node)->next) {
        struct aep__buf text = {0};
        found = aep__tree_string(tree, node, &text) && strcmp(aep__buf_string(&text), "aep") == 0;
        aep__buf_done(&text);
    }
    return found;
}

static bool is_set_json(struct aep__slice text, const struct toggle *toggle)
{
    struct aep__json_tree tree;
    bool set = false;
    if (aep__tree_read(&tree, text, NULL) == AEP_OK) {
        size_t node = aep__tree_member(&tree, 0, toggle->path[0]);
        if (node && toggle->path[1])
            node = aep__tree_member(&tree, node, toggle->path[1]);
        struct aep__slice value = aep__tree_value(&tree, node);
        set = node && (value.len == strlen(toggle->value) &&
                       memcmp(value.data, toggle->value, value.len) == 0);
        set = set || (node && strcmp(toggle->value, "aep") == 0 && has_name(&tree, node));
    }
    aep__tree_done(&tree);
    return set;
}

static bool is_set_toml(struct aep__slice text, const struct toggle *toggle)
{
    struct aep__buf value = {0};
    bool set = aep__toml_find(text, toggle->path, &value) &&
               strcmp(aep__buf_string(&value), toggle->value) == 0;
    aep__buf_done(&value);
    return set;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void try_file(const struct toggle *toggle, const char *path, struct aep__buf *out)
{
    struct aep__target file;
    if (aep__target_open(&file, path, false, NULL) == AEP_OK && file.text.len > 0) {
        struct aep__slice text = {file.text.data, file.text.len};
        if ((ends_with(path, ".toml") ? is_set_toml : is_set_json)(text, toggle)) {
            aep__buf_format(out, "switched off by \"%s%s%s\"", toggle->path[0],
                            toggle->path[1] ? "." : "", toggle->path[1] ? toggle->path[1] : "");
            aep__buf_format(out, " in %s\n", path);
        }
    }
    aep__target_done(&file);
}

static void try_folder(const struct toggle *toggle, const char *folder, struct aep__buf *out)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        int len = snprintf(path, sizeof path, "%s%s", folder, entries[i]->d_name);
        if (ends_with(entries[i]->d_name, ".json") && len > 0 && len < PATH_MAX)
            try_file(toggle, path, out);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

void aep__switches_add(enum aep__hook_agent_id id, const char *file, struct aep__buf *out)
{
    char folder[PATH_MAX], path[PATH_MAX];
    if (aep__hook_place_folder(id, folder, NULL) != AEP_OK)
        return;
    for (size_t i = 0; i < sizeof toggles / sizeof *toggles; i++) {
        const char *name = toggles[i].file;
        if (toggles[i].id != id)
            continue;
        int len = *name == '~' ? snprintf(path, sizeof path, "%s%s", folder, name + 1)
                               : snprintf(path, sizeof path, "%s", name);
        if (len > 0 && len < PATH_MAX)
            (ends_with(path, "/") ? try_folder : try_file)(&toggles[i], path, out);
    }
    if (id == AEP__HOOK_CODEX)
        aep__trust_add(folder, file, out);
}

/* ---- the plugin ------------------------------------------------------------------------------ */

/* "enabledPlugins": {"aep@MARKETPLACE": true} */
static bool has_plugin(struct aep__slice text)
{
    struct aep__json_tree tree;
    bool found = false;
    if (aep__tree_read(&tree, text, NULL) == AEP_OK) {
        size_t plugins = aep__tree_member(&tree, 0, "enabledPlugins");
        for (size_t one = plugins ? aep__tree_at(&tree, plugins)->first : 0; one;
             one = aep__tree_at(&tree, one)->next) {
            struct aep__slice name = aep__tree_at(&tree, one)->name;
            found = found || (aep__tree_at(&tree, one)->type == AEP__JSON_TRUE && name.len > 4 &&
                              memcmp(name.data, "aep@", 4) == 0);
        }
    }
    aep__tree_done(&tree);
    return found;
}

bool aep__switches_plugin(enum aep__hook_agent_id id)
{
    struct aep__target file;
    char path[PATH_MAX];
    if (id != AEP__HOOK_CLAUDE_CODE || aep__hook_place_file(id, path, NULL) != AEP_OK)
        return false;
    bool found = aep__target_open(&file, path, false, NULL) == AEP_OK &&
                 has_plugin((struct aep__slice){file.text.data, file.text.len});
    aep__target_done(&file);
    return found;
}

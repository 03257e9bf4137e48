/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/trust.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "hook/setup/target.h"
#include "hook/setup/ours.h"
#include "hook/setup/place.h"
#include "hook/setup/toml.h"

struct count {
    size_t all, trusted, off;
};

/* "PreToolUse" as Codex writes it there: "pre_tool_use". */
static void add_label(struct aep__slice name, struct aep__buf *out)
{
    for (size_t i = 0; i < name.len; i++) {
        if (aep__is_upper(name.data[i]) && i > 0)
            aep__buf_byte(out, '_');
        aep__buf_byte(out, aep__to_lower(name.data[i]));
    }
}

static void look_up(struct aep__slice config, const char *key, struct count *count)
{
    const char *const hash[] = {"hooks", "state", key, "trusted_hash", NULL};
    const char *const enabled[] = {"hooks", "state", key, "enabled", NULL};
    struct aep__buf value = {0};
    count->all++;
    count->trusted += aep__toml_find(config, hash, &value);
    aep__buf_clear(&value);
    count->off += aep__toml_find(config, enabled, &value) && value.len == 5 &&
                  memcmp(value.data, "false", 5) == 0;
    aep__buf_done(&value);
}

/* The groups of one event. */
static void count_event(const struct aep__json_tree *tree, size_t event, const char *file,
                        struct aep__slice config, struct count *count)
{
    size_t index = 0;
    for (size_t node = aep__tree_at(tree, event)->first; node;
         node = aep__tree_at(tree, node)->next, index++) {
        struct aep__buf key = {0};
        if (!aep__tree_at(tree, node)->marked)
            continue;
        aep__buf_format(&key, "%s:", file);
        add_label(aep__tree_at(tree, event)->name, &key);
        aep__buf_format(&key, ":%zu:0", index);
        look_up(config, aep__buf_string(&key), count);
        aep__buf_done(&key);
    }
}

static struct count count_all(struct aep__slice hooks, const char *file, struct aep__slice config)
{
    const char *agent = aep__hook_agents[AEP__HOOK_CODEX].name;
    const struct aep__hook_wanted set = {.agent = agent};
    struct aep__json_tree tree = {0};
    struct count count = {0};
    size_t mark, object = 0;
    if (aep__ours_read(&tree, hooks, &set, &mark, &object, NULL) == AEP_OK) {
        aep__ours_mark(&tree, object, agent, NULL);
        for (size_t event = object ? aep__tree_at(&tree, object)->first : 0; event;
             event = aep__tree_at(&tree, event)->next)
            count_event(&tree, event, file, config, &count);
    }
    aep__tree_done(&tree);
    return count;
}

void aep__trust_add(const char *folder, const char *file, struct aep__buf *out)
{
    struct aep__target hooks, config;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/config.toml", folder);
    bool read = aep__target_open(&hooks, file, false, NULL) == AEP_OK;
    read = aep__target_open(&config, path, false, NULL) == AEP_OK && read;
    if (read && hooks.text.len > 0) {
        struct aep__slice text = {hooks.text.data, hooks.text.len};
        struct count count =
            count_all(text, file, (struct aep__slice){config.text.data, config.text.len});
        if (count.trusted < count.all)
            aep__buf_format(out, "%zu of %zu hooks are not trusted: type /hooks in Codex\n",
                            count.all - count.trusted, count.all);
        if (count.off > 0)
            aep__buf_format(out, "%zu of %zu hooks are switched off: type /hooks in Codex\n",
                            count.off, count.all);
    }
    aep__target_done(&hooks);
    aep__target_done(&config);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "hook/setup/words.h"

/* Timeouts: seconds, but of Gemini milliseconds. A hook takes two. Codex ends those of a session's end
 * after three seconds. */
const struct aep__hook_place aep__hook_places[AEP__HOOK_AGENTS] = {
    [AEP__HOOK_CLAUDE_CODE] =
        {.variable = "CLAUDE_CONFIG_DIR",
         .below = "",
         .folder = ".claude",
         .file = "settings.json",
         .entry = "{\"hooks\": [{\"type\": \"command\", \"command\": @program, "
                  "\"args\": [\"hook\", \"claude-code\"], \"timeout\": 5}]}",
         /* Older ones know no "args": they would run aep without a word, which fails, and a hook that
          * fails may stop the agent. Those before 2.1.101 ignore settings with a hook they do not know. */
         .oldest = "2.1.139",
         .command = "claude"},
    [AEP__HOOK_CODEX] = {.variable = "CODEX_HOME",
                         .below = "",
                         .folder = ".codex",
                         .file = "hooks.json",
                         .entry = "{\"hooks\": [{\"type\": \"command\", \"command\": @command, "
                                  "\"timeout\": 3}]}",
                         .advice = "Codex runs them only once you trust them: type /hooks in it"},
    [AEP__HOOK_GEMINI_CLI] = {.variable = "GEMINI_CLI_HOME",
                              .below = "/.gemini",
                              .folder = ".gemini",
                              .file = "settings.json",
                              .entry = "{\"hooks\": [{\"name\": \"aep\", \"type\": \"command\", "
                                       "\"command\": @command, \"timeout\": 5000}]}"},
    [AEP__HOOK_CURSOR] = {.folder = ".cursor",
                          .file = "hooks.json",
                          .entry = "{\"command\": @command, \"timeout\": 5}",
                          .version = true},
    /* "exec" in place of "bash" needs no shell, but older versions do not know it. */
    [AEP__HOOK_COPILOT_CLI] = {.variable = "COPILOT_HOME",
                               .below = "",
                               .folder = ".copilot",
                               .file = "hooks/aep.json",
                               .entry = "{\"type\": \"command\", \"bash\": @command@event, "
                                        "\"timeoutSec\": 5}",
                               .version = true},
    [AEP__HOOK_OPENCODE] = {.variable = "XDG_CONFIG_HOME",
                            .below = "/opencode",
                            .folder = ".config/opencode",
                            .file = "plugins/aep.js"},
};

/* ---- where ----------------------------------------------------------------------------------- */

static int refuse_length(aep_error *err)
{
    return aep__error(err, AEP_ECONFIG, NULL, "the path of the home folder is too long");
}

int aep__hook_place_folder(enum aep__hook_agent_id id, char folder[PATH_MAX], aep_error *err)
{
    const struct aep__hook_place *place = &aep__hook_places[id];
    const char *value = place->variable ? getenv(place->variable) : NULL, *home = getenv("HOME");
    char cwd[PATH_MAX] = "";
    int len;
    if (value && *value && *value != '/' && !getcwd(cwd, sizeof cwd))
        return aep__error_errno(err, AEP_ECONFIG, NULL,
                                "%s=%s is relative, and the working directory", place->variable,
                                value);
    if (value && *value)
        len = snprintf(folder, PATH_MAX, "%s%s%s%s", cwd, *cwd ? "/" : "", value, place->below);
    else if (home && *home == '/')
        len = snprintf(folder, PATH_MAX, "%s/%s", home, place->folder);
    else
        return aep__error(
            err, AEP_ECONFIG, NULL,
            "HOME is not set to a folder: set it%s%s, so that the settings of %s can be found",
            place->variable ? ", or " : "", place->variable ? place->variable : "",
            aep__hook_agents[id].title);
    return len > 0 && len < PATH_MAX ? AEP_OK : refuse_length(err);
}

int aep__hook_place_file(enum aep__hook_agent_id id, char path[PATH_MAX], aep_error *err)
{
    int code = aep__hook_place_folder(id, path, err);
    size_t len = code == AEP_OK ? strlen(path) : 0;
    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
    if (code == AEP_OK && snprintf(path + len, PATH_MAX - len, "/%s", aep__hook_places[id].file) >=
                              (int)(PATH_MAX - len))
        code = refuse_length(err);
    return code;
}

/* ---- what ------------------------------------------------------------------------------------ */

/* The command for a shell; with an event where the entry asks for it. */
static void add_command(enum aep__hook_agent_id id, const char *program, const char *event,
                        struct aep__buf *out)
{
    struct aep__buf command = {0};
    aep__words_quote(&command, program);
    aep__buf_format(&command, " hook %s", aep__hook_agents[id].name);
    if (event)
        aep__buf_format(&command, " %s", event);
    out->failed |= command.failed;
    aep__json_add_string(out, command.data, command.len);
    aep__buf_done(&command);
}

/* Fills the entry's places in. */
static void add_entry(enum aep__hook_agent_id id, const char *program, const char *event,
                      struct aep__buf *out)
{
    static const struct aep__slice of_event = {"@command@event", 14}, command = {"@command", 8},
                                   path = {"@program", 8};
    for (const char *at = aep__hook_places[id].entry; *at;) {
        if (strncmp(at, of_event.data, of_event.len) == 0) {
            add_command(id, program, event, out);
            at += of_event.len;
        } else if (strncmp(at, command.data, command.len) == 0) {
            add_command(id, program, NULL, out);
            at += command.len;
        } else if (strncmp(at, path.data, path.len) == 0) {
            aep__json_add_string(out, program, strlen(program));
            at += path.len;
        } else {
            aep__buf_byte(out, *at++);
        }
    }
    aep__buf_byte(out, '\0');
}

int aep__hook_place_set(enum aep__hook_agent_id id, const char *program,
                        struct aep__hook_wanted *set, aep_error *err)
{
    const struct aep__hook_agent *agent = &aep__hook_agents[id];
    *set = (struct aep__hook_wanted){.agent = agent->name, .version = aep__hook_places[id].version};
    if (!aep__hook_places[id].entry)
        return AEP_OK;
    for (const struct aep__hook_event *event = agent->events; event->name; event++) {
        if (!event->registered || set->count == AEP__HOOK_EVENTS_MAX)
            continue;
        set->events[set->count] = event->name;
        set->begins[set->count++] = set->texts.len;
        add_entry(id, program, event->name, &set->texts);
    }
    return set->texts.failed ? aep__error_memory(err) : AEP_OK;
}

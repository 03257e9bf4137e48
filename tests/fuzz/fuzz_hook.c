/* SPDX-License-Identifier: Apache-2.0 */
/* What agents give to hooks, of all of them: the first byte says whose, each line is a call; of Copilot CLI a
 * line begins with the hook's name. Nothing is published (events are disabled), but the whole bridge runs: the state
 * of each session is read, followed and written, and stays sound. */
#include "client/publisher.h"
#include "hook/folder.h"
#include "hook/hook.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRESH_EACH 64 /* inputs; then the folder of states is emptied */

static struct aep__hook_host host;
static char folder[64];
static unsigned inputs;

static void must(bool ok)
{
    if (!ok)
        abort();
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type;
    if (ftw->level > 0)
        remove(path);
    return 0;
}

static void empty_folder(void)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_folder(void)
{
    empty_folder();
    rmdir(folder);
}

/* In memory, where that is to be had: thousands of small files are made. */
static bool make_folder(const char *parent)
{
    snprintf(folder, sizeof folder, "%s/aep-fuzz-hook.XXXXXX", parent);
    return mkdtemp(folder) != NULL;
}

static void prepare(void)
{
    aep_config *config = aep_config_new();
    must(config && aep_config_set(config, "events.enabled", "false", NULL) == AEP_OK &&
         aep_config_set(config, "hook.capture", "tools", NULL) == AEP_OK &&
         (make_folder("/dev/shm") || make_folder("/tmp")));
    atexit(remove_folder);
    aep__hook_host_open(&host, config);
    must(host.pub != NULL);
    host.spool_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    host.owner_known = true;
    aep__os_process_self(&host.owner);
    aep_config_free(config);
}

static void check_state(const struct aep__hook_call *call)
{
    struct aep__hook_step step;
    struct aep__hook_file file;
    struct aep__hook_state state;
    aep__hook_step_read(&step, call);
    if (step.session.len > 0 && aep__hook_file_open(&file, host.spool_fd, step.agent,
                                                    step.session.data, step.session.len) == 0) {
        if (aep__hook_file_read(&file, &state)) {
            must(aep__hook_state_sound(&state));
            must(state.session.phase != AEP__HOOK_STARTING &&
                 state.session.phase != AEP__HOOK_ENDING);
            must(aep__hook_level_open(&state.session) || !aep__hook_turn_open(&state));
        }
        aep__hook_file_close(&file);
    }
    aep__hook_step_done(&step);
}

static void take_line(enum aep__hook_agent_id agent, const char *line, size_t len)
{
    char event[32] = "";
    struct aep__hook_call call = {.agent = aep__hook_agents[agent].name, .bytes = {line, len}};
    const char *blank = agent == AEP__HOOK_COPILOT_CLI ? memchr(line, ' ', len) : NULL;
    if (blank && (size_t)(blank - line) < sizeof event) {
        memcpy(event, line, (size_t)(blank - line));
        call.event = event;
        call.bytes = (struct aep__slice){blank + 1, len - (size_t)(blank + 1 - line)};
    }
    aep__hook_host_take(&host, &call);
    check_state(&call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    if (!host.pub)
        prepare();
    if (++inputs % FRESH_EACH == 0)
        empty_folder();
    if (size == 0)
        return 0;
    enum aep__hook_agent_id agent = (enum aep__hook_agent_id)(data[0] % 16 % AEP__HOOK_AGENTS);
    for (at++; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *behind = newline ? newline : end;
        take_line(agent, at, (size_t)(behind - at));
        at = behind + 1;
    }
    return 0;
}

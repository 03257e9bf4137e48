/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/owner.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHELLS_MAX 4 /* one in another */

static bool is_shell(const char *name)
{
    static const char *const shells[] = {"sh",  "bash", "dash", "zsh",  "ksh",    "mksh",
                                         "ash", "fish", "csh",  "tcsh", "busybox"};
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(name, shells[i]) == 0)
            return true;
    return false;
}

/* 0: it says nothing, as other agents. */
static int64_t said(enum aep__hook_agent_id agent)
{
    const char *text = agent == AEP__HOOK_CLAUDE_CODE ? secure_getenv("CLAUDE_PID") : NULL;
    char *end = NULL;
    long long pid = text ? strtoll(text, &end, 10) : 0;
    return text && *text && !*end && pid > 1 ? pid : 0;
}

/* No number is used again while the process that it was is our parent. */
bool aep__hook_owner_is(enum aep__hook_agent_id agent, const struct aep__os_process *process)
{
    int64_t pid = said(agent);
    if (pid == 0)
        pid = getppid();
    return process->begun != 0 && pid == process->pid &&
           aep__os_process_begun(pid) == process->begun;
}

bool aep__hook_owner_find(enum aep__hook_agent_id agent, struct aep__os_process *ret)
{
    *ret = (struct aep__os_process){0};
    int64_t pid = said(agent);
    if (pid && aep__os_process_of(pid, ret))
        return true;
    pid = getppid();
    bool found = aep__os_process_of(pid, ret);
    for (int i = 0; found && i < SHELLS_MAX && is_shell(ret->name); i++) {
        struct aep__os_process above;
        int64_t parent = aep__os_process_parent(ret->pid);
        if (parent <= 1 || !aep__os_process_of(parent, &above))
            break;
        *ret = above;
    }
    return found;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's process: that which its executions belong to. It is the hook's parent; where a shell is between
 * the two, the shell's parent. Claude Code says it itself (CLAUDE_PID). */
#ifndef AEP_HOOK_OWNER_H
#define AEP_HOOK_OWNER_H

#include "base/os_process.h"
#include "hook/agent.h"

/** False: it is not known. Then its executions are never judged. */
bool aep__hook_owner_find(enum aep__hook_agent_id agent, struct aep__os_process *ret);

/** Whether it is that one, which was found before: a look that costs next to nothing. */
bool aep__hook_owner_is(enum aep__hook_agent_id agent, const struct aep__os_process *process);

#endif

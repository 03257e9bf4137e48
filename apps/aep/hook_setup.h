/* SPDX-License-Identifier: Apache-2.0 */
/* What `aep hook install`, `uninstall` and `status` share: which agents are meant, by which path hooks call
 * this program. */
#ifndef AEP_APP_HOOK_SETUP_H
#define AEP_APP_HOOK_SETUP_H

#include "hook/setup/place.h"
#include "options.h"

struct aep__hook_choice {
    enum aep__hook_agent_id ids[AEP__HOOK_AGENTS];
    size_t count;
    char program[PATH_MAX];
};

/** The agents that the operands name, each once; without operands all of them.
 * Errors: AEP_EINVAL there is no such agent (the nearest is named); AEP_EIO */
int aep__hook_choose(const struct aep__args *args, struct aep__hook_choice *ret, aep_error *err);

#define AEP__HOOK_OPERANDS "claude-code codex gemini-cli cursor copilot-cli opencode"

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps an agent from running its hooks although they are installed: switches in its settings, its
 * administrator's policy, trust that was not given. As far as files tell. */
#ifndef AEP_HOOK_SETUP_SWITCHES_H
#define AEP_HOOK_SETUP_SWITCHES_H

#include "hook/setup/setup.h"

/** Appends a line for each that is set.
 * @file  the agent's file with our hooks in it */
void aep__switches_add(enum aep__hook_agent_id id, const char *file, struct aep__buf *out);

/** Whether the agent has our hooks by a plugin, too: one called aep that is enabled in its settings. Only
 * Claude Code has such. */
bool aep__switches_plugin(enum aep__hook_agent_id id);

#endif

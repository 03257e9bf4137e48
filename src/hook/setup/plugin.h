/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin that opencode loads: opencode.js, with the program's path and the names of the events that it
 * passes on. The whole file is ours; its first line says so. */
#ifndef AEP_HOOK_SETUP_PLUGIN_H
#define AEP_HOOK_SETUP_PLUGIN_H

#include "hook/agent.h"
#include "hook/setup/settings.h"

/** Appends the file's text. */
void aep__plugin_text(const struct aep__hook_agent *agent, const char *program,
                      struct aep__buf *out);
/** What stands in a file of that name. `text`: what it should be. Free look->program.
 * Errors: AEP_EINVAL it is not ours */
int aep__plugin_look(struct aep__slice there, struct aep__slice text, struct aep__hook_found *look,
                     aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* opencode.js as it is built in: plugin.cmake makes its definition. */
#ifndef AEP_HOOK_SETUP_PLUGIN_TEXT_H
#define AEP_HOOK_SETUP_PLUGIN_TEXT_H

extern const char aep__plugin_source[];

#endif

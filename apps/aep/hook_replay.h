/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AEP_APP_HOOK_REPLAY_H
#define AEP_APP_HOOK_REPLAY_H

#include "options.h"

/** Runs `aep hook replay FILE`; returns the exit status. */
int aep__hook_replay(struct aep__args *args);

#endif

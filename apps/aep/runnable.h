/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a program of ours can run here, and if it cannot, what to do about it: mostly a library that is not
 * installed. It is run once, with --version, which takes some milliseconds. */
#ifndef AEP_APP_RUNNABLE_H
#define AEP_APP_RUNNABLE_H

#include "config/config.h"

#include <stdbool.h>

struct aep__spool;

/** Errors: AEP_ERELAY it cannot; the text says why, and what to install */
int aep__runnable(const char *path, aep_error *err);
/** Whether the dynamic loader does not let it run: the text says why, as above. What else may be wrong with it, it
 * says better itself. */
bool aep__runnable_lacks_library(const char *path, aep_error *err);
/** What to do about what a program, or the dynamic loader, has said when it could not run. */
const char *aep__runnable_remedy(const char *said);

/** Whether a relay was started for the spool, and none has come up since. */
bool aep__runnable_in_vain(const struct aep__spool *spool);
/** The relay that publishers with this configuration start. Errors: AEP_ERELAY it is not there, or cannot run */
int aep__runnable_relay(const aep_config *config, aep_error *err);

#endif

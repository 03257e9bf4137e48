/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: an execution in the user's browser, on the page of the `aep serve` that has this store. */
#ifndef AEP_EXECUTIONS_OPENING_H
#define AEP_EXECUTIONS_OPENING_H

#include "config/config.h"

/** @store  the path that the tracker's files are beside
 * Errors: AEP_ESTATE none serves it, or no browser can be run; AEP_ENOMEM */
int aep__opening(const aep_config *config, const char *store, const char *id, aep_error *err);

#endif

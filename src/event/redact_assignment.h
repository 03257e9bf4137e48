/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets recognized by the name before them. Each function returns true if the text at that byte
 * held a secret, which it has then replaced. */
#ifndef AEP_EVENT_REDACT_ASSIGNMENT_H
#define AEP_EVENT_REDACT_ASSIGNMENT_H

#include "event/redact_walk.h"

/** name=value and name: value; at = or :. */
bool aep__redact_assignment(struct aep__walk *walk, const char *at);
/** --name value; at its first dash. */
bool aep__redact_option(struct aep__walk *walk, const char *at);

#endif

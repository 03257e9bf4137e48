/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets recognized by their look. Each function returns true if the text at that byte held a
 * secret, which it has then replaced. */
#ifndef AEP_EVENT_REDACT_LOOK_H
#define AEP_EVENT_REDACT_LOOK_H

#include "event/redact_walk.h"

/** Keys that providers hand out; at - _ I. */
bool aep__redact_key(struct aep__walk *walk, const char *at, enum aep__anchor anchor);
/** eyJ….eyJ…; at its J. */
bool aep__redact_jwt(struct aep__walk *walk, const char *at);
/** Bearer …; at its B, in any case. */
bool aep__redact_bearer(struct aep__walk *walk, const char *at);
/** A PEM private key; at its first dash. */
bool aep__redact_pem(struct aep__walk *walk, const char *at);
/** scheme://user:password@; at its first colon. */
bool aep__redact_url(struct aep__walk *walk, const char *at);
/** Fills in which key rules each byte triggers. */
void aep__redact_index_keys(struct aep__redactor *redactor);

#endif

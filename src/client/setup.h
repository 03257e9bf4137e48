/* SPDX-License-Identifier: Apache-2.0 */
/* Settings for envelopes and the spool from a configuration: the same for publishers, relays and
 * previews. */
#ifndef AEP_CLIENT_SETUP_H
#define AEP_CLIENT_SETUP_H

#include "config/config.h"
#include "event/envelope.h"
#include "spool/spool.h"

/** Settings for envelopes, with a redactor if the config wants one; free them also after an error.
 * They borrow from the (loaded) config and the trace texts, which may be NULL.
 * Errors: AEP_ECONFIG redact.extra; AEP_ENOMEM */
int aep__setup_envelope(const aep_config *config, const char *traceparent, const char *tracestate,
                        struct aep__envelope_settings *ret, aep_error *err);
void aep__setup_envelope_done(struct aep__envelope_settings *settings);
/** Opens the spool in `dir`, or creates it as the config says. Errors: as aep__spool_open() */
int aep__setup_spool(const aep_config *config, const char *dir, struct aep__spool *ret,
                     aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A relay's settings: the publisher that starts it passes its own (config/pass.h); a relay in the
 * foreground reads the configuration like any publisher. */
#ifndef AEP_RELAY_SETTINGS_H
#define AEP_RELAY_SETTINGS_H

#include "config/config.h"

/** A digest of all kafka.* settings and of the files that they name: equal where a client that is
 * made now would be made of the same. */
void aep__settings_fingerprint(const aep_config *config, char text[33]);

#endif

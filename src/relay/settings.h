/* SPDX-License-Identifier: Apache-2.0 */
/* Where a relay's settings come from: the publisher that started it hands over the values in force
 * with it through a socket, a relay in the foreground finds them itself as any publisher does. */
#ifndef AEP_RELAY_SETTINGS_H
#define AEP_RELAY_SETTINGS_H

#include "config/config.h"

/** Reads `u32 length | packed configuration` from a socket, whole and within five seconds.
 * Errors: AEP_ECONFIG, AEP_EIO, AEP_ENOMEM. */
int aep__settings_receive(int fd, aep_config **ret, aep_error *err);
/** A digest of all kafka.* settings and of the files that they name: equal where a client that is
 * made now would be made of the same. */
void aep__settings_fingerprint(const aep_config *config, char text[33]);

#endif

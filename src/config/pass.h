/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration on its way to a program that we start, through a SOCK_STREAM socketpair:
 *
 *     u32, little-endian: length | that many bytes of aep__config_pack()
 *
 * So no secret is among that program's arguments or in its environment. */
#ifndef AEP_CONFIG_PASS_H
#define AEP_CONFIG_PASS_H

#include "config/config.h"

/** Sends it without waiting: the socket takes it whole or not at all, since a program that reads
 * slowly must not block this one.
 * Errors: AEP_ERELAY, AEP_ENOMEM */
int aep__config_send(int fd, const aep_config *config, aep_error *err);
/** Receives one, whole and within five seconds; aep__config_check() is left to the caller.
 * Errors: AEP_ECONFIG, AEP_EIO, AEP_ENOMEM. */
int aep__config_receive(int fd, aep_config **ret, aep_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A list of Kafka servers in canonical form. */
#ifndef AEP_CONFIG_BROKERS_H
#define AEP_CONFIG_BROKERS_H

#include "config/value.h"

/** Reads `host[:port], …` and writes the list in lower case, with ports, sorted, each server once.
 * False with the problem if it has no server, or an invalid one. */
bool aep__brokers_parse(const char *text, struct aep__buf *canonical, struct aep__problem *problem);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* How long a topic keeps its events, as it is typed and shown: 7d, -1, 86400000. */
#ifndef AEP_TOPICS_RETENTION_H
#define AEP_TOPICS_RETENTION_H

#include "aep/aep.h"

#include <stdint.h>

#define AEP__RETENTION_SIZE 40

/** Reads a time with a unit, a bare number of milliseconds, or -1: for ever. Errors: AEP_EINVAL */
int aep__retention_read(const char *text, int64_t *ret_ms, aep_error *err);
/** "7d", "1500ms", "for ever". Returns text. */
const char *aep__retention_show(int64_t ms, char text[AEP__RETENTION_SIZE]);

#endif

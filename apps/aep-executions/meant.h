/* SPDX-License-Identifier: Apache-2.0 */
/* Which execution a person means: by the front of an id, a correlation id, or "-" for the newest. */
#ifndef AEP_EXECUTIONS_MEANT_H
#define AEP_EXECUTIONS_MEANT_H

#include "reading.h"

/** Finds it.
 * @name  of the verb: if there is none, or there are several, that is reported on stderr, with those
 *        that may be meant; NULL: it is not
 * Returns 1: it is in *ret, initialised before; 0: none, or several; -1: an error */
int aep__meant_find(const struct aep__reading *reading, const char *name, const char *typed,
                    struct aep__tracked *ret, aep_error *err);

#endif

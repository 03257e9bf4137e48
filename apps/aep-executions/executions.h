/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of aep-executions do. */
#ifndef AEP_EXECUTIONS_EXECUTIONS_H
#define AEP_EXECUTIONS_EXECUTIONS_H

#include "aep/options.h"

/** All return enum aep__exit. */
int aep__executions_list(struct aep__args *args);
int aep__executions_show(struct aep__args *args);
int aep__executions_watch(struct aep__args *args);
int aep__executions_pin(struct aep__args *args);

#endif

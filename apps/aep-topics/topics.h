/* SPDX-License-Identifier: Apache-2.0 */
/* What the actions of `aep topics` do. */
#ifndef AEP_TOPICS_TOPICS_H
#define AEP_TOPICS_TOPICS_H

#include "aep/options.h"

/** Both return enum aep__exit. */
int aep__topics_list(struct aep__args *args);
int aep__topics_create(struct aep__args *args);

#endif

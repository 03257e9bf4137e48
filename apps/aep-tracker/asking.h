/* SPDX-License-Identifier: Apache-2.0 */
/* `aep tracker status` and `stop`: what a person asks of the tracker. */
#ifndef AEP_APP_TRACKER_ASKING_H
#define AEP_APP_TRACKER_ASKING_H

#include "aep/options.h"

int aep__tracker_show(struct aep__args *args);
int aep__tracker_stop(struct aep__args *args);

#endif

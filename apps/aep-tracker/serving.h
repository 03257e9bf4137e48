/* SPDX-License-Identifier: Apache-2.0 */
/* aep serve: the tracker in the foreground, with HTTP. */
#ifndef AEP_APP_TRACKER_SERVING_H
#define AEP_APP_TRACKER_SERVING_H

#include "aep/options.h"

int aep__serving(struct aep__args *args);

#endif

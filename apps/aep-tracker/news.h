/* SPDX-License-Identifier: Apache-2.0 */
/* What the server has to know beside the store: how far the sources are read, and which spools there are. */
#ifndef AEP_APP_TRACKER_NEWS_H
#define AEP_APP_TRACKER_NEWS_H

#include "tracker.h"

/** Tells the server, if there is one, that a turn is over. */
void aep__news_tell(struct aep__tracker *tracker);

#endif

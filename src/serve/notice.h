/* SPDX-License-Identifier: Apache-2.0 */
/* Notices: what all streams are told beside changes: how many executions are in each state, and how far
 * the tracker is behind; each when it is another one than before. */
#ifndef AEP_SERVE_NOTICE_H
#define AEP_SERVE_NOTICE_H

#include "serve/feed.h"

/** Errors: the store's */
int aep__notice_counts(struct aep__feed *feed, struct aep__store *store, aep_error *err);
/** @beat  also if nothing is new, with a comment */
void aep__notice_lag(struct aep__feed *feed, bool beat);

#endif

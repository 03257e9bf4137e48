/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for Kafka while the settings do not make a valid client. It takes no records, so that
 * the relay keeps running, reports the reason, and makes a client once it can. */
#ifndef AEP_DELIVER_SINK_ABSENT_H
#define AEP_DELIVER_SINK_ABSENT_H

#include "deliver/sink.h"

/** Errors: AEP_ENOMEM. */
int aep__sink_absent_new(struct aep__sink **ret, aep_error *err);

#endif

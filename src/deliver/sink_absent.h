/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in for Kafka while no client can be made of the settings: it takes nothing. Whoever runs
 * it lives on, says why, and makes a client once that can be done. */
#ifndef AEP_DELIVER_SINK_ABSENT_H
#define AEP_DELIVER_SINK_ABSENT_H

#include "deliver/sink.h"

/** Errors: AEP_ENOMEM. */
int aep__sink_absent_new(struct aep__sink **ret, aep_error *err);

#endif

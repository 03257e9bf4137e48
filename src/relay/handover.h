/* SPDX-License-Identifier: Apache-2.0 */
/* One relay per spool: takes the lock, or deals with the relay that has it.
 *
 *     foreground   asks an automatic one to stop, and waits for the lock
 *     automatic    ends; but if the holder cannot log in to Kafka and this one's other settings
 *                  can (it connects first, and only then asks), the holder gives way
 *     replaced     the same process as before an exec (upgrade/successor.h): it has the lock already */
#ifndef AEP_RELAY_HANDOVER_H
#define AEP_RELAY_HANDOVER_H

#include "relay/relay.h"

/** Takes the lock. AEP_OK: it is ours, and relay->sink may be connected already; AEP_ESTATE:
 * another relay keeps it (for an automatic relay this is not a failure). Other errors:
 * AEP_ECONFIG, AEP_ENOMEM. Blocks for some seconds at most. */
int aep__handover_take(struct aep__relay *relay, aep_error *err);

#endif

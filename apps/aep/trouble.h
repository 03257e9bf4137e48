/* SPDX-License-Identifier: Apache-2.0 */
/* Reports to a person at a terminal that what was published cannot be sent now. */
#ifndef AEP_APP_TROUBLE_H
#define AEP_APP_TROUBLE_H

#include "session.h"

#define AEP__TROUBLE_WAIT_MS 250

/** One line on stderr, once for each outage, where stderr is a terminal and the relay cannot send.
 * Call it last: the events are on disk and their receipts written.
 * @wait_ms  how long to wait until the broker's state is known; 0: not at all */
void aep__trouble_hint(const struct aep__session *session, int wait_ms);

#endif

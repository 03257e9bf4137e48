/* SPDX-License-Identifier: Apache-2.0 */
/* The payload of an event of the four kinds: the members in the order of the kinds table, each by
 * its type there; those that are not given have the table's fallback, are absent, or are missed. */
#ifndef AEP_EVENT_PAYLOAD_H
#define AEP_EVENT_PAYLOAD_H

#include "event/envelope.h"
#include "event/facts.h"
#include "event/kinds.h"

/** Appends it to envelope->value. The envelope's ids and timestamp are known by now.
 * @ret_largest  the member that takes most bytes; unchanged if there is none
 * Errors: AEP_EINVAL names the member, err->position is the place in its JSON; AEP_ETOOBIG;
 *         AEP_ENOMEM. envelope->value is then of no use. */
int aep__payload_write(struct aep__envelope *envelope,
                       const struct aep__envelope_settings *settings,
                       const struct aep__facts *facts, const struct aep__member_row **ret_largest,
                       aep_error *err);

#endif

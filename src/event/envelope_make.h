/* SPDX-License-Identifier: Apache-2.0 */
/* From a caller's event to the message that Kafka gets: ten members in a fixed order, a key,
 * headers.
 *
 *     aep_started, …  ─ aep__facts_from_struct ─┐
 *     aep_field[]     ─ aep__facts_from_fields ─┴▶ aep__facts ─ aep__envelope_make ─────▶ message
 *     aep_event       ─────────────────────────────────────── aep__envelope_make_any ─▶ message */
#ifndef AEP_EVENT_ENVELOPE_MAKE_H
#define AEP_EVENT_ENVELOPE_MAKE_H

#include "event/envelope.h"
#include "event/facts.h"

/** Zeroed memory is a fresh one. Makes the message of an event of the four kinds.
 * Errors: AEP_EINVAL names the member, err->position is the place in its JSON; AEP_ETOOBIG;
 *         AEP_ENOMEM */
int aep__envelope_make(struct aep__envelope *envelope,
                       const struct aep__envelope_settings *settings,
                       const struct aep__facts *facts, aep_error *err);
/** The same for any other event type. An event type of the four kinds is AEP_EINVAL.
 * @event  whole: read with aep__sized_read() if it is a caller's */
int aep__envelope_make_any(struct aep__envelope *envelope,
                           const struct aep__envelope_settings *settings, const aep_event *event,
                           int64_t now_us, aep_error *err);

#endif

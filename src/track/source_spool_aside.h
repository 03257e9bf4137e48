/* SPDX-License-Identifier: Apache-2.0 */
/* What a relay has done with a spool's events, for the source: those that it has put aside, parked or dead,
 * are in the side logs even where their segments are gone; the others that its cursor has passed are
 * acknowledged. */
#ifndef AEP_TRACK_SOURCE_SPOOL_ASIDE_H
#define AEP_TRACK_SOURCE_SPOOL_ASIDE_H

#include "track/source_spool.h"

/** Events that stood between two positions have been removed: those that were put aside are to be read
 * first. Returns how many these are. */
uint64_t aep__source_aside_pass(struct aep__source_spool *source, aep_position from,
                                aep_position to);
/** So many events have been removed before they were read. */
void aep__source_aside_miss(struct aep__source_spool *source, uint64_t count);
/** Takes at most `most` of those; adds how many to *count. True: there are no more. */
int aep__source_aside_take(struct aep__source_spool *source, struct aep__ingest *ingest,
                           unsigned most, unsigned *count, bool *ret_end, aep_error *err);
/** Writes what has become of events that were taken before that was known: as many as one transaction may
 * have. Sets whether that is all. */
int aep__source_settle(struct aep__source_spool *source, struct aep__store *store, bool *ret_end,
                       aep_error *err);

#endif

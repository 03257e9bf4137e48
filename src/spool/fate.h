/* SPDX-License-Identifier: Apache-2.0 */
/* The fate of a record that was accepted: what has become of it, and each name for that.
 *
 *     on disk ─▶ acknowledged        by Kafka; in local mode none is
 *        │  └──▶ parked, dead        kept in a side log
 *        └─────▶ purged, lost        by command; with a segment that somebody removed */
#ifndef AEP_SPOOL_FATE_H
#define AEP_SPOOL_FATE_H

#include "aep/aep.h"

#include <stdbool.h>

enum aep__fate {
    AEP__FATE_ON_DISK, /* nothing else yet */
    AEP__FATE_ACKED,
    AEP__FATE_PARKED,
    AEP__FATE_DEAD,
    AEP__FATE_PURGED,
    AEP__FATE_LOST,
    AEP__FATE_COUNT,
};

/** The word for people and in receipts: "spooled", "acked", "parked", "dead", "purged", "lost". */
const char *aep__fate_word(enum aep__fate fate);
/** What a relay answers when a client waits for the record: "acked", "error purged", …; NULL:
 * nothing, as long as it is on disk. */
const char *aep__fate_answer(enum aep__fate fate);
/** What such an answer makes of a wait: AEP_OK, AEP_EPARKED, AEP_EDEAD, AEP_ESPOOL (purged, lost), or
 * AEP_ERELAY: it names no fate. */
int aep__fate_code(const char *answer);

#endif

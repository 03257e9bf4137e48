/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/missed.h"

void aep__missed_add(struct aep__missed *missed, struct aep__missed_range range)
{
    struct aep__missed_range *newest =
        missed->count ? &missed->ranges[(missed->count - 1) % AEP__MISSED_RANGES] : NULL;
    if (newest && newest->segment == range.segment && newest->end == range.begin &&
        newest->fate == range.fate)
        newest->end = range.end;
    else
        missed->ranges[missed->count++ % AEP__MISSED_RANGES] = range;
}

enum aep__fate aep__missed_fate(const struct aep__missed *missed, uint64_t segment, uint64_t end)
{
    uint64_t count = missed->count < AEP__MISSED_RANGES ? missed->count : AEP__MISSED_RANGES;
    for (uint64_t i = 0; i < count; i++) {
        const struct aep__missed_range *range = &missed->ranges[i];
        if (range->segment == segment && range->begin < end && end <= range->end)
            return range->fate;
    }
    return AEP__FATE_ACKED;
}

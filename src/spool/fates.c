/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/fates.h"

#include "base/error.h"
#include "spool/cursor.h"

static bool is_before(aep_position one, aep_position other)
{
    return one.segment != other.segment ? one.segment < other.segment : one.offset < other.offset;
}

/* The side logs and what is missed come last: what the cursor has passed is in them by then. The status says when to look at
 * them in any case, since the times of files are coarse. */
int aep__fates_refresh(struct aep__fates *fates, aep_error *err)
{
    struct aep__cursor cursor;
    struct aep__status status;
    if (aep__status_read(fates->spool, &status, NULL) != AEP_OK)
        status = (struct aep__status){0};
    int code = aep__cursor_load(fates->spool, &cursor, err);
    if (code != AEP_OK)
        return code;
    bool thorough =
        status.parked_now != fates->status.parked_now || status.dead_now != fates->status.dead_now;
    if (aep__sides_look(&fates->sides, thorough) < 0)
        return aep__error_memory(err);
    if (aep__missed_look(&fates->missed) < 0)
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot read %s/" AEP__MISSED,
                                fates->spool->path);
    aep_position reached = {cursor.segment, cursor.offset}, told = {status.segment, status.offset};
    fates->finished = is_before(reached, told) ? told : reached;
    fates->status = status;
    return AEP_OK;
}

int aep__fates_init(struct aep__fates *fates, const struct aep__spool *spool, aep_error *err)
{
    *fates = (struct aep__fates){.spool = spool};
    aep__sides_init(&fates->sides, spool);
    aep__missed_init(&fates->missed, spool);
    return aep__fates_refresh(fates, err);
}

void aep__fates_done(struct aep__fates *fates)
{
    aep__sides_done(&fates->sides);
    aep__missed_done(&fates->missed);
    *fates = (struct aep__fates){0};
}

enum aep__fate aep__fates_of(const struct aep__fates *fates, aep_position begin)
{
    if (fates->spool->local)
        return AEP__FATE_ON_DISK;
    size_t i = aep__sides_from(&fates->sides, begin);
    if (i < fates->sides.count && fates->sides.list[i].segment == begin.segment &&
        fates->sides.list[i].offset == begin.offset)
        return fates->sides.list[i].fate;
    if (!is_before(begin, fates->finished))
        return AEP__FATE_ON_DISK;
    return aep__missed_fate(&fates->missed, begin);
}

void aep__fates_reach(struct aep__fates *fates, aep_position position)
{
    if (is_before(fates->finished, position))
        fates->finished = position;
}

bool aep__fates_is_past(const struct aep__fates *fates, aep_position position)
{
    return !is_before(fates->finished, position);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Words for retention: what a store does at some second. */
#ifndef AEP_TESTS_RETENTION_FIXTURE_H
#define AEP_TESTS_RETENTION_FIXTURE_H

#include "ingest_fixture.h"

#include "track/retention.h"

#define DAYS(count) ((count)*DAY_US)

/* Executions are kept for 30 days, bodies for 7, those of failed ones for 20; there is no limit. */
#define USUAL                                                                                      \
    (struct aep__retention)                                                                        \
    {                                                                                              \
        .executions_us = DAYS(30), .bodies_us = DAYS(7), .failed_bodies_us = DAYS(20)              \
    }

/* Steps until there is no more to do, so many days after the epoch; how many there were. */
static inline unsigned retain(struct taking *taking, struct aep__retention *retention, double days)
{
    struct track *track = taking->track;
    bool more = true;
    unsigned steps = 0;
    if (aep__ingest_flush(&taking->ingest, &track->err) != AEP_OK)
        fail_msg("%s", track->err.text);
    commit(track);
    for (; more && steps < 10000; steps++)
        if (aep__retention_step(retention, &taking->ingest,
                                EPOCH_US + (int64_t)(days * (double)DAY_US), &more,
                                &track->err) != AEP_OK)
            fail_msg("%s", track->err.text);
    assert_false(more);
    begin(track);
    return steps;
}

static inline void retain_usually(struct taking *taking, double days)
{
    struct aep__retention retention = USUAL;
    retain(taking, &retention, days);
}

static inline int64_t count_of(struct taking *taking, const char *name)
{
    int64_t count = -1;
    settle_all(taking);
    MUST(taking->track, get_count, name, &count);
    return count;
}

static inline void pin(struct taking *taking, unsigned number, bool pinned)
{
    assert_int_equal(
        aep__retention_pin(&taking->ingest, id_of(number), pinned, &taking->track->err), 1);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The orders of lists (sort.h) as conditions and columns. A condition has AND before it, and @ for the
 * clock. */
#include "track/store_sql_list.h"

#define BIT(state) (1U << AEP__STATE_##state)
#define ALL ((1U << AEP__STATE_COUNT) - 1)
#define SILENT " AND outcome = 0 AND waiting = 0 AND silent_at < @"
#define FRESH "3600000000" /* AEP__ATTENTION_FRESH_US */

static const struct aep__segment started[] = {{.value = "sort_at", .condition = "", .states = ALL}};

static const struct aep__segment last_event[] = {
    {.value = "last_event_at", .condition = "", .index = "execution_last", .states = ALL},
};

static const struct aep__segment attention[AEP__ATTENTION_COUNT] = {
    [AEP__ATTENTION_HUMAN] =
        {
            .value = "waiting_since",
            .ascending = true,
            .condition = " AND outcome = 0 AND waiting <> 0 AND waiting <= 2",
            .index = "execution_waiting",
            .states = BIT(WAITING),
        },
    [AEP__ATTENTION_STALLED] =
        {
            .value = "silent_at",
            .ascending = true,
            .condition = SILENT " AND (abandons_at IS NULL OR abandons_at >= @)",
            .index = "execution_silent",
            .states = BIT(STALLED),
        },
    [AEP__ATTENTION_FAILED] =
        {
            .value = "ended_at",
            .condition = " AND outcome >= 2 AND ended_at > @ - " FRESH,
            .index = "execution_failed",
            .states = BIT(FAILED) | BIT(ABANDONED),
        },
    [AEP__ATTENTION_RUNNING] =
        {
            .value = "sort_at",
            .condition = " AND outcome = 0 AND (waiting > 2 OR (waiting = 0 AND "
                         "(silent_at IS NULL OR silent_at >= @)))",
            .outcomes = 1U << AEP__ENDING_OPEN,
            .states = BIT(WAITING) | BIT(RUNNING),
        },
    [AEP__ATTENTION_ABANDONED] =
        {
            .value = "silent_at",
            .condition = SILENT " AND abandons_at < @",
            .index = "execution_silent",
            .states = BIT(ABANDONED),
        },
    [AEP__ATTENTION_REST] =
        {
            .value = "sort_at",
            .condition = " AND outcome <> 0 AND (outcome = 1 OR ended_at IS NULL OR "
                         "ended_at <= @ - " FRESH ")",
            .outcomes = 1U << AEP__ENDING_COMPLETED | 1U << AEP__ENDING_FAILED |
                        1U << AEP__ENDING_ABANDONED,
            .states = BIT(COMPLETED) | BIT(FAILED) | BIT(ABANDONED),
        },
};

#define OUTCOME(name) (1U << AEP__ENDING_##name)
#define STATE(name, own_outcomes, own_condition)                                                   \
    [AEP__STATE_##name] = {.value = "sort_at",                                                     \
                           .condition = own_condition,                                             \
                           .outcomes = own_outcomes,                                               \
                           .states = BIT(name)}

static const struct aep__segment by_state[AEP__STATE_COUNT] = {
    STATE(COMPLETED, OUTCOME(COMPLETED), " AND outcome = 1"),
    STATE(FAILED, OUTCOME(FAILED), " AND outcome = 2"),
    STATE(ABANDONED, OUTCOME(ABANDONED) | OUTCOME(OPEN),
          " AND (outcome = 3 OR (outcome = 0 AND waiting = 0 AND abandons_at < @))"),
    STATE(WAITING, OUTCOME(OPEN), " AND outcome = 0 AND waiting <> 0"),
    STATE(STALLED, OUTCOME(OPEN),
          " AND outcome = 0 AND waiting = 0 AND stalls_at < @"
          " AND (abandons_at IS NULL OR abandons_at >= @)"),
    STATE(RUNNING, OUTCOME(OPEN),
          " AND outcome = 0 AND waiting = 0 AND (silent_at IS NULL OR silent_at >= @)"),
};

_Static_assert(AEP__ATTENTION_COUNT <= AEP__SEGMENTS_MAX &&
                   (unsigned)AEP__STATE_COUNT <= AEP__SEGMENTS_MAX,
               "cursors have room for them");

static const struct {
    const struct aep__segment *segments;
    unsigned count;
} orders[AEP__SORT_COUNT] = {
    [AEP__SORT_STARTED] = {started, 1},
    [AEP__SORT_LAST_EVENT] = {last_event, 1},
    [AEP__SORT_ATTENTION] = {attention, AEP__ATTENTION_COUNT},
    [AEP__SORT_STATE] = {by_state, AEP__STATE_COUNT},
};

const struct aep__segment *aep__segments_of(enum aep__sort sort, unsigned *ret_count)
{
    *ret_count = orders[sort].count;
    return orders[sort].segments;
}

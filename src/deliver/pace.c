/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/pace.h"

#define TICK_US 100000

void aep__pace_init(struct aep__pace *pace, struct aep__clock clock)
{
    *pace = (struct aep__pace){.clock = clock};
    aep__pace_read(pace);
    pace->tick_us = pace->due_us = pace->active_us = pace->now_us;
}

void aep__pace_read(struct aep__pace *pace)
{
    pace->now_us = pace->clock.mono_us();
    pace->wall_us = pace->clock.wall_us();
}

void aep__pace_due(struct aep__pace *pace, int64_t at_us)
{
    if (at_us < pace->due_us)
        pace->due_us = at_us;
}

void aep__pace_tick_soon(struct aep__pace *pace)
{
    int64_t at_us = pace->ticked_us + TICK_US;
    if (pace->tick_us == INT64_MAX)
        pace->tick_us = at_us > pace->now_us ? at_us : pace->now_us;
}

void aep__pace_hurry(struct aep__pace *pace)
{
    pace->ticked_us = 0;
    if (pace->tick_us != INT64_MAX)
        pace->tick_us = pace->now_us;
}

void aep__pace_touch(struct aep__pace *pace)
{
    aep__pace_tick_soon(pace);
    pace->active_us = pace->now_us;
}

bool aep__pace_tick(struct aep__pace *pace)
{
    if (pace->now_us < pace->tick_us)
        return false;
    pace->ticked_us = pace->now_us;
    pace->tick_us = INT64_MAX;
    return true;
}

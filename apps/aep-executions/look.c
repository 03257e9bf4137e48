/* SPDX-License-Identifier: Apache-2.0 */
#include "look.h"

#include <stdio.h>

#define UNKNOWN ((struct aep__amount){"-"})
#define SECOND_US 1000000

const char *aep__look_colour(enum aep__state state)
{
    static const char *const colours[AEP__STATE_COUNT] = {
        [AEP__STATE_COMPLETED] = "32", [AEP__STATE_FAILED] = "31",  [AEP__STATE_ABANDONED] = "35",
        [AEP__STATE_WAITING] = "33",   [AEP__STATE_STALLED] = "35", [AEP__STATE_RUNNING] = "36",
    };
    return colours[state];
}

void aep__look_state(struct aep__buf *out, const struct aep__tracked *execution,
                     const struct aep__view *view, bool more)
{
    enum aep__state state = aep__state_of(execution, view->clock_us);
    const char *what = aep__waiting_word((enum aep__waiting)execution->waiting);
    aep__buf_text(out, aep__state_word(state));
    aep__buf_text(out, aep__view_uncertain(view, state) ? "?" : "");
    if (more && state == AEP__STATE_WAITING && what)
        aep__buf_format(out, " %s", what);
}

struct aep__amount aep__look_span(int64_t from_us, int64_t to_us)
{
    if (from_us == AEP__UNKNOWN_US || to_us == AEP__UNKNOWN_US)
        return UNKNOWN;
    int64_t seconds = to_us > from_us ? (to_us - from_us) / SECOND_US : 0;
    return seconds == 0 ? (struct aep__amount){"0s"} : aep__amount_brief((double)seconds * 1000);
}

struct aep__amount aep__look_duration(double ms)
{
    return isnan(ms) ? UNKNOWN : aep__amount_brief(ms);
}

struct aep__amount aep__look_children(const struct aep__tracked *execution)
{
    struct aep__amount amount;
    snprintf(amount.text, sizeof amount.text, "%lld/%lld", (long long)execution->open_children,
             (long long)execution->children);
    return amount;
}

void aep__look_step(struct aep__buf *out, const struct aep__tracked *execution)
{
    size_t begin = out->len;
    if (!isnan(execution->steps_completed) && !isnan(execution->steps_total))
        aep__buf_format(out, "%.15g/%.15g", execution->steps_completed, execution->steps_total);
    if (!isnan(execution->progress_percent))
        aep__buf_format(out, "%s%.4g%%", out->len > begin ? " " : "", execution->progress_percent);
    if (execution->current_step)
        aep__buf_format(out, "%s%s", out->len > begin ? " " : "", execution->current_step);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "attention.h"

#include <string.h>

#define FRESH_US INT64_C(3600000000) /* how long a failure wants attention */

bool aep__attention_needs_human(const struct aep__tracked *execution, int64_t clock_us)
{
    return aep__state_of(execution, clock_us) == AEP__STATE_WAITING &&
           (execution->waiting == AEP__WAITING_HUMAN ||
            execution->waiting == AEP__WAITING_PERMISSION);
}

static bool is_fresh(const struct aep__tracked *execution, enum aep__state state, int64_t clock_us)
{
    int64_t since_us = aep__state_since(execution, state);
    if (since_us == AEP__UNKNOWN_US)
        since_us = execution->last_event_at;
    return since_us != AEP__UNKNOWN_US && since_us > clock_us - FRESH_US;
}

enum aep__attention aep__attention_of(const struct aep__tracked *execution, int64_t clock_us)
{
    enum aep__state state = aep__state_of(execution, clock_us);
    switch (state) {
    case AEP__STATE_WAITING:
        return aep__attention_needs_human(execution, clock_us) ? AEP__ATTENTION_HUMAN
                                                               : AEP__ATTENTION_RUNNING;
    case AEP__STATE_STALLED:
        return AEP__ATTENTION_STALLED;
    case AEP__STATE_RUNNING:
        return AEP__ATTENTION_RUNNING;
    case AEP__STATE_FAILED:
    case AEP__STATE_ABANDONED:
        return is_fresh(execution, state, clock_us) ? AEP__ATTENTION_FAILED : AEP__ATTENTION_REST;
    default:
        return AEP__ATTENTION_REST;
    }
}

/* ---- ways to sort --------------------------------------------------------------------------- */

static int compare_times(int64_t one_us, int64_t other_us)
{
    return one_us == other_us ? 0 : one_us > other_us ? -1 : 1;
}

static int compare_texts(const char *one, const char *other)
{
    return strcmp(one ? one : "", other ? other : "");
}

static int by_start(const struct aep__place *one, const struct aep__place *other)
{
    int order = compare_times(one->execution->started_at, other->execution->started_at);
    return order ? order : strcmp(one->execution->id, other->execution->id);
}

static int by_attention(const struct aep__place *one, const struct aep__place *other)
{
    int order = (int)one->attention - (int)other->attention;
    if (order == 0)
        order = compare_times(one->since_us, other->since_us);
    if (one->attention == other->attention && one->attention <= AEP__ATTENTION_STALLED)
        order = -order;
    return order ? order : by_start(one, other);
}

static int by_last_event(const struct aep__place *one, const struct aep__place *other)
{
    int order = compare_times(one->execution->last_event_at, other->execution->last_event_at);
    return order ? order : by_start(one, other);
}

static int by_agent(const struct aep__place *one, const struct aep__place *other)
{
    int order = compare_texts(one->execution->agent_name, other->execution->agent_name);
    return order ? order : by_start(one, other);
}

static int by_state(const struct aep__place *one, const struct aep__place *other)
{
    int order = (int)one->state - (int)other->state;
    return order ? order : by_start(one, other);
}

const struct aep__sorting aep__sortings[AEP__SORTING_COUNT] = {
    {"attention", by_attention}, {"start", by_start}, {"last event", by_last_event},
    {"agent", by_agent},         {"state", by_state},
};

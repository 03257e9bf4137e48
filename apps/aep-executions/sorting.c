/* SPDX-License-Identifier: Apache-2.0 */
#include "sorting.h"

#include <string.h>

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
    int order = compare_times(one->started_at, other->started_at);
    return order ? order : strcmp(aep__brief_id(one->brief), aep__brief_id(other->brief));
}

static int by_attention(const struct aep__place *one, const struct aep__place *other)
{
    int order = aep__rank_compare(&one->rank, &other->rank);
    return order ? order : by_start(one, other);
}

static int by_last_event(const struct aep__place *one, const struct aep__place *other)
{
    int order = compare_times(one->last_event_at, other->last_event_at);
    return order ? order : by_start(one, other);
}

static int by_agent(const struct aep__place *one, const struct aep__place *other)
{
    int order = compare_texts(one->agent, other->agent);
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "track/match.h"

#include <string.h>

bool aep__match_pattern(const char *pattern, const char *text)
{
    const char *star = NULL, *again = NULL; /* the last star, and what it has taken up to */
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            again = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++again;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

static bool is_one(const struct aep__filter *filter, enum aep__filter_name name, const char *text)
{
    const struct aep__filter_values *values = &filter->values[name];
    bool found = values->count == 0;
    for (unsigned i = 0; text && !found && i < values->count; i++)
        found = name == AEP__FILTER_AGENT ? aep__match_pattern(values->values[i], text)
                                          : strcmp(values->values[i], text) == 0;
    return found;
}

static bool holds(const struct aep__tracked *execution, const char *what,
                  struct aep__contains *contains)
{
    const char *const texts[] = {execution->user_request, execution->agent_name,
                                 execution->current_step, execution->error_message};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i] && aep__contains(contains, texts[i], what))
            return true;
    return false;
}

static bool has_texts(const struct aep__filter *filter, const struct aep__tracked *execution,
                      struct aep__contains *contains)
{
    const struct aep__filter_values *texts = &filter->values[AEP__FILTER_TEXT];
    for (unsigned i = 0; i < texts->count; i++)
        if (!holds(execution, texts->values[i], contains))
            return false;
    return true;
}

bool aep__match(const struct aep__filter *filter, const struct aep__tracked *execution,
                int64_t clock_us, struct aep__contains *contains)
{
    bool parent = filter->values[AEP__FILTER_PARENT].count > 0;
    if (filter->states && !(filter->states & 1U << aep__state_of(execution, clock_us)))
        return false;
    if (execution->parent_known ? filter->roots : parent)
        return false;
    return execution->last_event_at >= filter->since_us &&
           execution->last_event_at <= filter->until_us &&
           is_one(filter, AEP__FILTER_AGENT, execution->agent_name) &&
           is_one(filter, AEP__FILTER_TENANT, execution->tenant_id) &&
           is_one(filter, AEP__FILTER_SESSION, execution->session_id) &&
           is_one(filter, AEP__FILTER_CORRELATION, execution->correlation_id) &&
           is_one(filter, AEP__FILTER_PARENT, execution->parent_id) &&
           has_texts(filter, execution, contains);
}

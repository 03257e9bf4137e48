/* SPDX-License-Identifier: Apache-2.0 */
#include "track/sort.h"

#include "base/error.h"
#include "config/nearest.h"
#include "config/value.h"

#include <string.h>

static const char *const words[AEP__SORT_COUNT] = {
    [AEP__SORT_STARTED] = "started",
    [AEP__SORT_LAST_EVENT] = "last_event",
    [AEP__SORT_ATTENTION] = "attention",
    [AEP__SORT_STATE] = "state",
};

const char *aep__sort_word(enum aep__sort sort)
{
    return words[sort];
}

static void add_words(struct aep__buf *out)
{
    for (size_t i = 0; i < AEP__SORT_COUNT; i++)
        aep__buf_format(out, "%s%s", i ? " " : "", words[i]);
}

int aep__sort_find(const char *word, enum aep__sort *ret, aep_error *err)
{
    struct aep__nearest nearest = {.wanted = word};
    char quoted[AEP__QUOTE_SIZE];
    for (enum aep__sort sort = 0; sort < AEP__SORT_COUNT; sort++) {
        aep__nearest_show(&nearest, words[sort]);
        if (strcmp(words[sort], word) == 0) {
            *ret = sort;
            return AEP_OK;
        }
    }
    if (aep__nearest_get(&nearest))
        return aep__error(err, AEP_EINVAL, "sort", "no order is named %s; did you mean %s?",
                          aep__quote(word, quoted), aep__nearest_get(&nearest));
    struct aep__buf all = {0};
    add_words(&all);
    aep__error(err, AEP_EINVAL, "sort", "no order is named %s; the orders are %s",
               aep__quote(word, quoted), aep__buf_string(&all));
    aep__buf_done(&all);
    return AEP_EINVAL;
}

/* ---- where an execution stands ---- */

bool aep__needs_human(const struct aep__tracked *execution, int64_t clock_us)
{
    return aep__state_of(execution, clock_us) == AEP__STATE_WAITING &&
           (execution->waiting == AEP__WAITING_HUMAN ||
            execution->waiting == AEP__WAITING_PERMISSION);
}

static int64_t start_of(const struct aep__tracked *execution)
{
    return execution->started_at != AEP__UNKNOWN_US ? execution->started_at
                                                    : execution->last_event_at;
}

static int64_t silent_at(const struct aep__tracked *execution)
{
    int64_t stalls = execution->stalls_at, abandons = execution->abandons_at;
    if (stalls == AEP__UNKNOWN_US || abandons == AEP__UNKNOWN_US)
        return stalls == AEP__UNKNOWN_US ? abandons : stalls;
    return stalls < abandons ? stalls : abandons;
}

static bool is_fresh(const struct aep__tracked *execution, int64_t clock_us)
{
    return execution->ended_at != AEP__UNKNOWN_US &&
           execution->ended_at > clock_us - AEP__ATTENTION_FRESH_US;
}

static struct aep__rank attention_of(const struct aep__tracked *execution, int64_t clock_us)
{
    enum aep__state state = aep__state_of(execution, clock_us);
    int64_t start = start_of(execution);
    if (execution->outcome >= AEP__ENDING_FAILED && is_fresh(execution, clock_us))
        return (struct aep__rank){AEP__ATTENTION_FAILED, execution->ended_at, false};
    if (execution->outcome != AEP__ENDING_OPEN)
        return (struct aep__rank){AEP__ATTENTION_REST, start, false};
    if (aep__needs_human(execution, clock_us))
        return (struct aep__rank){AEP__ATTENTION_HUMAN, execution->waiting_since, true};
    if (state == AEP__STATE_STALLED)
        return (struct aep__rank){AEP__ATTENTION_STALLED, silent_at(execution), true};
    if (state == AEP__STATE_ABANDONED)
        return (struct aep__rank){AEP__ATTENTION_ABANDONED, silent_at(execution), false};
    return (struct aep__rank){AEP__ATTENTION_RUNNING, start, false};
}

struct aep__rank aep__sort_rank(enum aep__sort sort, const struct aep__tracked *execution,
                                int64_t clock_us)
{
    if (sort == AEP__SORT_ATTENTION)
        return attention_of(execution, clock_us);
    if (sort == AEP__SORT_STATE)
        return (struct aep__rank){aep__state_of(execution, clock_us), start_of(execution), false};
    return (struct aep__rank){.value = sort == AEP__SORT_STARTED ? start_of(execution)
                                                                 : execution->last_event_at};
}

int aep__rank_compare(const struct aep__rank *one, const struct aep__rank *other)
{
    if (one->segment != other->segment)
        return one->segment < other->segment ? -1 : 1;
    if (one->value == other->value)
        return 0;
    return (one->value < other->value) == one->ascending ? -1 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "track/meter.h"

#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const double aep__meter_bounds[AEP__METER_BUCKETS] = {0.1, 0.5, 1,    5,    15,    60,
                                                      300, 900, 1800, 3600, 14400, 86400};

void aep__meter_init(struct aep__meter *meter)
{
    const struct aep__meter_numbers none = {.others = {.name = "other"}};
    *meter = (struct aep__meter){.taken = none, .counted = none};
    pthread_mutex_init(&meter->mutex, NULL);
}

void aep__meter_numbers_done(struct aep__meter_numbers *numbers)
{
    free(numbers->agents);
    numbers->agents = NULL;
}

void aep__meter_done(struct aep__meter *meter)
{
    aep__meter_numbers_done(&meter->taken);
    aep__meter_numbers_done(&meter->counted);
    pthread_mutex_destroy(&meter->mutex);
}

/* ---- taking --------------------------------------------------------------------------------- */

/* Where a name is, or would be. */
static unsigned find_place(const struct aep__meter_numbers *numbers, const char *name)
{
    unsigned low = 0, high = numbers->agent_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (strcmp(numbers->agents[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct aep__meter_agent *find_agent(struct aep__meter_numbers *numbers, const char *whole)
{
    char name[AEP__METER_NAME] = "";
    size_t len = aep__utf8_cut(whole, strlen(whole), sizeof name - 1);
    memcpy(name, whole, len);
    if (strcmp(name, numbers->others.name) == 0)
        return &numbers->others; /* one line of that name is all that Prometheus takes */
    if (!numbers->agents)
        numbers->agents = calloc(AEP__METER_AGENTS, sizeof *numbers->agents);
    unsigned at = find_place(numbers, name);
    if (at < numbers->agent_count && strcmp(numbers->agents[at].name, name) == 0)
        return &numbers->agents[at];
    if (!numbers->agents || numbers->agent_count == AEP__METER_AGENTS)
        return &numbers->others;
    memmove(&numbers->agents[at + 1], &numbers->agents[at],
            (numbers->agent_count - at) * sizeof *numbers->agents);
    numbers->agent_count++;
    numbers->agents[at] = (struct aep__meter_agent){0};
    memcpy(numbers->agents[at].name, name, sizeof name);
    return &numbers->agents[at];
}

static void count_duration(struct aep__meter_numbers *numbers, double seconds)
{
    unsigned bucket = 0;
    if (!isfinite(seconds) || seconds < 0)
        return;
    while (bucket < AEP__METER_BUCKETS && seconds > aep__meter_bounds[bucket])
        bucket++;
    numbers->durations[bucket]++;
    numbers->duration_s += seconds;
}

void aep__meter_take(struct aep__meter *meter, const struct aep__observation *event,
                     const struct aep__tracked *execution, bool was_open)
{
    static const enum aep__state states[] = {[AEP__ENDING_COMPLETED] = AEP__STATE_COMPLETED,
                                             [AEP__ENDING_FAILED] = AEP__STATE_FAILED,
                                             [AEP__ENDING_ABANDONED] = AEP__STATE_ABANDONED};
    bool starts = event->kind == AEP_KIND_STARTED; /* an end that came before it has been counted */
    bool ends = !starts && was_open && execution->outcome != AEP__ENDING_OPEN;
    if (!starts && !ends)
        return;
    struct aep__meter_agent *agent =
        find_agent(&meter->taken, execution->agent_name ? execution->agent_name : "");
    agent->started += starts;
    if (ends) {
        agent->ended[states[execution->outcome]]
                    [execution->inferred ? AEP__BASIS_INFERRED : AEP__BASIS_EVENT]++;
        count_duration(&meter->taken, execution->duration_ms / 1000);
    }
    meter->changed = true;
}

void aep__meter_add(struct aep__meter *meter, const int64_t tallies[AEP__TALLY_COUNT])
{
    for (unsigned i = 0; i < AEP__TALLY_COUNT; i++) {
        meter->taken.tallies[i] += tallies[i];
        meter->changed |= tallies[i] != 0;
    }
}

/* ---- counting ------------------------------------------------------------------------------- */

/* False: out of memory, and *to is as before. */
static bool copy_numbers(struct aep__meter_numbers *to, const struct aep__meter_numbers *from)
{
    struct aep__meter_agent *agents = to->agents;
    if (!agents && from->agents)
        agents = calloc(AEP__METER_AGENTS, sizeof *agents);
    if (!agents && from->agents)
        return false;
    *to = *from;
    to->agents = agents;
    if (from->agent_count > 0)
        memcpy(agents, from->agents, from->agent_count * sizeof *agents);
    return true;
}

/* Without memory it is counted with the next one. */
void aep__meter_commit(struct aep__meter *meter)
{
    if (!meter->changed)
        return;
    pthread_mutex_lock(&meter->mutex);
    meter->changed = !copy_numbers(&meter->counted, &meter->taken);
    pthread_mutex_unlock(&meter->mutex);
}

void aep__meter_roll_back(struct aep__meter *meter)
{
    meter->changed = false;
    copy_numbers(&meter->taken, &meter->counted); /* they have had memory before */
}

bool aep__meter_read(struct aep__meter *meter, struct aep__meter_numbers *ret)
{
    *ret = (struct aep__meter_numbers){.agents = NULL};
    pthread_mutex_lock(&meter->mutex);
    bool done = copy_numbers(ret, &meter->counted);
    pthread_mutex_unlock(&meter->mutex);
    return done;
}

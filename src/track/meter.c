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
    *meter = (struct aep__meter){.others = {.name = "other"}};
    pthread_mutex_init(&meter->mutex, NULL);
}

void aep__meter_done(struct aep__meter *meter)
{
    free(meter->agents);
    pthread_mutex_destroy(&meter->mutex);
}

/* Where a name is, or would be. */
static unsigned find_place(const struct aep__meter *meter, const char *name)
{
    unsigned low = 0, high = meter->agent_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (strcmp(meter->agents[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct aep__meter_agent *find_agent(struct aep__meter *meter, const char *whole)
{
    char name[AEP__METER_NAME] = "";
    size_t len = aep__utf8_cut(whole, strlen(whole), sizeof name - 1);
    memcpy(name, whole, len);
    if (!meter->agents)
        meter->agents = calloc(AEP__METER_AGENTS, sizeof *meter->agents);
    unsigned at = find_place(meter, name);
    if (at < meter->agent_count && strcmp(meter->agents[at].name, name) == 0)
        return &meter->agents[at];
    if (!meter->agents || meter->agent_count == AEP__METER_AGENTS)
        return &meter->others;
    memmove(&meter->agents[at + 1], &meter->agents[at],
            (meter->agent_count - at) * sizeof *meter->agents);
    meter->agent_count++;
    meter->agents[at] = (struct aep__meter_agent){0};
    memcpy(meter->agents[at].name, name, sizeof name);
    return &meter->agents[at];
}

static void count_duration(struct aep__meter *meter, double seconds)
{
    unsigned bucket = 0;
    if (!isfinite(seconds) || seconds < 0)
        return;
    while (bucket < AEP__METER_BUCKETS && seconds > aep__meter_bounds[bucket])
        bucket++;
    meter->durations[bucket]++;
    meter->duration_s += seconds;
}

void aep__meter_take(struct aep__meter *meter, const struct aep__observation *event,
                     const struct aep__tracked *execution, bool was_open)
{
    static const enum aep__state states[] = {[AEP__ENDING_COMPLETED] = AEP__STATE_COMPLETED,
                                             [AEP__ENDING_FAILED] = AEP__STATE_FAILED,
                                             [AEP__ENDING_ABANDONED] = AEP__STATE_ABANDONED};
    bool ends = was_open && execution->outcome != AEP__ENDING_OPEN;
    if (event->kind != AEP_KIND_STARTED && !ends)
        return;
    pthread_mutex_lock(&meter->mutex);
    struct aep__meter_agent *agent =
        find_agent(meter, execution->agent_name ? execution->agent_name : "");
    agent->started += event->kind == AEP_KIND_STARTED;
    if (ends) {
        agent->ended[states[execution->outcome]]
                    [execution->inferred ? AEP__BASIS_INFERRED : AEP__BASIS_EVENT]++;
        count_duration(meter, execution->duration_ms / 1000);
    }
    pthread_mutex_unlock(&meter->mutex);
}

void aep__meter_add(struct aep__meter *meter, const int64_t tallies[AEP__TALLY_COUNT])
{
    pthread_mutex_lock(&meter->mutex);
    for (unsigned i = 0; i < AEP__TALLY_COUNT; i++)
        meter->tallies[i] += tallies[i];
    pthread_mutex_unlock(&meter->mutex);
}

bool aep__meter_read(struct aep__meter *meter, struct aep__meter *ret)
{
    struct aep__meter_agent *agents = calloc(AEP__METER_AGENTS, sizeof *agents);
    if (!agents)
        return false;
    aep__meter_init(ret);
    pthread_mutex_lock(&meter->mutex);
    memcpy(ret->tallies, meter->tallies, sizeof ret->tallies);
    memcpy(ret->durations, meter->durations, sizeof ret->durations);
    ret->duration_s = meter->duration_s;
    ret->others = meter->others;
    ret->agent_count = meter->agent_count;
    if (meter->agent_count > 0)
        memcpy(agents, meter->agents, meter->agent_count * sizeof *agents);
    ret->agents = agents;
    pthread_mutex_unlock(&meter->mutex);
    return true;
}

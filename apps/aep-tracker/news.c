/* SPDX-License-Identifier: Apache-2.0 */
#include "news.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define LOOK_US 1000000 /* between two lists of the spools */

static int64_t spools_as_of(const struct aep__sources *sources, int64_t now_us)
{
    int64_t as_of_us = now_us;
    for (size_t i = 0; i < sources->count; i++)
        if (!sources->list[i]->gone && sources->list[i]->read_us < as_of_us)
            as_of_us = sources->list[i]->read_us;
    return sources->spools ? as_of_us : 0;
}

static void list_spools(struct aep__tracker *tracker, struct aep__buf *out)
{
    const struct aep__sources *sources = &tracker->sources;
    tracker->spools_us = aep__clock_mono_us();
    aep__buf_reserve(out, 1);
    for (size_t i = 0; i < sources->count; i++)
        aep__buf_add(out, sources->list[i]->spool.path, strlen(sources->list[i]->spool.path) + 1);
}

void aep__news_tell(struct aep__tracker *tracker)
{
    const struct aep__sources *sources = &tracker->sources;
    const char *behind = aep__sources_behind(sources);
    struct aep__serve_news news = {.as_of_us = tracker->as_of_us};
    struct aep__kafka_status kafka = {0};
    struct aep__buf spools = {0};
    if (!tracker->serve)
        return;
    snprintf(news.behind, sizeof news.behind, "%s", behind ? behind : "");
    if (!tracker->writer.store)
        snprintf(news.problem, sizeof news.problem, "%s", tracker->writer.problem);
    if (sources->kafka)
        aep__source_kafka_status(sources->kafka, &kafka);
    news.source_us[AEP__SERVE_SPOOL] = spools_as_of(sources, aep__clock_wall_us());
    news.source_us[AEP__SERVE_KAFKA] = kafka.as_of_us;
    if (aep__clock_mono_us() >= tracker->spools_us + LOOK_US)
        list_spools(tracker, &spools);
    aep__serve_tell(tracker->serve, &news, spools.data, spools.len);
    aep__buf_done(&spools);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a start, a progress event and an end of an execution handle cost, beside the same events alone, of
 * which nobody notes whose they are. Configuration comes from the environment.
 *
 *     bench_execution [COUNT [OPEN]]   COUNT executions, while OPEN others are open */
#include "measure.h"

#include <stdlib.h>
#include <string.h>

static void must(int result, const aep_error *err)
{
    if (result != AEP_OK)
        bench_die("%s", err->text);
}

#define AGENT .agent_name = "agent-api-architect"
#define STARTED AEP_STARTED(AGENT, .user_request = "Design a REST API for user management")
#define ID .correlation_id = "01a224ac-5a2d-7514-8052-6b8299dbdb02"

static aep_execution *start(aep_publisher *pub)
{
    aep_error err;
    aep_execution *run;
    must(aep_execution_start(pub, STARTED, &run, &err), &err);
    return run;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
    size_t open = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    aep_execution **others = calloc(open + 1, sizeof *others);
    struct samples starts = bench_samples(count), steps = bench_samples(count),
                   ends = bench_samples(count), started_alone = bench_samples(count),
                   progress_alone = bench_samples(count), completed_alone = bench_samples(count);
    aep_publisher *pub;
    aep_error err;
    must(aep_publisher_open(&pub, NULL, &err), &err);
    for (size_t i = 0; others && i < open; i++)
        others[i] = start(pub);
    for (size_t i = 0; i < count; i++) {
        int64_t begun = bench_now_ns();
        aep_execution *run = start(pub);
        int64_t started = bench_now_ns();
        must(aep_execution_progress(run, AEP_PROGRESS(.current_step = "x"), &err), &err);
        int64_t stepped = bench_now_ns();
        must(aep_execution_complete(run, AEP_COMPLETED(.result_summary = "x"), &err), &err);
        int64_t ended = bench_now_ns();
        aep_execution_free(run);
        int64_t alone = bench_now_ns();
        must(aep_publish_started(pub, STARTED, NULL, &err), &err);
        int64_t alone_started = bench_now_ns();
        must(aep_publish_progress(pub, AEP_PROGRESS(AGENT, ID, .current_step = "x"), NULL, &err),
             &err);
        int64_t alone_stepped = bench_now_ns();
        must(
            aep_publish_completed(pub, AEP_COMPLETED(AGENT, ID, .result_summary = "x"), NULL, &err),
            &err);
        completed_alone.ns[i] = bench_now_ns() - alone_stepped;
        progress_alone.ns[i] = alone_stepped - alone_started;
        started_alone.ns[i] = alone_started - alone;
        starts.ns[i] = started - begun;
        steps.ns[i] = stepped - started;
        ends.ns[i] = ended - stepped;
    }
    for (size_t i = 0; others && i < open; i++)
        aep_execution_free(others[i]);
    aep_publisher_close(pub);
    free(others);
    bench_print("start", starts);
    bench_print("progress", steps);
    bench_print("end", ends);
    bench_print("start_alone", started_alone);
    bench_print("progress_alone", progress_alone);
    bench_print("end_alone", completed_alone);
    return 0;
}

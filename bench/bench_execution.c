/* SPDX-License-Identifier: Apache-2.0 */
/* What a start, a progress event and an end of an execution handle cost. Configuration comes from the
 * environment.
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

static aep_execution *start(aep_publisher *pub)
{
    aep_error err;
    aep_execution *run;
    must(aep_execution_start(pub,
                             AEP_STARTED(.agent_name = "agent-api-architect",
                                         .user_request = "Design a REST API for user management"),
                             &run, &err),
         &err);
    return run;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
    size_t open = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    aep_execution **others = calloc(open + 1, sizeof *others);
    struct samples starts = bench_samples(count), steps = bench_samples(count),
                   ends = bench_samples(count);
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
    return 0;
}

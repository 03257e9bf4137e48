/* SPDX-License-Identifier: Apache-2.0 */
/* All of aep on a page: open, one execution, its progress, its end, close.
 *
 *     cc publish.c $(pkg-config --cflags --libs aep) -o publish
 *     KAFKA_BOOTSTRAP_SERVERS=localhost:9092 ./publish        or, without Kafka: AEP_MODE=local */
#include <aep/aep.h>
#include <stdio.h>

static int work(aep_execution *run, aep_error *err)
{
    /* … the agent's work … */
    return aep_execution_progress(run,
                                  AEP_PROGRESS(.progress_percent = AEP_NUM(50),
                                               .current_step = "design the endpoints",
                                               .metadata = "{\"status\":\"working\"}"),
                                  err);
}

int main(void)
{
    aep_error err = {0};
    aep_publisher *pub = NULL;
    aep_execution *run = NULL;

    if (aep_publisher_open(&pub, NULL, &err) == AEP_OK &&
        aep_execution_start(pub,
                            AEP_STARTED(.agent_name = "agent-api-architect",
                                        .user_request = "Design a REST API",
                                        .context = "{\"domain\":\"api_design\"}"),
                            &run, &err) == AEP_OK &&
        work(run, &err) == AEP_OK)
        aep_execution_complete(run,
                               AEP_COMPLETED(.result_summary = "an API of 12 endpoints",
                                             .quality_score = AEP_NUM(0.92)),
                               &err);
    if (err.code != AEP_OK)
        fprintf(stderr, "publish: %s\n", err.text);
    else
        printf("published; correlation id %s\n", aep_execution_correlation_id(run));
    aep_execution_free(run); /* without an end it would be published as failed: ABANDONED */
    aep_publisher_close(pub);
    return err.code == AEP_OK ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* An agent that reports what it does: started, three steps of progress, completed.
 *
 *     lifecycle [AGENT [REQUEST]]
 *
 * Its settings come from the environment and aep.conf, as always. */
#include <aep/aep.h>
#include <stdio.h>
#include <time.h>

static const char *const steps[] = {"read the request", "draft an answer", "check the draft"};
#define STEP_COUNT (sizeof steps / sizeof steps[0])

static void log_line(void *user, enum aep_log_level level, const char *text)
{
    (void)user;
    if (level <= AEP_LOG_WARNING)
        fprintf(stderr, "lifecycle: %s\n", text);
}

static void think(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 150000000}, NULL);
}

static int take_step(aep_execution *run, size_t done, aep_error *err)
{
    printf("  %zu of %zu: %s\n", done + 1, STEP_COUNT, steps[done]);
    fflush(stdout);
    think();
    return aep_execution_progress(
        run,
        AEP_PROGRESS(.current_step = steps[done], .steps_completed = AEP_NUM(done + 1),
                     .steps_total = AEP_NUM(STEP_COUNT),
                     .progress_percent = AEP_NUM((done + 1) * 100 / STEP_COUNT)),
        err);
}

static int live(aep_publisher *pub, const char *agent, const char *request, aep_error *err)
{
    aep_execution *run;
    int result = aep_execution_start(pub, AEP_STARTED(.agent_name = agent, .user_request = request),
                                     &run, err);
    if (result != AEP_OK)
        return result;
    printf("%s: \"%s\", correlation id %s\n", agent, request, aep_execution_correlation_id(run));
    for (size_t done = 0; result == AEP_OK && done < STEP_COUNT; done++)
        result = take_step(run, done, err);
    if (result == AEP_OK)
        result = aep_execution_complete(run,
                                        AEP_COMPLETED(.result_summary = "answered",
                                                      .quality_score = AEP_NUM(0.9),
                                                      .metrics = "{\"total_tokens\":1234}"),
                                        err);
    aep_execution_free(run);
    return result;
}

int main(int argc, char **argv)
{
    aep_error err = {0};
    aep_publisher *pub = NULL;
    aep_config *config = aep_config_new();
    aep_config_set_log(config, log_line, NULL);
    int result = aep_publisher_open(&pub, config, &err);
    if (result == AEP_OK)
        result = live(pub, argc > 1 ? argv[1] : "agent-lifecycle",
                      argc > 2 ? argv[2] : "Answer a question", &err);
    if (result == AEP_OK)
        printf("  done; the events are in %s\n", aep_publisher_spool_dir(pub));
    else
        fprintf(stderr, "lifecycle: %s\n", err.text);
    aep_publisher_close(pub);
    aep_config_free(config);
    return result == AEP_OK ? 0 : 1;
}

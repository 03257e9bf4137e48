// SPDX-License-Identifier: Apache-2.0
// The public header, as a C++ program uses it: no warning with -std=c++11 -Wall -Wextra -pedantic.
#include <aep/aep.h>

#include <cstdio>
#include <cstring>

static int use_every_struct(aep_publisher *pub, aep_error *err)
{
    aep_receipt receipt = AEP_RECEIPT_INIT;
    aep_started started = AEP_STARTED_INIT;
    started.agent_name = "cxx";
    started.user_request = "compile";
    aep_progress progress = AEP_PROGRESS_INIT;
    progress.progress_percent = AEP_NUM(50);
    aep_completed completed = AEP_COMPLETED_INIT;
    completed.quality_score = AEP_NUM(0.5);
    aep_failed failed = AEP_FAILED_INIT;
    failed.error_message = "none";
    aep_event event = AEP_EVENT_INIT;
    event.event_type = "omninode.agent.actions.v1";
    event.payload = "{}";
    aep_health health = AEP_HEALTH_INIT;
    aep_stats stats = AEP_STATS_INIT;

    aep_execution *run = nullptr;
    int result = aep_execution_start(pub, &started, &run, err);
    if (result == AEP_OK)
        result = aep_execution_progress(run, &progress, err);
    if (result == AEP_OK)
        result = aep_execution_complete(run, &completed, err);
    aep_execution_free(run);
    failed.agent_name = "cxx";
    failed.correlation_id = "c";
    if (result == AEP_OK)
        result = aep_publish_failed(pub, &failed, &receipt, err);
    if (result == AEP_OK)
        result = aep_publish_event(pub, &event, nullptr, err);
    if (result == AEP_OK)
        result = aep_publisher_health(pub, &health, err);
    if (result == AEP_OK)
        result = aep_publisher_stats(pub, &stats, err);
    return result;
}

int main(int argc, char **argv)
{
    aep_error err = aep_error();
    aep_publisher *pub = nullptr;
    aep_config *config = aep_config_new();
    int result = aep_config_set(config, "mode", "local", &err);
    if (result == AEP_OK && argc > 1)
        result = aep_config_set(config, "spool.dir", argv[1], &err);
    if (result == AEP_OK)
        result = aep_publisher_open(&pub, config, &err);
    if (result == AEP_OK)
        result = use_every_struct(pub, &err);
    if (result != AEP_OK)
        std::fprintf(stderr, "%s: %s\n", err.field, err.text);
    aep_publisher_close(pub);
    aep_config_free(config);
    return result == AEP_OK && std::strcmp(aep_version(), AEP_VERSION) == 0 ? 0 : 1;
}

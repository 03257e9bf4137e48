// SPDX-License-Identifier: Apache-2.0
// The public header in a C++ program: argument structs without designated initialisers.
#include "aep/aep.h"

#include <cstdlib>
#include <cstring>

int main()
{
    aep_error err;
    aep_config *config = aep_config_new();
    if (aep_config_set(config, "events.enabled", "false", &err) != AEP_OK)
        return 1;
    aep_publisher *pub = nullptr;
    if (aep_publisher_open(&pub, config, &err) != AEP_OK)
        return 2;
    aep_started started = AEP_STARTED_INIT;
    started.agent_name = "builder";
    started.user_request = "build";
    aep_receipt receipt = AEP_RECEIPT_INIT;
    if (aep_publish_started(pub, &started, &receipt, &err) != AEP_OK)
        return 3;
    aep_progress progress = AEP_PROGRESS_INIT;
    progress.progress_percent = AEP_NUM(0);
    aep_publisher_close(pub);
    aep_config_free(config);
    return progress.progress_percent.given == 1 && std::strlen(aep_version()) > 0 ? 0 : 4;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Another project's program, built against the installed library. */
#include <aep/aep.h>

#include <stdio.h>

int main(void)
{
    aep_publisher *pub;
    aep_error err;
    if (aep_publisher_open(&pub, NULL, &err) != AEP_OK ||
        aep_publish_started(pub, AEP_STARTED(.agent_name = "install-consumer", .user_request = "x"),
                            NULL, &err) != AEP_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    aep_publisher_close(pub);
    return 0;
}

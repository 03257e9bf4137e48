/* SPDX-License-Identifier: Apache-2.0 */
/* aep-tracker: reads the spools of this user and keeps what their events add up to in a store.
 *
 *     aep-tracker --store FILE      started by whoever wants to read the store, with its settings
 *                                   through a socket at descriptor 0 (client/spawn.h)
 *     aep-tracker serve             the same in the foreground, with HTTP; run by `aep serve`
 *     aep-tracker --version         what it is, and that it can run
 *     aep-tracker status | stop     run by `aep tracker`, whose tables (apps/aep/tracker.c) say what
 *                                   it takes */
#include "aep/out.h"
#include "aep/verbs.h"
#include "asking.h"
#include "serving.h"
#include "tracker.h"

#include "base/error.h"
#include "client/spawn.h"
#include "config/pass.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The starter's end is closed once the settings are here, so that it knows. */
static int receive_settings(aep_config **ret, aep_error *err)
{
    int result = aep__config_receive(STDIN_FILENO, ret, err);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    return result;
}

static int run(const char *store)
{
    struct aep__inherited lock = {AEP__TRACKER_LOCK_LEFT, -1};
    aep_config *config = NULL;
    aep_error err;
    struct aep__tracker *tracker = malloc(sizeof *tracker);
    int code = tracker ? receive_settings(&config, &err) : AEP_ENOMEM;
    umask(077);
    prctl(PR_SET_NAME, "aep-tracker");
    aep__inherited_take(&lock, 1);
    if (code == AEP_OK)
        code = aep__tracker_take(tracker, config, store, lock.fd, NULL, &err);
    if (code == AEP_OK)
        aep__tracker_go(tracker, config);
    aep_config_free(config);
    free(tracker);
    return code == AEP_OK || code == AEP_ESTATE ? AEP__EXIT_DONE : AEP__EXIT_FAILED;
}

int main(int argc, char **argv)
{
    static const struct aep__runner runners[] = {
        {&aep__verb_tracker_status, aep__tracker_show},
        {&aep__verb_tracker_stop, aep__tracker_stop},
        {NULL, NULL},
    };
    static const struct aep__runner serving[] = {{&aep__verb_serve, aep__serving}, {NULL, NULL}};
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printf("aep-tracker %s\n", AEP_VERSION) < 0;
    if (argc == 3 && strcmp(argv[1], aep__spawned_tracker.option) == 0 && argv[2][0] == '/')
        return run(argv[2]);
    aep__out_guard();
    if (argc > 1 && strcmp(argv[1], aep__verb_serve.name) == 0)
        return aep__verb_main(&aep__verb_serve, aep__verb_serve.name, argv + 2, serving);
    return aep__verb_main(&aep__verb_tracker, aep__verb_tracker.name, argv + (argc > 0), runners);
}

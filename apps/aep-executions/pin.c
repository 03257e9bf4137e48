/* SPDX-License-Identifier: Apache-2.0 */
/* aep pin: executions that retention leaves alone. The tracker, the only one that writes the store, is
 * told.
 *
 *     each ID ─▶ the execution that is meant ─▶ "pin ID" to the tracker ─▶ "done" */
#include "aep/out.h"
#include "executions.h"
#include "meant.h"
#include "tracker.h"

/* 1 done, 0 it has been reported on stderr, -1 *err. */
static int pin(const struct aep__reading *reading, const struct aep__args *args, const char *typed,
               bool pinned, aep_error *err)
{
    struct aep__tracked execution;
    aep__tracked_init(&execution);
    int found = aep__meant_find(reading, args->name, typed, &execution, err);
    if (found > 0) {
        found = aep__tracker_pin(reading->config, execution.id, pinned, err);
        if (found == 0)
            aep__out_say("%s: %s has been removed meanwhile", args->name, execution.id);
    }
    aep__tracked_done(&execution);
    return found;
}

int aep__executions_pin(struct aep__args *args)
{
    struct aep__reading reading = {0};
    aep_error err;
    int status = AEP__EXIT_DONE;
    bool pinned = !aep__args_given(args, "remove");
    int code = aep__reading_open(&reading, args, &err);
    for (char **typed = args->operands; code == AEP_OK && *typed; typed++) {
        int found = pin(&reading, args, *typed, pinned, &err);
        code = found < 0 ? err.code : AEP_OK;
        if (found == 0)
            status = AEP__EXIT_FAILED;
    }
    aep__reading_close(&reading);
    return code == AEP_OK ? status : aep__out_error(&err);
}

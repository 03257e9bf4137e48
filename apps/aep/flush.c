/* SPDX-License-Identifier: Apache-2.0 */
/* aep flush: waits until everything that is in the spool has been delivered. */
#include <limits.h>

#include "options.h"
#include "out.h"
#include "session.h"
#include "verbs.h"

#define TIMEOUT_MS 30000

static int run_flush(struct aep__args *args)
{
    struct aep__session session = {0};
    aep_error err;
    int64_t timeout_ms = TIMEOUT_MS;
    int code = aep__args_int(args, "timeout", -1, INT_MAX, &timeout_ms, &err);
    bool opened = false;
    if (code == AEP_OK)
        opened = (code = aep__session_open(&session, args, &err)) == AEP_OK;
    if (code == AEP_OK)
        code = aep_publisher_flush(session.publisher, (int)timeout_ms, &err);
    aep__session_close(&session);
    if (code == AEP_OK)
        return AEP__EXIT_DONE;
    int status = aep__out_error(&err);
    return opened && code == AEP_ERELAY ? AEP__EXIT_DEFERRED : status;
}

static const struct aep__flag options[] = {
    {"timeout", 't', AEP__ARGUMENT_VALUE, "MS",
     "Waits at most this long: 30000 if not given, -1 for ever.", NULL, NULL, NULL},
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_flush = {
    .name = "flush",
    .summary = "waits until everything in the spool is delivered",
    .usage = "[--timeout MS]",
    .description = "Of the configured spool; starts a relay if none runs. Exit status 3: something "
                   "is still on disk or parked.",
    .options = options,
    .run = run_flush,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Closing a publisher: it syncs what it leaves on disk, makes sure of a relay, and if the spool
 * dies with the process or container, waits for delivery. */
#include "client/call.h"
#include "client/wait.h"
#include "spool/status.h"

static bool broker_known_down(const struct aep__process *process)
{
    struct aep__status status;
    return aep__status_read(&process->spool, &status, NULL) == AEP_OK &&
           (status.broker == AEP_BROKER_UNREACHABLE || aep__status_refused(&status));
}

/* Under the lock: whether to wait. Events in a spool that dies with the process or container are
 * worth a wait, if it can help. */
static bool should_wait(const aep_publisher *pub, const struct aep__process *process, bool alive)
{
    return !pub->local && process->spool.fs == AEP__FS_VOLATILE &&
           (alive ? !broker_known_down(process) : pub->relay_auto);
}

static void say_goodbye(aep_publisher *pub, struct aep__process *process)
{
    bool start = false, wait = false;
    if (aep__process_lock(process, NULL) != AEP_OK)
        return;
    if (process->called) {
        bool alive = aep__process_relay_alive(process);
        wait = process->published && should_wait(pub, process, alive);
        start = !alive && aep__process_may_start(process);
        aep__process_sync_rest(process);
    }
    aep__process_unlock(process);
    if (start && aep__publisher_start_relay(pub, process, NULL) != AEP_OK)
        wait = false;
    if (wait)
        aep__wait_all(pub, (int)aep__config_int(pub->config, AEP__OPT_CLOSE_WAIT_MS), NULL);
}

void aep_publisher_close(aep_publisher *pub)
{
    if (!pub)
        return;
    struct aep__call call = aep__call_begin();
    struct aep__process *process = aep__publisher_process_made(pub);
    if (process) {
        say_goodbye(pub, process);
        aep__process_free(process);
    }
    aep__publisher_free(pub);
    aep__call_end(call, AEP_OK);
}

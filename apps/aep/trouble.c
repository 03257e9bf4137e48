/* SPDX-License-Identifier: Apache-2.0 */
#include "trouble.h"

#include <poll.h>
#include <string.h>

#include "out.h"
#include "told.h"

#include "base/clock.h"
#include "spool/status.h"

/* What to say of "Kafka at HOST:PORT"; NULL: there is no problem. */
static const char *const problems[] = {
    [AEP_BROKER_UNKNOWN] = "gets nothing: the relay is stopped",
    [AEP_BROKER_CONNECTED] = NULL,
    [AEP_BROKER_UNREACHABLE] = "cannot be reached",
    [AEP_BROKER_AUTH_FAILED] = "refuses the login",
    [AEP_BROKER_FORBIDDEN] = "forbids some topic",
    [AEP_BROKER_LOCAL] = NULL,
    [AEP_BROKER_MISCONFIGURED] = "gets nothing: no client can be made of the kafka.* settings",
};
_Static_assert(sizeof problems / sizeof *problems == AEP_BROKER_MISCONFIGURED + 1, "every state");

/* Then the broker's state is unknown, and stays so. */
static bool is_stopped(const aep_health *health)
{
    return health->broker == AEP_BROKER_UNKNOWN && strstr(health->reason, AEP__STATUS_STOPPED);
}

static const char *problem_of(const aep_health *health)
{
    bool known = (size_t)health->broker < sizeof problems / sizeof *problems &&
                 (health->broker != AEP_BROKER_UNKNOWN || is_stopped(health));
    return known ? problems[health->broker] : NULL;
}

/* Reads what a running relay says; waits for one that has just been started. False: nothing. */
static bool look(aep_publisher *publisher, aep_health *health, int wait_ms)
{
    aep_waiter *waiter = NULL;
    aep_outcome outcome;
    aep_error err;
    int64_t end_us = aep__clock_mono_us() + wait_ms * INT64_C(1000);
    int code = aep_publisher_health(publisher, health, &err);
    bool known =
        health->relay_alive && (health->broker != AEP_BROKER_UNKNOWN || is_stopped(health));
    if (code != AEP_OK || known || health->broker == AEP_BROKER_LOCAL || wait_ms <= 0)
        return code == AEP_OK && known;
    code = aep_waiter_new(publisher, &waiter, &err);
    if (code == AEP_OK)
        code = aep_waiter_add_broker(waiter, AEP_BROKER_UNKNOWN, 0, &err);
    while (code == AEP_OK && (code = aep_waiter_next(waiter, &outcome, &err)) == AEP_EDEFERRED) {
        int64_t left_us = end_us - aep__clock_mono_us();
        if (left_us <= 0)
            break;
        poll(&(struct pollfd){.fd = aep_waiter_fd(waiter), .events = POLLIN}, 1,
             (int)(left_us / 1000) + 1);
        code = AEP_OK;
    }
    aep_waiter_free(waiter);
    return code == AEP_OK && aep_publisher_health(publisher, health, &err) == AEP_OK;
}

/* Whether this outage has not been reported yet; marks it as reported. */
static bool is_news(const char *folder, int64_t since_us)
{
    struct aep__told told;
    aep__told_load(&told, folder);
    if (aep__told_get(&told, "outage") == (uint64_t)since_us)
        return false;
    aep__told_set(&told, "outage", (uint64_t)since_us);
    aep__told_save(&told);
    return true;
}

void aep__trouble_hint(const struct aep__session *session, int wait_ms)
{
    aep_health health = AEP_HEALTH_INIT;
    if (!aep__out_hints() || !session->publisher || !*aep_publisher_spool_dir(session->publisher))
        return;
    if (!aep__config_is(session->config, AEP__OPT_RELAY_MODE, "auto"))
        wait_ms = 0; /* nobody has started one */
    if (!look(session->publisher, &health, wait_ms))
        return;
    const char *problem = problem_of(&health);
    if (problem && is_news(aep_publisher_spool_dir(session->publisher), health.since_us))
        aep__out_hint("Kafka at %s %s; events wait on disk: run `aep doctor`",
                      aep__config_text(session->config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS), problem);
}

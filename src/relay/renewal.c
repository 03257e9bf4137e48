/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/renewal.h"

#include "deliver/sink_absent.h"
#include "relay/relay.h"
#include "relay/settings.h"
#include "relay/sink_kafka.h"

#include <string.h>

#define BROKEN_US 1000000
#define LOOK_US 2000000
#define REFUSED_US 60000000

/* ---- making one ---- */

static void note_failure(struct aep__relay *relay, const aep_error *err)
{
    aep__log_write(&relay->log, AEP_LOG_ERROR, "%s", err->text);
    relay->sink_events.broker(relay, AEP_BROKER_MISCONFIGURED, err->text);
}

/* Call it before each try. */
static void begin_try(struct aep__relay *relay)
{
    aep__settings_fingerprint(relay->config, relay->fingerprint);
    relay->renewal.broken = false;
    relay->renewal.looked_us = relay->renewal.tried_us = relay->pace.now_us;
}

static int make_or_stand_in(struct aep__relay *relay, aep_error *err)
{
    if (aep__relay_make_sink(relay, err) == AEP_OK)
        return AEP_OK;
    note_failure(relay, err);
    return aep__sink_absent_new(&relay->sink, err);
}

int aep__renewal_begin(struct aep__relay *relay, aep_error *err)
{
    begin_try(relay);
    return relay->sink ? AEP_OK : make_or_stand_in(relay, err);
}

/* ---- another one ---- */

void aep__renewal_broken(struct aep__relay *relay)
{
    if (!relay->renewal.broken)
        relay->renewal.tried_us = relay->pace.now_us;
    relay->renewal.broken = true;
}

/* Looks at the files every now and then. */
static bool has_changed(struct aep__relay *relay)
{
    char now[sizeof relay->fingerprint];
    int64_t look_us = relay->renewal.looked_us + LOOK_US;
    if (relay->pace.now_us < look_us) {
        aep__pace_due(&relay->pace, look_us);
        return false;
    }
    relay->renewal.looked_us = relay->pace.now_us;
    aep__pace_due(&relay->pace, relay->pace.now_us + LOOK_US);
    aep__settings_fingerprint(relay->config, now);
    return strcmp(now, relay->fingerprint) != 0;
}

static void replace(struct aep__relay *relay, const char *why)
{
    aep_error err;
    relay->sink_can &= relay->sink->can;
    aep__relay_free_sink(relay);
    relay->broker.state = AEP_BROKER_UNKNOWN;
    if (make_or_stand_in(relay, &err) != AEP_OK) { /* out of memory */
        aep__log_write(&relay->log, AEP_LOG_ERROR, "%s", err.text);
        aep__relay_end(relay, AEP__RELAY_YIELDS);
        return;
    }
    relay->core.sink = relay->sink;
    if (relay->broker.state != AEP_BROKER_MISCONFIGURED)
        aep__log_write(&relay->log, AEP_LOG_WARNING, "replaced the producer%s", why);
}

/* A client that has only lost its connection is kept until a better one can be made for certain. */
static void try_again(struct aep__relay *relay, const char *why)
{
    aep_error err;
    begin_try(relay);
    if (aep__sink_kafka_check(relay->config, &err) == AEP_OK)
        replace(relay, why);
    else if (aep__broker_refused(&relay->broker))
        note_failure(relay, &err);
    else
        aep__log_write(&relay->log, AEP_LOG_WARNING, "%s: keeping the present client", err.text);
}

void aep__renewal_step(struct aep__relay *relay)
{
    const struct aep__renewal *renewal = &relay->renewal;
    if (relay->spool.local)
        return;
    if (renewal->broken) {
        int64_t at_us = renewal->tried_us + BROKEN_US;
        aep__pace_due(&relay->pace, at_us);
        if (relay->pace.now_us >= at_us) {
            begin_try(relay);
            replace(relay, "");
        }
    } else if (relay->broker.state == AEP_BROKER_CONNECTED) {
        return;
    } else if (has_changed(relay)) {
        try_again(relay, ": a file that its settings name has changed");
    } else if (aep__broker_refused(&relay->broker) &&
               relay->pace.now_us >= renewal->tried_us + REFUSED_US &&
               relay->pace.now_us >= renewal->acked_us + REFUSED_US) {
        try_again(relay, ": it was refused");
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "amount.h"
#include "out.h"
#include "runnable.h"

#include "base/error.h"
#include "event/trace.h"
#include "spool/spool.h"

#define WAIT_MS_DEFAULT 10000

int aep__session_open(struct aep__session *session, const struct aep__args *args, aep_error *err)
{
    aep_config *arguments = NULL;
    int code = aep__args_config(args, &arguments, err);
    if (code == AEP_OK)
        code = aep__config_resolve(arguments, &session->config, err);
    aep_config_free(arguments);
    return code == AEP_OK ? aep_publisher_open(&session->publisher, session->config, err) : code;
}

void aep__session_close(struct aep__session *session)
{
    aep_publisher_close(session->publisher);
    aep_config_free(session->config);
    *session = (struct aep__session){0};
}

static const struct {
    const char *name, *variable;
} inherited[] = {
    {"correlation_id", "AEP_CORRELATION_ID"},
    {"causation_id", "AEP_CAUSATION_ID"},
    {"session_id", "AEP_SESSION_ID"},
    {"agent_name", "AEP_AGENT_NAME"},
};

const char *aep__session_id(const struct aep__args *args, const char *name)
{
    const char *text = aep__args_text(args, name);
    for (size_t i = 0; !text && i < sizeof inherited / sizeof *inherited; i++) {
        const char *value =
            strcmp(inherited[i].name, name) == 0 ? getenv(inherited[i].variable) : NULL;
        text = value && *value ? value : NULL;
    }
    return text;
}

static const struct {
    const char *name;
    bool (*is_valid)(const char *text, size_t len);
    const char *form, *instead;
} traces[] = {
    {"traceparent", aep__traceparent_valid, "00-<32 hex digits>-<16>-<2>", "using a new one"},
    {"tracestate", aep__tracestate_valid, "key=value,...", "leaving it out"},
};

void aep__session_check_trace(const struct aep__args *args)
{
    for (size_t i = 0; i < sizeof traces / sizeof *traces; i++) {
        const char *text = aep__args_text(args, traces[i].name);
        if (text && !traces[i].is_valid(text, strlen(text)))
            aep__out_say("%s: --%s \"%.80s\" is not a W3C %s (%s): %s", args->name, traces[i].name,
                         text, traces[i].name, traces[i].form, traces[i].instead);
    }
}

int aep__session_wait_ms(const struct aep__args *args, int *ret, aep_error *err)
{
    if (!aep__args_given(args, "wait"))
        return AEP_OK;
    int wait_ms = WAIT_MS_DEFAULT;
    int code = aep__args_ms(args, "wait", 0, &wait_ms, err);
    if (code == AEP_OK)
        *ret = wait_ms;
    return code;
}

void aep__session_explain(const struct aep__session *session, int code, aep_error *err)
{
    struct aep__spool spool;
    aep_error why;
    if (code != AEP_EDEFERRED || !aep__config_is(session->config, AEP__OPT_RELAY_MODE, "auto") ||
        aep__spool_open(&spool, aep_publisher_spool_dir(session->publisher), NULL, NULL) != AEP_OK)
        return;
    if (aep__runnable_in_vain(&spool) && aep__runnable_relay(session->config, &why) != AEP_OK)
        aep__error(err, code, "", "%s: no relay is running: %s", aep_code_text(code), why.text);
    aep__spool_done(&spool);
}

/* Over the spool's life. If the counters cannot be read, no dead letter is noticed. */
static uint64_t count_dead(const struct aep__session *session)
{
    aep_stats stats = AEP_STATS_INIT;
    aep_publisher_stats(session->publisher, &stats, NULL);
    return stats.dead;
}

void aep__session_note_dead(struct aep__session *session)
{
    session->dead_before = count_dead(session);
}

int aep__session_deliver(struct aep__session *session, int wait_ms, aep_error *err)
{
    aep_error rest = {0};
    int code = aep_publisher_flush(session->publisher, wait_ms, &rest);
    aep__session_explain(session, code, &rest);
    uint64_t dead = count_dead(session), before = session->dead_before;
    if (dead <= before)
        return code == AEP_OK ? code : aep__error(err, code, rest.field, "%s", rest.text);
    return aep__error(err, AEP_EDEAD, "",
                      "Kafka refused %s for good: `aep dead list` shows why%s%s",
                      aep__amount_of(dead - before, "event").text,
                      code == AEP_OK ? "" : "; the others: ", rest.text);
}

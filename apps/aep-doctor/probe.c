/* SPDX-License-Identifier: Apache-2.0 */
/* Step: a real execution through spool and relay, started and completed, so that no tracker shows
 * it as hanging. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "aep/amount.h"
#include "doctor.h"

#include "base/clock.h"
#include "spool/status.h"
#include "event/kinds.h"

#define STATUS_US 1000000
#define TIME_LIMIT "message.timestamp.after.max.ms"
#define DAY_MS 86400000.0
#define WAIT_FACTOR 2 /* a relay may have to start and a topic to be created first */

/* The possible results, and what they mean. */
static const struct {
    int code;
    const char *text, *remedy;
} outcomes[] = {
    {AEP_EDEFERRED, "is still on disk", "see the steps above; it is sent once Kafka takes it"},
    {AEP_EPARKED, "was parked: Kafka does not take it yet",
     "if its topic is missing, `aep topics create`; if it is forbidden, grant the user WRITE; else "
     "compare this machine's clock with the broker's"},
    {AEP_EDEAD, "was refused by Kafka for good", "`aep dead list` says why"},
    {AEP_ERELAY, "is on disk, but no relay could be started",
     "see the steps relay and relay program"},
};

/* A relay writes its status a moment after it has answered a wait. */
static void await_reason(struct aep__doctor *doctor, aep_health *ret)
{
    int64_t until_us = aep__clock_mono_us() + STATUS_US;
    while (aep_publisher_health(doctor->publisher, ret, NULL) == AEP_OK && !ret->reason[0] &&
           aep__clock_mono_us() < until_us)
        poll(NULL, 0, 10);
}

/* Parked because of its timestamp: what the relay says about it. */
static bool is_early(struct aep__doctor *doctor, int code)
{
    aep_health health = AEP_HEALTH_INIT;
    if (code == AEP_EPARKED)
        await_reason(doctor, &health);
    if (!strstr(health.reason, AEP__STATUS_CLOCKS_DIFFER))
        return false;
    aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED,
                 "this machine's clock and the broker's differ: %s", health.reason);
    aep__verdict_remedy(
        &doctor->verdicts,
        "set both clocks by NTP; what is stamped ahead is sent once that time has come "
        "(message.timestamp.after.max.ms of the topic: by default an hour)");
    return true;
}

static void judge_outcome(struct aep__doctor *doctor, const char *event, int code,
                          const aep_error *err)
{
    if (is_early(doctor, code))
        return;
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        if (outcomes[i].code != code)
            continue;
        aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "the event \"%s\" %s", event,
                     outcomes[i].text);
        aep__verdict_detail(&doctor->verdicts, "%s", err->text);
        aep__verdict_remedy(&doctor->verdicts, "%s", outcomes[i].remedy);
        return;
    }
    aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "the event \"%s\": %s", event, err->text);
    aep__verdict_remedy(&doctor->verdicts, "see %s/relay.log", doctor->spool.path);
}

/* Publishes both. */
static int publish(struct aep__doctor *doctor, aep_receipt *started, aep_receipt *completed,
                   aep_error *err)
{
    aep_execution *run = NULL;
    int code = aep_execution_start(doctor->publisher,
                                   AEP_STARTED(.agent_name = "aep-doctor",
                                               .user_request = "aep doctor: end-to-end probe",
                                               .context = "{\"probe\":true}"),
                                   &run, err);
    if (code == AEP_OK) {
        *started = *aep_execution_receipt(run);
        code = aep_execution_complete(run, AEP_COMPLETED(.result_summary = "probe published"), err);
    }
    if (code == AEP_OK)
        *completed = *aep_execution_receipt(run);
    aep_execution_free(run);
    return code;
}

/* Kafka does not report its time. All that we can know about its clock is that it accepted ours, if
 * the topic has a limit. */
static void compare_clocks(struct aep__doctor *doctor)
{
    char limit[24];
    const char *topic = aep__config_is(doctor->config, AEP__OPT_TOPIC_LAYOUT, "single")
                            ? AEP__TOPIC_SINGLE
                            : aep__kinds[AEP_KIND_STARTED].event_type;
    if (!doctor->admin || !aep__admin_setting(doctor->admin, topic, TIME_LIMIT, doctor->timeout_ms,
                                              limit, sizeof limit))
        return;
    double limit_ms = strtod(limit, NULL);
    if (limit_ms < DAY_MS)
        aep__verdict_detail(
            &doctor->verdicts,
            "this machine's clock is less than %s ahead of the broker's, which took "
            "its time (" TIME_LIMIT ")",
            aep__amount_ms(limit_ms).text);
}

static void judge_delivery(struct aep__doctor *doctor, const aep_receipt *started,
                           const aep_receipt *completed, int64_t begin_us)
{
    aep_error err = {0};
    int timeout_ms = doctor->timeout_ms * WAIT_FACTOR;
    const char *event = "started";
    int code = aep_publisher_wait(doctor->publisher, started, timeout_ms, &err);
    if (code == AEP_OK) {
        event = "completed";
        code = aep_publisher_wait(doctor->publisher, completed, timeout_ms, &err);
    }
    if (code == AEP_OK)
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE,
                     "an execution of aep-doctor was published%s in %s",
                     doctor->spool.local ? "" : " and acknowledged by Kafka",
                     aep__amount_ms((double)(aep__clock_mono_us() - begin_us) / 1000).text);
    else
        judge_outcome(doctor, event, code, &err);
    if (code == AEP_OK)
        compare_clocks(doctor);
    aep__verdict_detail(&doctor->verdicts, "correlation_id %s", started->correlation_id);
}

void aep__doctor_probe(struct aep__doctor *doctor)
{
    aep_receipt started = AEP_RECEIPT_INIT, completed = AEP_RECEIPT_INIT;
    aep_error err;
    if (aep__args_given(doctor->args, "no_probe")) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_SKIPPED, "--no-probe was given");
        return;
    }
    int64_t begin_us = aep__clock_mono_us();
    int code = publish(doctor, &started, &completed, &err);
    if (code == AEP_OK) {
        judge_delivery(doctor, &started, &completed, begin_us);
    } else {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "cannot publish: %s", err.text);
        aep__verdict_remedy(&doctor->verdicts, "see the steps spool and backlog");
    }
}

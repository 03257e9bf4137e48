/* SPDX-License-Identifier: Apache-2.0 */
/* Steps: the relay's program, the relay itself, and what it has left to do. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aep/amount.h"
#include "aep/ask.h"
#include "aep/runnable.h"
#include "spool/backlog.h"
#include "spool/fates.h"
#include "aep/told.h"
#include "client/spawn.h"
#include "doctor.h"

#include "base/clock.h"
#include "spool/counters.h"
#include "spool/status.h"
#include "upgrade/trial.h"

/* ---- the program ---------------------------------------------------------------------------- */

void aep__doctor_program(struct aep__doctor *doctor)
{
    char found[PATH_MAX], path[PATH_MAX];
    struct aep__trial trial;
    aep_error err;
    bool wanted = aep__config_is(doctor->config, AEP__OPT_RELAY_MODE, "auto");
    enum aep__grade bad = wanted ? AEP__GRADE_FAILED : AEP__GRADE_WARNING;
    if (aep__spawn_find(&aep__spawned_relay, doctor->config, found, sizeof found, &err) != AEP_OK) {
        aep__verdict(&doctor->verdicts, bad, "%s", err.text);
        aep__verdict_remedy(&doctor->verdicts, "install all of aep, or set relay.path");
        return;
    }
    if (!realpath(found, path))
        memcpy(path, found, sizeof path);
    if (!aep__trial_run(&trial, path)) {
        aep__verdict(&doctor->verdicts, bad, "%s does not run: %s", path, trial.line);
        aep__verdict_remedy(&doctor->verdicts, "%s", aep__runnable_remedy(trial.line));
        return;
    }
    bool same = strstr(trial.line, aep_version()) != NULL;
    aep__verdict(&doctor->verdicts, same ? AEP__GRADE_FINE : AEP__GRADE_WARNING, "%s: %s", path,
                 trial.line);
    if (!same)
        aep__verdict_remedy(&doctor->verdicts,
                            "this program is %s: install both from the same release",
                            aep_version());
}

/* ---- the relay ------------------------------------------------------------------------------ */

/* When no relay runs, by relay.mode; the first row that fits counts. */
static const struct {
    const char *mode;
    bool local; /* only in local mode */
    enum aep__grade grade;
    const char *text, *remedy;
} absences[] = {
    {"auto", true, AEP__GRADE_FINE,
     "none runs; none is needed before the spool is three quarters full", NULL},
    {"auto", false, AEP__GRADE_FINE, "none runs; publishing starts one", NULL},
    {"external", false, AEP__GRADE_FAILED, "none runs, and relay.mode=external starts none",
     "start it: `aep relay run`, or systemctl --user start aep-relay"},
    {"off", false, AEP__GRADE_WARNING, "none runs, and relay.mode=off starts none",
     "set relay.mode=auto, or run `aep relay start` now and then"},
};

static void judge_absence(struct aep__doctor *doctor)
{
    for (size_t i = 0; i < sizeof absences / sizeof *absences; i++) {
        if (!aep__config_is(doctor->config, AEP__OPT_RELAY_MODE, absences[i].mode) ||
            (absences[i].local && !doctor->spool.local))
            continue;
        aep__verdict(&doctor->verdicts, absences[i].grade, "%s", absences[i].text);
        if (absences[i].remedy)
            aep__verdict_remedy(&doctor->verdicts, "%s", absences[i].remedy);
        return;
    }
}

/* What a running relay says about the broker. */
static const struct {
    const char *text;
    bool bad;
} broker_states[] = {
    [AEP_BROKER_UNKNOWN] = {"has not tried to connect yet", false},
    [AEP_BROKER_CONNECTED] = {"connected", false},
    [AEP_BROKER_UNREACHABLE] = {"cannot reach Kafka", true},
    [AEP_BROKER_AUTH_FAILED] = {"Kafka refuses its login", true},
    [AEP_BROKER_FORBIDDEN] = {"connected, but some topic is forbidden", true},
    [AEP_BROKER_LOCAL] = {"local mode", false},
    [AEP_BROKER_MISCONFIGURED] = {"can make no client of its settings", true},
};

/* It holds the lock but does nothing; what it once said about the broker is out of date. */
static void judge_stopped(struct aep__doctor *doctor, const struct aep__status *status)
{
    aep__verdict(&doctor->verdicts, AEP__GRADE_WARNING,
                 "the relay, process %" PRId64 ", is stopped: nothing is sent", status->pid);
    aep__verdict_remedy(&doctor->verdicts, "let it go on: kill -CONT %" PRId64, status->pid);
}

/* It may come from another installation, or its program cannot run and so the old one goes on. */
static void judge_version(struct aep__doctor *doctor, const struct aep__status *status)
{
    if (!status->version_text[0] || strstr(status->version_text, aep_version()))
        return;
    aep__verdict(&doctor->verdicts, AEP__GRADE_WARNING,
                 "the relay that runs is %.*s, this command is aep %s",
                 (int)sizeof status->version_text, status->version_text, aep_version());
    aep__verdict_remedy(
        &doctor->verdicts,
        "a relay goes on as the new one some seconds after its program was replaced, or "
        "%s/relay.log says why not; one of another installation: `aep relay stop`",
        doctor->spool.path);
}

static void judge_running(struct aep__doctor *doctor, const struct aep__status *status)
{
    char since[AEP__TIME_SIZE];
    bool known = status->broker >= 0 && status->broker <= AEP_BROKER_MISCONFIGURED;
    int state = known ? (int)status->broker : AEP_BROKER_UNKNOWN;
    aep__clock_format(status->started_us, since);
    aep__verdict(&doctor->verdicts, broker_states[state].bad ? AEP__GRADE_WARNING : AEP__GRADE_FINE,
                 "runs (process %" PRId64 ", since %s), %s%s%.*s", status->pid, since,
                 broker_states[state].text, status->reason[0] ? ": " : "",
                 (int)sizeof status->reason, status->reason);
    if (status->version_text[0])
        aep__verdict_detail(&doctor->verdicts, "%.*s", (int)sizeof status->version_text,
                            status->version_text);
    if (broker_states[state].bad)
        aep__verdict_remedy(&doctor->verdicts, "see the steps below, and %s/relay.log",
                            doctor->spool.path);
    judge_version(doctor, status);
}

void aep__doctor_relay(struct aep__doctor *doctor)
{
    struct aep__status status = {0};
    aep_error err;
    if (!aep__ask_alive(&doctor->spool))
        judge_absence(doctor);
    else if (aep__status_read(&doctor->spool, &status, &err) != AEP_OK)
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE, "runs; it has written no status yet");
    else if (aep__status_stopped(&status))
        judge_stopped(doctor, &status);
    else
        judge_running(doctor, &status);
}

/* ---- the backlog ---------------------------------------------------------------------------- */

static void judge_waiting(struct aep__doctor *doctor, const struct aep__backlog *backlog)
{
    const char *state = aep__backlog_word(&doctor->spool);
    if (backlog->counted)
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE, "%s %s, %s",
                     aep__amount_of(backlog->events, "event").text, state,
                     aep__amount_bytes(backlog->bytes).text);
    else
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE, "%s %s",
                     aep__amount_bytes(backlog->bytes).text, state);
}

/* A number of events that did not get through; 0: nothing to say. */
struct trouble {
    uint64_t count;
    const char *noun, *what, *remedy;
    const char *counter; /* counts over the spool's life; NULL: a current number */
};

static void warn_of(struct aep__doctor *doctor, const struct trouble *row, uint64_t count,
                    const char *when)
{
    aep__verdict(&doctor->verdicts, AEP__GRADE_WARNING, "%s %s%s",
                 aep__amount_of(count, row->noun).text, row->what, when);
    aep__verdict_remedy(&doctor->verdicts, "%s", row->remedy);
}

/* A counter never goes down, so it is a warning only if it has gone up since the last look: a fault
 * that was fixed long ago must not cause warnings for ever. */
static void judge_counter(struct aep__doctor *doctor, const struct trouble *row,
                          struct aep__told *told, bool first)
{
    uint64_t before = aep__told_get(told, row->counter);
    if (row->count > before)
        warn_of(doctor, row, row->count - before,
                first ? ", so far" : " since `aep doctor` last looked");
    aep__told_set(told, row->counter, row->count);
}

/* @counted  the counters could be read */
static void judge_troubles(struct aep__doctor *doctor, const struct trouble *rows, size_t count,
                           bool counted)
{
    struct aep__told told;
    aep__told_load(&told, doctor->spool.path);
    bool first = aep__told_get(&told, "doctor") == 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].counter && counted)
            judge_counter(doctor, &rows[i], &told, first);
        else if (!rows[i].counter && rows[i].count > 0)
            warn_of(doctor, &rows[i], rows[i].count, "");
    }
    aep__told_set(&told, "doctor", (uint64_t)aep__clock_wall_us());
    aep__told_save(&told);
}

/* What is set aside now, and the counters that show a loss.
 * @counted  NULL: they cannot be read */
static void judge_aside(struct aep__doctor *doctor, const struct aep__status *status,
                        const aep_stats *counted)
{
    const aep_stats none = AEP_STATS_INIT, *stats = counted ? counted : &none;
    const struct trouble rows[] = {
        {status->parked_now, "event", "parked: not taken by Kafka yet",
         "see the steps relay and topics for the cause; they are sent once Kafka takes them", NULL},
        {status->dead_now, "dead letter", "refused by Kafka for good",
         "`aep dead list` shows them and why; replay or drop them", NULL},
        {stats->refused_full, "event", "refused because the spool was full",
         "get Kafka to accept events, or raise spool.max_bytes", "refused_full"},
        {stats->refused_invalid, "event", "refused as invalid",
         "read the errors that the publishing programs report; `aep validate` checks an event",
         "refused_invalid"},
        {stats->refused_too_big, "event", "refused as too large",
         "shorten them, or raise limits.message_bytes (and Kafka's max.message.bytes)",
         "refused_too_big"},
        {stats->refused_io, "event", "refused because of the disk", "check the disk", "refused_io"},
        {stats->dead_dropped, "dead letter", "dropped",
         "raise dead.max_bytes, or replay or drop them sooner: `aep dead list`", "dead_dropped"},
        {stats->lost, "event",
         "or more lost: files of the spool were removed or damaged before they were read",
         "relay.log in the spool's folder says which and when, if the relay noticed; check the disk, "
         "and let nothing but aep change that folder",
         "lost"},
    };
    judge_troubles(doctor, rows, sizeof rows / sizeof *rows, counted != NULL);
}

void aep__doctor_backlog(struct aep__doctor *doctor)
{
    struct aep__fates fates = {0};
    struct aep__backlog backlog;
    aep_stats stats = AEP_STATS_INIT;
    aep_error err;
    int code = aep__fates_init(&fates, &doctor->spool, &err);
    if (code == AEP_OK)
        code = aep__backlog_measure(&doctor->spool, &fates, &backlog, &err);
    if (code == AEP_OK) {
        bool counted = aep__counters_sum(&doctor->spool, &stats, &err) == AEP_OK;
        judge_waiting(doctor, &backlog);
        judge_aside(doctor, &fates.status, counted ? &stats : NULL);
        if (!counted) {
            aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "%s, so nothing is counted",
                         err.text);
            aep__verdict_remedy(&doctor->verdicts, "remove it, and a new one is made");
        }
    } else {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "%s", err.text);
        aep__verdict_remedy(&doctor->verdicts, "see %s/relay.log", doctor->spool.path);
    }
    aep__fates_done(&fates);
}

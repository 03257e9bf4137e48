/* SPDX-License-Identifier: Apache-2.0 */
/* An execution handle: what a run's later events take from its started event.
 *
 *     started ─ event_id ──▶ causation_id of all later ones     clock: never back
 *        │                                                      terminal: exactly one
 *        └── trace id, and as parent the started event's span ──▶ traceparent of children
 *
 * Its events are published one at a time: a lock of the process's (aep__process.run_locks, chosen
 * by address) is held from reading the clock to the disk, so that two threads cannot swap two
 * events; starting a relay and the log callback come after it. The lock is not in the handle, since a forked child must find it free.
 *
 * A forked child may publish with the handle that it inherited, but freeing it there says nothing
 * about the run, which goes on in the parent. */
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/sized.h"
#include "client/call.h"
#include "client/enrolment.h"
#include "client/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_ID_AT 3 /* in 00-<32>-<16>-<2> */
#define TRACE_ID_LEN 32
#define TRACE_FLAGS_AT 53
#define TRACE_FLAGS_LEN 2

struct aep_execution {
    aep_publisher *pub;
    const struct aep__process *owner; /* where it was started; NULL: events disabled */
    /* Copies of the started event's members, as its caller gave them. */
    struct aep__value agent_name, given_correlation, traceparent, tracestate;
    char id[AEP_ID_SIZE];
    char correlation_id[AEP_CORRELATION_ID_SIZE];
    char session_id[AEP_CORRELATION_ID_SIZE];
    char child_traceparent[AEP__TRACEPARENT_SIZE];
    int64_t started_us;              /* monotonic */
    struct aep__enrolment enrolment; /* under the process's lock */

    /* under the run's lock */
    int64_t last_us; /* timestamp of its newest event */
    bool ended;      /* its terminal event has been published */
    aep_receipt receipt;
};

/* ---- lock ---- */

/* NULL with *result set: the process's half could not be made, or events are disabled (AEP_OK). */
static pthread_mutex_t *lock_run(aep_execution *run, int *result, aep_error *err)
{
    struct aep__process *process;
    *result = AEP_OK;
    if (!run->pub->enabled)
        return NULL;
    *result = aep__publisher_process(run->pub, &process, err);
    if (*result != AEP_OK)
        return NULL;
    pthread_mutex_t *lock = &process->run_locks[(uintptr_t)run / sizeof *run % AEP__RUN_LOCKS];
    pthread_mutex_lock(lock);
    return lock;
}

static void unlock_run(pthread_mutex_t *lock)
{
    if (lock)
        pthread_mutex_unlock(lock);
}

/* ---- start ---- */

static struct aep__value *find_member(struct aep__facts *facts, const char *name)
{
    return &facts->values[aep__kind_find_member(facts->kind, name, strlen(name))];
}

static void copy_value(struct aep__value *to, const struct aep__value *value, bool *failed)
{
    if (!value->given || !value->text)
        return;
    char *copy = malloc(value->len + 1);
    *failed |= !copy;
    if (!copy)
        return;
    memcpy(copy, value->text, value->len);
    copy[value->len] = '\0';
    *to = (struct aep__value){.text = copy, .len = value->len, .given = true};
}

/* The started event's span as parent, in the trace that its header names. */
static void make_child_traceparent(aep_execution *run, const char *header)
{
    uint8_t event_id[16] = {0};
    char *text = run->child_traceparent;
    aep__id_parse(run->id, strlen(run->id), event_id);
    aep__traceparent_make(run->correlation_id, strlen(run->correlation_id), event_id, text);
    if (!aep__traceparent_valid(header, strlen(header)))
        return;
    memcpy(text + TRACE_ID_AT, header + TRACE_ID_AT, TRACE_ID_LEN);
    memcpy(text + TRACE_FLAGS_AT, header + TRACE_FLAGS_AT, TRACE_FLAGS_LEN);
}

static void take_started(aep_execution *run, const struct aep__sent *sent)
{
    memcpy(run->id, sent->event_id, sizeof run->id);
    memcpy(run->correlation_id, sent->correlation_id, sizeof run->correlation_id);
    memcpy(run->session_id, sent->session_id, sizeof run->session_id);
    make_child_traceparent(run, sent->traceparent);
    run->started_us = aep__clock_mono_us();
    run->last_us = sent->timestamp_us;
    run->receipt.size = sizeof run->receipt;
    run->owner = aep__publisher_process_made(run->pub);
    aep__receipt_fill(&run->receipt, sent);
}

static void free_run(aep_execution *run)
{
    struct aep__value *copies[] = {&run->agent_name, &run->given_correlation, &run->traceparent,
                                   &run->tracestate};
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++)
        free((char *)copies[i]->text);
    free(run);
}

/* Copies first: once the event is published, nothing may fail. */
static int start_run(aep_publisher *pub, struct aep__facts *facts, aep_execution **ret,
                     aep_error *err)
{
    struct aep__sent sent;
    bool failed = false;
    aep_execution *run = calloc(1, sizeof *run);
    if (!run)
        return aep__error_memory(err);
    run->pub = pub;
    aep__enrolment_init(&run->enrolment);
    const struct aep__input input = {
        .facts = facts, .witness = &aep__witness_start, .user = &run->enrolment};
    copy_value(&run->agent_name, find_member(facts, "agent_name"), &failed);
    copy_value(&run->given_correlation, find_member(facts, "correlation_id"), &failed);
    copy_value(&run->traceparent, &facts->traceparent, &failed);
    copy_value(&run->tracestate, &facts->tracestate, &failed);
    int result = failed ? aep__error_memory(err) : aep__publish(pub, &input, &sent, err);
    if (result != AEP_OK) {
        free_run(run);
        return result;
    }
    take_started(run, &sent);
    *ret = run;
    return AEP_OK;
}

int aep_execution_start_fields(aep_publisher *pub, const aep_field *fields, size_t count,
                               aep_execution **ret, aep_error *err)
{
    struct aep__facts started;
    struct aep__call call = aep__call_begin();
    int result = AEP_OK;
    if (!pub || !ret || (count && !fields))
        result = aep__error(err, AEP_EINVAL,
                            !pub   ? "publisher"
                            : !ret ? "ret"
                                   : "fields",
                            "no publisher, fields or place for the execution is given");
    if (result == AEP_OK)
        result = aep__facts_from_fields(AEP_KIND_STARTED, fields, count, &started, err);
    result =
        result == AEP_OK ? start_run(pub, &started, ret, err) : aep__publish_refused(pub, result);
    return aep__call_end(call, aep__publish_end(pub, result));
}

int aep_execution_start(aep_publisher *pub, const aep_started *event, aep_execution **ret,
                        aep_error *err)
{
    struct aep__facts started;
    struct aep__call call = aep__call_begin();
    int result = AEP_OK;
    if (!pub || !event || !ret)
        result = aep__error(err, AEP_EINVAL,
                            !pub     ? "publisher"
                            : !event ? "event"
                                     : "ret",
                            "no publisher, event or place for the execution is given");
    if (result == AEP_OK)
        result = aep__facts_from_struct(AEP_KIND_STARTED, event, &started, err);
    result =
        result == AEP_OK ? start_run(pub, &started, ret, err) : aep__publish_refused(pub, result);
    return aep__call_end(call, aep__publish_end(pub, result));
}

/* ---- later events ---- */

static bool equals(const struct aep__value *value, const char *text, size_t len)
{
    return value->text && text && value->len == len && memcmp(value->text, text, len) == 0;
}

/* Agent name and correlation id say whose event it is, and the correlation id decides its
 * partition: an execution keeps those that it started with. A caller may give the correlation id as
 * it first did, or as it became: repaired, redacted. */
static int check_own(const aep_execution *run, struct aep__facts *facts, aep_error *err)
{
    const struct aep__value *name = find_member(facts, "agent_name");
    const struct aep__value *correlation = find_member(facts, "correlation_id");
    const struct aep__value *began = &run->agent_name, *given = &run->given_correlation;
    if (name->given && !equals(name, began->text, began->len))
        return aep__error(err, AEP_EINVAL, "agent_name",
                          "agent_name differs from the execution's: leave it out");
    if (correlation->given && !equals(correlation, given->text, given->len) &&
        !equals(correlation, run->correlation_id, strlen(run->correlation_id)))
        return aep__error(err, AEP_EINVAL, "correlation_id",
                          "correlation_id differs from the execution's, %s: leave it out",
                          run->correlation_id);
    return AEP_OK;
}

static void default_value(struct aep__value *value, const struct aep__value *ours)
{
    if (!value->given)
        *value = *ours;
}

static void fill_in(const aep_execution *run, struct aep__facts *facts)
{
    int64_t lasted_us = aep__clock_mono_us() - run->started_us;
    const struct aep__value id = {.text = run->id, .len = strlen(run->id), .given = true};
    default_value(find_member(facts, "agent_name"), &run->agent_name);
    aep__facts_default_text(facts, "correlation_id", run->correlation_id);
    if (aep__kinds[facts->kind].terminal) {
        aep__facts_default_text(facts, "session_id", run->session_id);
        aep__facts_default_number(facts, "duration_ms", (double)((lasted_us + 500) / 1000));
    }
    default_value(&facts->causation_id, &id);
    if (!facts->traceparent.given) {
        default_value(&facts->traceparent, &run->traceparent);
        default_value(&facts->tracestate, &run->tracestate);
    }
    facts->last_us = run->last_us;
}

/* Under the run's lock. */
static int publish_next(aep_execution *run, struct aep__facts *facts, aep_error *err)
{
    struct aep__sent sent;
    const bool terminal = aep__kinds[facts->kind].terminal;
    const struct aep__input input = {.facts = facts,
                                     .witness =
                                         terminal ? &aep__witness_end : &aep__witness_progress,
                                     .user = &run->enrolment};
    if (run->ended)
        return aep__error(err, AEP_ESTATE, NULL, "this execution has already ended");
    int result = run->pub->enabled ? check_own(run, facts, err) : AEP_OK;
    if (result != AEP_OK)
        return aep__publish_refused(run->pub, result);
    fill_in(run, facts);
    result = aep__publish(run->pub, &input, &sent, err);
    if (result != AEP_OK)
        return result;
    run->last_us = sent.timestamp_us;
    run->ended = terminal;
    aep__receipt_fill(&run->receipt, &sent);
    return AEP_OK;
}

static int publish_locked(aep_execution *run, struct aep__facts *facts, aep_receipt *receipt,
                          aep_error *err)
{
    int result;
    pthread_mutex_t *lock = lock_run(run, &result, err);
    if (result == AEP_OK)
        result = publish_next(run, facts, err);
    if (result == AEP_OK && receipt)
        aep__sized_write(receipt, &run->receipt, sizeof run->receipt);
    unlock_run(lock);
    return result;
}

static int publish_later(aep_execution *run, enum aep_kind kind, const void *args, aep_error *err)
{
    struct aep__facts facts;
    struct aep__call call = aep__call_begin();
    int result = AEP_OK;
    if (!run || !args)
        result = aep__error(err, AEP_EINVAL, run ? "event" : "execution", "no %s is given",
                            run ? "event" : "execution");
    if (result == AEP_OK)
        result = aep__facts_from_struct(kind, args, &facts, err);
    result = result == AEP_OK ? publish_locked(run, &facts, NULL, err)
                              : aep__publish_refused(run ? run->pub : NULL, result);
    return aep__call_end(call, aep__publish_end(run ? run->pub : NULL, result));
}

/* aep_execution_progress() and so on. */
#define NEXT(KIND, name, verb)                                                                     \
    int aep_execution_##verb(aep_execution *run, const aep_##name *event, aep_error *err)          \
    {                                                                                              \
        return publish_later(run, AEP_KIND_##KIND, event, err);                                    \
    }
AEP_KINDS_LATER(NEXT)

/* A number that is not a kind is refused where the fields are read. */
static bool opens(enum aep_kind kind)
{
    return aep_kind_name(kind) && aep__kinds[kind].opens;
}

int aep_execution_publish_fields(aep_execution *run, enum aep_kind kind, const aep_field *fields,
                                 size_t count, aep_receipt *receipt, aep_error *err)
{
    struct aep__facts facts;
    struct aep__call call = aep__call_begin();
    int result = AEP_OK;
    if (!run || (count && !fields) || opens(kind))
        result = aep__error(err, AEP_EINVAL, !run ? "execution" : "kind",
                            "no execution, kind after started, or fields are given");
    if (result == AEP_OK)
        result = aep__facts_from_fields(kind, fields, count, &facts, err);
    result = result == AEP_OK ? publish_locked(run, &facts, receipt, err)
                              : aep__publish_refused(run ? run->pub : NULL, result);
    return aep__call_end(call, aep__publish_end(run ? run->pub : NULL, result));
}

/* ---- asking, freeing ---- */

const aep_receipt *aep_execution_receipt(const aep_execution *run)
{
    return run ? &run->receipt : NULL;
}

const char *aep_execution_id(const aep_execution *run)
{
    return run ? run->id : "";
}

const char *aep_execution_correlation_id(const aep_execution *run)
{
    return run ? run->correlation_id : "";
}

const char *aep_execution_session_id(const aep_execution *run)
{
    return run ? run->session_id : "";
}

const char *aep_execution_traceparent(const aep_execution *run)
{
    return run ? run->child_traceparent : "";
}

static void abandon(aep_execution *run)
{
    struct aep__facts facts;
    const aep_failed *args = AEP_FAILED(.error_message = "the execution ended without reporting a "
                                                         "result",
                                        .error_code = "ABANDONED", .inferred = AEP_NUM(1));
    if (aep__facts_from_struct(AEP_KIND_FAILED, args, &facts, NULL) == AEP_OK)
        publish_locked(run, &facts, NULL, NULL);
    aep__publish_end(run->pub, AEP_OK);
}

void aep_execution_free(aep_execution *run)
{
    if (!run)
        return;
    struct aep__call call = aep__call_begin();
    struct aep__process *process = aep__publisher_process_made(run->pub);
    if (!run->ended && run->owner && run->owner == process)
        abandon(run);
    aep__enrolment_release(&run->enrolment, process);
    free_run(run);
    aep__call_end(call, AEP_OK);
}

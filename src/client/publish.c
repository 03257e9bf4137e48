/* SPDX-License-Identifier: Apache-2.0 */
#include "client/publish.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/sized.h"
#include "client/call.h"
#include "event/envelope_make.h"
#include "spool/record.h"

#include <stdio.h>
#include <string.h>

void aep__receipt_fill(aep_receipt *receipt, const struct aep__sent *sent)
{
    aep_receipt ours = {.position = sent->position, .spool = sent->spool};
    if (!receipt)
        return;
    memcpy(ours.event_id, sent->event_id, sizeof ours.event_id);
    memcpy(ours.correlation_id, sent->correlation_id, sizeof ours.correlation_id);
    aep__sized_write(receipt, &ours, sizeof ours);
}

/* ---- one event ---- */

static int make_record(const struct aep__process *process, struct aep__scratch *scratch,
                       const struct aep__input *input, aep_error *err)
{
    struct aep__envelope *envelope = &scratch->envelope;
    int result = input->facts ? aep__envelope_make(envelope, &process->settings, input->facts, err)
                              : aep__envelope_make_any(envelope, &process->settings, input->any,
                                                       aep__clock_wall_us(), err);
    if (result != AEP_OK)
        return result;
    aep__buf_clear(&scratch->record);
    if (!aep__record_encode_message(&scratch->record, &envelope->message))
        return aep__error(err, AEP_ETOOBIG, NULL, "the headers do not fit into a record");
    if (scratch->record.failed)
        return aep__error_memory(err);
    return AEP_OK;
}

static int check_record_size(const struct aep__process *process, const struct aep__scratch *scratch,
                             aep_error *err)
{
    if (scratch->record.len <= process->spool.record_bytes)
        return AEP_OK;
    return aep__error(err, AEP_ETOOBIG, NULL,
                      "the message has %zu bytes; %s was created with a smaller "
                      "limits.message_bytes and takes %llu",
                      scratch->record.len, process->spool.path,
                      (unsigned long long)process->spool.record_bytes);
}

static enum aep__counter counter_of(int code)
{
    switch (code) {
    case AEP_EFULL:
        return AEP__COUNT_refused_full;
    case AEP_EINVAL:
        return AEP__COUNT_refused_invalid;
    case AEP_ETOOBIG:
        return AEP__COUNT_refused_too_big;
    default:
        return AEP__COUNT_refused_io;
    }
}

/* The result of this event, for everyone to see. */
static void count_event(struct aep__process *process, const struct aep__text_counts *counts,
                        int code)
{
    struct aep__counters *counters = &process->counters;
    if (code != AEP_OK) {
        aep__counters_add(counters, counter_of(code), 1);
        return;
    }
    if (counts->repaired)
        aep__counters_add(counters, AEP__COUNT_repaired_utf8, counts->repaired);
    if (counts->redacted)
        aep__counters_add(counters, AEP__COUNT_redacted, counts->redacted);
    if (counts->cut)
        aep__counters_add(counters, AEP__COUNT_truncated, counts->cut);
}

/* Whether it may use the last part of the spool. */
static bool is_reserved(const struct aep__input *input)
{
    return input->facts && aep__kinds[input->facts->kind].reserved;
}

static void tend(struct aep__process *process)
{
    if (aep__process_tend(process))
        atomic_store(&process->start_due, true);
}

static int append_witnessed(struct aep__process *process, const struct aep__scratch *scratch,
                            const struct aep__input *input, aep_position *ret, aep_error *err)
{
    const struct aep__witness *witness = input->witness;
    int result = witness ? witness->before(input->user, process, &scratch->envelope, err) : AEP_OK;
    if (result != AEP_OK)
        return result;
    result = aep__process_append(process, scratch, is_reserved(input), ret, err);
    if (witness)
        witness->after(input->user, process, result);
    return result;
}

/* Appends if the record could be made, counts either way. */
static int append_counted(struct aep__process *process, const struct aep__scratch *scratch,
                          const struct aep__input *input, int made, struct aep__sent *ret,
                          aep_error *err)
{
    int result = aep__process_lock_quick(process, made == AEP_OK ? err : NULL);
    if (result != AEP_OK)
        return made == AEP_OK ? result : made;
    result = made;
    if (result == AEP_OK)
        result = check_record_size(process, scratch, err);
    if (result == AEP_OK)
        result = append_witnessed(process, scratch, input, &ret->position, err);
    ret->spool = aep__spool_number(&process->spool);
    if (result != AEP_ESTATE && (result != AEP_EFULL || !process->pub->tries_again))
        count_event(process, &scratch->envelope.counts, result);
    tend(process);
    aep__process_unlock_quietly(process);
    return result;
}

static void fill_sent(struct aep__sent *sent, const struct aep__envelope *envelope)
{
    struct aep__slice traceparent = envelope->traceparent;
    size_t room = sizeof sent->traceparent - 1, len = traceparent.len;
    len = len < room ? len : room;
    memcpy(sent->event_id, envelope->event_id, sizeof sent->event_id);
    memcpy(sent->correlation_id, envelope->correlation_id, sizeof sent->correlation_id);
    memcpy(sent->session_id, envelope->session_id, sizeof sent->session_id);
    memcpy(sent->traceparent, traceparent.data, len);
    sent->traceparent[len] = '\0';
    sent->timestamp_us = envelope->timestamp_us;
}

/* ---- events disabled: nothing is published, yet a program gets ids to pass on ---- */

static void take_id(char id[AEP_CORRELATION_ID_SIZE], const char *given, size_t len)
{
    if (given && len && len < AEP_CORRELATION_ID_SIZE)
        snprintf(id, AEP_CORRELATION_ID_SIZE, "%.*s", (int)len, given);
    else
        aep_id_new(id);
}

static void fill_disabled(struct aep__sent *sent, const struct aep__input *input)
{
    const struct aep__facts *facts = input->facts;
    uint8_t event_id[16];
    sent->timestamp_us = aep__clock_wall_us();
    aep__id_make(sent->timestamp_us, event_id);
    aep__id_format(event_id, sent->event_id);
    if (facts) {
        const struct aep__kind_row *kind = &aep__kinds[facts->kind];
        const struct aep__value *correlation = &facts->values[kind->correlation];
        take_id(sent->correlation_id, correlation->text, correlation->len);
        if (kind->session < kind->member_count)
            take_id(sent->session_id, facts->values[kind->session].text,
                    facts->values[kind->session].len);
    } else {
        const char *given = input->any->correlation_id;
        take_id(sent->correlation_id, given, given ? strlen(given) : 0);
    }
    aep__traceparent_make(sent->correlation_id, strlen(sent->correlation_id), event_id,
                          sent->traceparent);
}

int aep__publish(aep_publisher *pub, const struct aep__input *input, struct aep__sent *ret,
                 aep_error *err)
{
    struct aep__process *process;
    memset(ret, 0, sizeof *ret);
    if (!pub->enabled) {
        fill_disabled(ret, input);
        return AEP_OK;
    }
    int result = aep__publisher_process(pub, &process, err);
    if (result != AEP_OK)
        return result;
    struct aep__scratch *scratch = aep__scratch_take(process);
    if (!scratch)
        return aep__error_memory(err);
    result = make_record(process, scratch, input, err);
    result = append_counted(process, scratch, input, result, ret, err);
    if (result == AEP_OK)
        fill_sent(ret, &scratch->envelope);
    aep__scratch_put(process, scratch);
    return result;
}

int aep__publish_refused(aep_publisher *pub, int code)
{
    static const struct aep__text_counts none;
    struct aep__process *process;
    if (!pub || !pub->enabled || aep__publisher_process(pub, &process, NULL) != AEP_OK ||
        aep__process_lock_quick(process, NULL) != AEP_OK)
        return code;
    count_event(process, &none, code);
    tend(process);
    aep__process_unlock_quietly(process);
    return code;
}

int aep__publish_end(aep_publisher *pub, int code)
{
    struct aep__process *process = pub && pub->enabled ? aep__publisher_process_made(pub) : NULL;
    if (!process)
        return code;
    if (atomic_load_explicit(&process->start_due, memory_order_relaxed) &&
        atomic_exchange(&process->start_due, false))
        aep__publisher_start_relay(pub, process, NULL);
    aep__process_tell(process);
    return code;
}

/* ---- the public calls ---- */

static int check_arguments(const aep_publisher *pub, const void *event, const aep_receipt *receipt,
                           aep_error *err)
{
    if (!pub || !event)
        return aep__error(err, AEP_EINVAL, pub ? "event" : "publisher", "no %s is given",
                          pub ? "event" : "publisher");
    return receipt ? aep__sized_check_out(receipt, "receipt", err) : AEP_OK;
}

static int publish_input(aep_publisher *pub, const struct aep__input *input, aep_receipt *receipt,
                         aep_error *err)
{
    struct aep__sent sent;
    int result = aep__publish(pub, input, &sent, err);
    if (result == AEP_OK)
        aep__receipt_fill(receipt, &sent);
    return result;
}

static int publish_struct(aep_publisher *pub, enum aep_kind kind, const void *args,
                          aep_receipt *receipt, aep_error *err)
{
    struct aep__facts facts;
    struct aep__call call = aep__call_begin();
    int result = check_arguments(pub, args, receipt, err);
    if (result == AEP_OK)
        result = aep__facts_from_struct(kind, args, &facts, err);
    result = result == AEP_OK
                 ? publish_input(pub, &(struct aep__input){.facts = &facts}, receipt, err)
                 : aep__publish_refused(pub, result);
    return aep__call_end(call, aep__publish_end(pub, result));
}

/* aep_publish_started() and so on. */
#define PUBLISH(KIND, name, verb)                                                                  \
    int aep_publish_##name(aep_publisher *pub, const aep_##name *event, aep_receipt *receipt,      \
                           aep_error *err)                                                         \
    {                                                                                              \
        return publish_struct(pub, AEP_KIND_##KIND, event, receipt, err);                          \
    }
AEP_KINDS(PUBLISH)

int aep_publish_fields(aep_publisher *pub, enum aep_kind kind, const aep_field *fields,
                       size_t count, aep_receipt *receipt, aep_error *err)
{
    struct aep__facts facts;
    struct aep__call call = aep__call_begin();
    int result = check_arguments(pub, count ? (const void *)fields : "", receipt, err);
    if (result == AEP_OK && !aep_kind_name(kind))
        result = aep__error(err, AEP_EINVAL, "kind", "%d is not a kind of event", (int)kind);
    if (result == AEP_OK)
        result = aep__facts_from_fields(kind, fields, count, &facts, err);
    result = result == AEP_OK
                 ? publish_input(pub, &(struct aep__input){.facts = &facts}, receipt, err)
                 : aep__publish_refused(pub, result);
    return aep__call_end(call, aep__publish_end(pub, result));
}

int aep_publish_event(aep_publisher *pub, const aep_event *event, aep_receipt *receipt,
                      aep_error *err)
{
    aep_event ours;
    struct aep__call call = aep__call_begin();
    int result = check_arguments(pub, event, receipt, err);
    if (result == AEP_OK)
        result = aep__sized_check(event, sizeof ours, "AEP_EVENT()", err);
    if (result == AEP_OK)
        aep__sized_read(event, &ours, sizeof ours);
    result = result == AEP_OK ? publish_input(pub, &(struct aep__input){.any = &ours}, receipt, err)
                              : aep__publish_refused(pub, result);
    return aep__call_end(call, aep__publish_end(pub, result));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/abandonment.h"

#include "base/error.h"
#include "base/id.h"
#include "base/json.h"
#include "event/envelope_make.h"
#include "spool/record.h"

#include <stdio.h>
#include <string.h>

#define MESSAGE_BYTES (16 << 20) /* it was within limits when it was started */

void aep__abandonment_lasted(int64_t us, char *text, size_t size)
{
    long long s = us / 1000000;
    if (s < 1)
        snprintf(text, size, "%lld ms", (long long)us / 1000);
    else if (s < 120)
        snprintf(text, size, "%lld s", s);
    else if (s < 2 * 3600)
        snprintf(text, size, "%lld min", s / 60);
    else if (s < 48 * 3600)
        snprintf(text, size, "%lld h %lld min", s / 3600, s / 60 % 60);
    else
        snprintf(text, size, "%lld days", s / 86400);
}

static void describe(const struct aep__abandonment *abandonment, char *text, size_t size)
{
    const struct aep__os_process *process = abandonment->process;
    char lasted[48];
    aep__abandonment_lasted(abandonment->area->lasted_us, lasted, sizeof lasted);
    snprintf(
        text, size, "process %lld%s%s%s %s; the execution was open for %s", (long long)process->pid,
        process->name[0] ? " (" : "", process->name, process->name[0] ? ")" : "",
        abandonment->dropped ? "lives, but can no longer end this execution" : "is gone", lasted);
}

/* ---- the settings of its publisher ---- */

enum { TENANT, NAMESPACE, SOURCE, SETTINGS };
static const char *const setting_names[SETTINGS] = {"tenant_id", "namespace", "source"};

/* The texts of one publisher, each with its NUL. */
struct texts {
    struct aep__buf bufs[SETTINGS];
    struct aep__buf json, scratch, environment, agent_name;
};

static void copy_decoded(struct texts *texts, struct aep__slice raw, struct aep__buf *out)
{
    struct aep__slice text = aep__json_decode(raw, &texts->scratch, NULL);
    if (text.data)
        aep__buf_add(out, text.data, text.len);
    else
        out->failed = true;
    aep__buf_string(out);
}

/* They stand there as they stand in every envelope: ","tenant_id":"…", … ,"correlation_id": */
static bool read_settings(struct texts *texts, struct aep__slice settings)
{
    struct aep__json json = {0};
    enum aep__json_token token;
    unsigned found = 0;
    aep__buf_text(&texts->json, "{\"timestamp\":\"");
    aep__buf_add(&texts->json, settings.data, settings.len);
    aep__buf_text(&texts->json, "\"\"}");
    aep__json_begin(&json, texts->json.data, texts->json.len, AEP__JSON_DEPTH, false);
    aep__json_next(&json);
    while ((token = aep__json_next(&json)) == AEP__JSON_NAME) {
        int name = 0;
        while (name < SETTINGS && !aep__json_is_name(&json, setting_names[name]))
            name++;
        token = aep__json_next(&json);
        if (token != AEP__JSON_STRING)
            break;
        if (name == SETTINGS)
            continue;
        copy_decoded(texts, json.token, &texts->bufs[name]);
        found |= 1U << name;
    }
    aep__json_done(&json);
    return found == (1U << SETTINGS) - 1;
}

static int prepare(struct texts *texts, const struct aep__roll_body *body,
                   struct aep__envelope_settings *ret, aep_error *err)
{
    struct aep__slice name = body->texts[AEP__ROLL_AGENT_NAME];
    struct aep__slice environment = body->texts[AEP__ROLL_ENVIRONMENT];
    if (!read_settings(texts, body->texts[AEP__ROLL_SETTINGS]) || name.len < 2)
        return aep__error(err, AEP_EINVAL, NULL, "no publisher wrote that");
    copy_decoded(texts, (struct aep__slice){name.data + 1, name.len - 2}, &texts->agent_name);
    aep__buf_add(&texts->environment, environment.data, environment.len);
    *ret = (struct aep__envelope_settings){
        .tenant_id = aep__buf_string(&texts->bufs[TENANT]),
        .namespace_ = aep__buf_string(&texts->bufs[NAMESPACE]),
        .source = aep__buf_string(&texts->bufs[SOURCE]),
        .environment = aep__buf_string(&texts->environment),
        .single_topic = body->single_topic,
        .cloudevents = body->cloudevents,
        .capture_request = true,
        .field_bytes = MESSAGE_BYTES,
        .message_bytes = MESSAGE_BYTES,
    };
    return aep__envelope_settings_prepare(ret, err);
}

static void free_texts(struct texts *texts)
{
    for (int i = 0; i < SETTINGS; i++)
        aep__buf_done(&texts->bufs[i]);
    aep__buf_done(&texts->json);
    aep__buf_done(&texts->scratch);
    aep__buf_done(&texts->environment);
    aep__buf_done(&texts->agent_name);
}

/* ---- the event ---- */

static struct aep__value value_of(struct aep__slice text)
{
    return (struct aep__value){.text = text.data, .len = text.len, .given = text.len > 0};
}

static void set(struct aep__facts *facts, const char *name, struct aep__slice text)
{
    facts->values[aep__kind_find_member(facts->kind, name, strlen(name))] = value_of(text);
}

static int make_facts(const struct aep__abandonment *abandonment, const struct texts *texts,
                      const char *message, const char *execution, struct aep__facts *ret,
                      aep_error *err)
{
    const struct aep__roll_body *body = abandonment->body;
    const struct aep__roll_area *area = abandonment->area;
    double duration_ms = (double)((area->lasted_us + 500) / 1000);
    int result =
        abandonment->ended_well
            ? aep__facts_from_struct(AEP_KIND_COMPLETED,
                                     AEP_COMPLETED(.duration_ms = AEP_NUM(duration_ms),
                                                   .metrics = "{\"ended_by\":\"process_gone\"}"),
                                     ret, err)
            : aep__facts_from_struct(AEP_KIND_FAILED,
                                     AEP_FAILED(.error_message = message, .error_code = "ABANDONED",
                                                .duration_ms = AEP_NUM(duration_ms),
                                                .inferred = AEP_NUM(1)),
                                     ret, err);
    if (result != AEP_OK)
        return result;
    set(ret, "agent_name", (struct aep__slice){texts->agent_name.data, texts->agent_name.len});
    set(ret, "correlation_id", body->texts[AEP__ROLL_CORRELATION_ID]);
    set(ret, "session_id", body->texts[AEP__ROLL_SESSION_ID]);
    ret->causation_id = value_of(aep__slice_text(execution));
    ret->traceparent = value_of(body->texts[AEP__ROLL_TRACEPARENT]);
    ret->tracestate = value_of(body->texts[AEP__ROLL_TRACESTATE]);
    ret->now_us = area->at_us;
    ret->last_us = body->started_us;
    ret->event_id = area->event;
    return AEP_OK;
}

static int encode_with(const struct aep__abandonment *abandonment, const struct texts *texts,
                       const struct aep__envelope_settings *settings, struct aep__buf *out,
                       aep_error *err)
{
    char message[160], execution[AEP_ID_SIZE];
    struct aep__envelope envelope = {0};
    struct aep__facts facts;
    aep__id_format(abandonment->area->execution, execution);
    describe(abandonment, message, sizeof message);
    int result = make_facts(abandonment, texts, message, execution, &facts, err);
    if (result == AEP_OK)
        result = aep__envelope_make(&envelope, settings, &facts, err);
    if (result == AEP_OK && !aep__record_encode_message(out, &envelope.message))
        result = aep__error(err, AEP_EINVAL, NULL, "its headers do not fit into a record");
    aep__envelope_done(&envelope);
    return result;
}

int aep__abandonment_encode(const struct aep__abandonment *abandonment, struct aep__buf *out,
                            aep_error *err)
{
    struct texts texts = {0};
    struct aep__envelope_settings settings = {0};
    int result = prepare(&texts, abandonment->body, &settings, err);
    if (result == AEP_OK)
        result = encode_with(abandonment, &texts, &settings, out, err);
    if (result == AEP_OK && out->failed)
        result = aep__error_memory(err);
    aep__envelope_settings_done(&settings);
    free_texts(&texts);
    return result;
}

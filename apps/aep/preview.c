/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope of an event that is not published: no spool, no broker need be configured. */
#include <stdlib.h>

#include "publish.h"

#include "event/envelope.h"

/* As the library has them for a publisher. */
static int prepare_settings(const aep_config *config, const struct aep__redactor *redactor,
                            struct aep__envelope_settings *settings, aep_error *err)
{
    *settings = (struct aep__envelope_settings){
        .tenant_id = aep__config_text(config, AEP__OPT_TENANT_ID),
        .namespace_ = aep__config_text(config, AEP__OPT_NAMESPACE),
        .source = aep__config_text(config, AEP__OPT_SOURCE),
        .environment = aep__config_text(config, AEP__OPT_ENVIRONMENT),
        .traceparent = getenv("TRACEPARENT"),
        .tracestate = getenv("TRACESTATE"),
        .single_topic = aep__config_is(config, AEP__OPT_TOPIC_LAYOUT, "single"),
        .cloudevents = aep__config_bool(config, AEP__OPT_WIRE_CLOUDEVENTS),
        .ids_strict = aep__config_bool(config, AEP__OPT_IDS_STRICT),
        .capture_request = aep__config_bool(config, AEP__OPT_CAPTURE_REQUEST),
        .field_bytes = (size_t)aep__config_int(config, AEP__OPT_LIMITS_FIELD_BYTES),
        .message_bytes = (size_t)aep__config_int(config, AEP__OPT_LIMITS_MESSAGE_BYTES),
        .redactor = redactor,
    };
    return aep__envelope_settings_prepare(settings, err);
}

static int make_envelope(const struct aep__draft *draft,
                         const struct aep__envelope_settings *settings,
                         struct aep__envelope *envelope, aep_error *err)
{
    struct aep__event event;
    if (draft->kind < 0)
        return aep__envelope_make_any(envelope, settings, &draft->event, 0, err);
    int code = aep__event_from_fields((enum aep_kind)draft->kind, draft->fields, draft->field_count,
                                      &event, err);
    return code == AEP_OK ? aep__envelope_make(envelope, settings, &event, err) : code;
}

int aep__draft_preview(const struct aep__draft *draft, const aep_config *config,
                       struct aep__buf *out, aep_error *err)
{
    aep_config *loaded = NULL;
    struct aep__redactor *redactor = NULL;
    struct aep__envelope_settings settings = {0};
    struct aep__envelope envelope = {0};
    int code = aep__config_load(config, &loaded, err);
    if (code == AEP_OK && aep__config_bool(loaded, AEP__OPT_REDACT))
        code = aep__redactor_new(aep__config_text(loaded, AEP__OPT_REDACT_EXTRA), &redactor, err);
    if (code == AEP_OK)
        code = prepare_settings(loaded, redactor, &settings, err);
    if (code == AEP_OK)
        code = make_envelope(draft, &settings, &envelope, err);
    if (code == AEP_OK) {
        aep__buf_add(out, envelope.message.value.data, envelope.message.value.len);
        aep__buf_byte(out, '\n');
    }
    aep__envelope_done(&envelope);
    aep__envelope_settings_done(&settings);
    aep__redactor_free(redactor);
    aep_config_free(loaded);
    return code;
}
